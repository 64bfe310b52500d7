// Package templates holds the laws that the synthesized CloudFormation templates keep. It reads them as AWS would, as
// JSON, and knows nothing of how the CDK app makes them.
//
// There is one package for everything that starts the CDK's JavaScript kernel: one kernel serves all tests, and the
// kernel's pipe is not safe for the race detector or for parallel tests.
package templates
