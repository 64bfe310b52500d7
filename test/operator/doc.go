// Package operator holds the scripts that an operator runs against a deployed fleet to what they say they do. The AWS
// CLI is played by a script that keeps a shard's state in files.
package operator
