// Package refusals holds that the CDK app itself refuses wrong settings: with exit status 1, every problem named at
// once, and nothing synthesized. What the rules are is tested in pkg/settings; here the program runs that
// npx cdk synth runs.
package refusals
