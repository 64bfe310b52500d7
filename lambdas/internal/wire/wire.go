// Package wire connects the Lambdas of the control plane to AWS and to the node agents. It decides nothing.
package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Connections are what every loop of the control plane needs.
type Connections struct {
	AWS      aws.Config
	Observer reconcile.Observer
	State    awscloud.State
	Log      *slog.Logger
}

// attempts is how often the SDK tries a call: throttling of Auto Scaling and EC2 is per account and passes.
const attempts = 8

// Env reads a Lambda's env contract.
func Env(contract any) error { return settings.DecodeEnv(contract, os.LookupEnv) }

// Connect connects once for the life of a function's environment.
func Connect(ctx context.Context, control settings.Control) (Connections, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryer(func() aws.Retryer {
		return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts = attempts })
		})
	}))
	if err != nil {
		return Connections{}, fmt.Errorf("no AWS configuration: %w", err)
	}
	secret, err := awscloud.Secret{Client: secretsmanager.NewFromConfig(cfg), ARN: control.AgentSecretARN}.Read(ctx)
	if err != nil {
		return Connections{}, err
	}
	return Connections{
		AWS: cfg,
		Observer: reconcile.Observer{
			Fleet:        control.Fleet,
			Groups:       awscloud.Groups{Client: autoscaling.NewFromConfig(cfg)},
			Machines:     awscloud.Machines{Client: ec2.NewFromConfig(cfg)},
			Agents:       agent.NewClient(secret, settings.AgentPort, time.Now),
			AgentTimeout: control.AgentTimeout,
			Now:          time.Now,
		},
		State: awscloud.State{Client: dynamodb.NewFromConfig(cfg), Table: control.StateTable},
		Log:   slog.New(lambdacontext.NewLogHandler()),
	}, nil
}

// Finish publishes what a run measured, with whether it failed, and hands the run's error on.
func Finish(record *telemetry.Record, failed error) error {
	failures := 0.0
	if failed != nil {
		failures = 1
	}
	record.Fleet(telemetry.ReconcileErrors, failures)
	_, err := record.WriteTo(os.Stdout)
	return errors.Join(failed, err)
}

// Raw is an event as AWS delivers it.
type Raw = json.RawMessage
