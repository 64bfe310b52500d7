// Package cloud holds the contract of pkg/awscloud: what the control loops' interfaces promise, kept by the adapters
// against API servers that answer over HTTP. These are a moto server and, where moto lacks Auto Scaling's lifecycle
// and EventBridge's events, the emulator in front of it.
//
// It must not know the control loops' decisions nor the CDK app: its groups are those of a template of its own.
package cloud
