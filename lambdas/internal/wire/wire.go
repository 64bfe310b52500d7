// Package wire connects the Lambdas of the control plane to AWS and to the node agents. It decides nothing.
package wire

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
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
	Agents   *agent.Client // the same that the Observer asks
	Log      *slog.Logger
}

// Connect connects once for the life of a function's environment.
func Connect(ctx context.Context, control settings.Control, lookup Lookup) (Connections, error) {
	cfg, err := Session(lookup)
	if err != nil {
		return Connections{}, err
	}
	secret, err := awscloud.Secret{Client: secretsmanager.NewFromConfig(cfg), ARN: control.AgentSecretARN}.Read(ctx)
	if err != nil {
		return Connections{}, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	agents := agent.NewClient(secret, settings.AgentPort, time.Now)
	return Connections{
		AWS: cfg, Agents: agents,
		Observer: reconcile.Observer{
			Fleet:        control.Fleet,
			Groups:       awscloud.Groups{Client: autoscaling.NewFromConfig(cfg)},
			Machines:     awscloud.Machines{Client: ec2.NewFromConfig(cfg)},
			Agents:       agents,
			AgentTimeout: control.AgentTimeout,
			Now:          time.Now,
			Log:          log,
		},
		Log: log,
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
