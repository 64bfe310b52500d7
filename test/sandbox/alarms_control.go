package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
)

// controlCauses are what goes wrong with the control plane itself, and with what it sees.
func controlCauses() []cause {
	return []cause{
		{
			name: "AWS refuses every call of the Lambdas", alarms: each("errors", "dead-not-empty"), tells: []string{"control-plane-failing", "control-plane-ailing"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return g.failing(ctx, emulator.Trouble{Services: []string{"autoscaling", "ec2", "dynamodb", "ssm", "s3", "secretsmanager"}, Callers: g.lambdas()})
			},
		},
		{
			name: "the account's concurrency is used up", alarms: each("throttles"), tells: []string{"control-plane-failing", "control-plane-ailing"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return g.failing(ctx, emulator.Trouble{Services: []string{"lambda"}})
			},
		},
		{
			name: "no schedule ticks", alarms: each("idle"), tells: []string{"control-plane-failing"},
			begin: disturbing(emulator.Trouble{Services: []string{"scheduler"}}),
		},
		{
			name: "the Lambdas have outgrown their processors", alarms: each("slow"), tells: []string{"control-plane-ailing"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return ending(g.stage.cloud.Starve(alarmsLimit*9/10, g.lambdas()...)), nil
			},
		},
		{
			name: "CloudWatch loses the log of metrics", alarms: []string{"metrics-silent"}, tells: []string{"telemetry-silent"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return ending(g.stage.cloud.Disturb(emulator.Trouble{Services: []string{"logs"}, Callers: []string{g.full("metrics")}})), nil
			},
		},
		{
			name: "a bridge's agent hangs", alarms: []string{"agents-silent"}, tells: []string{"node-silent"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return g.hangOne(fleet.RoleBridge)
			},
		},
		{
			name: "every agent but HAProxy's hangs", alarms: []string{"SHARD-nodes-silent", "jibris-frozen"}, tells: []string{"telemetry-silent"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return func(context.Context) error { return g.stage.machines.hang(false) }, g.stage.machines.hang(true)
			},
		},
		{
			name: "a slip of the pen in the run-time settings", alarms: []string{"settings-refused"}, tells: []string{"settings-refused"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				name := settings.RuntimeParameter(g.stage.settings.Fleet)
				return func(ctx context.Context) error { return g.write(ctx, name, "{}") }, g.write(ctx, name, `{"minBridges": -1}`)
			},
		},
	}
}

func disturbing(t emulator.Trouble) func(context.Context, *ground) (func(context.Context) error, error) {
	return func(_ context.Context, g *ground) (func(context.Context) error, error) {
		return ending(g.stage.cloud.Disturb(t)), nil
	}
}

// lambdas are the names of the fleet's Lambdas.
func (g *ground) lambdas() []string {
	var names []string
	for _, name := range lambdas {
		names = append(names, g.full(name))
	}
	return names
}

// lastTries is how long events are tried after trouble has ended, and a little more.
const lastTries = 8 * time.Minute

// failing lets trouble last until events are given up, and once the Lambdas do well again purges the queues that hold
// them, as the runbook says.
func (g *ground) failing(ctx context.Context, t emulator.Trouble) (func(context.Context) error, error) {
	began, end := time.Now(), g.stage.cloud.Disturb(t)
	err := lookUntil(ctx, glanceAtAlarms, longestDrive, "every Lambda's dead-letter queue has something", func() bool {
		for _, name := range each("dead-not-empty") {
			if !g.fired(name, began) {
				return false
			}
		}
		return g.fired("control-plane-failing", began)
	})
	end()
	if ctx.Err() != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		// What has failed twice is given up within three minutes more: a queue is purged once no more comes.
		failed := g.stage.clock.Sleep(ctx, lastTries)
		for _, name := range each("dead") {
			failed = errors.Join(failed, g.purge(ctx, name))
		}
		return failed
	}, nil
}

// purge empties a queue.
func (g *ground) purge(ctx context.Context, name string) error {
	client := sqs.NewFromConfig(g.aws)
	address, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(g.full(name))})
	if err != nil {
		return err
	}
	_, err = client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: address.QueueUrl})
	return err
}

// write writes an SSM parameter, as an operator does.
func (g *ground) write(ctx context.Context, name, value string) error {
	_, err := ssm.NewFromConfig(g.aws).PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String(value), Overwrite: aws.Bool(true)})
	return err
}

// hangOne hangs the agent of one node of a role.
func (g *ground) hangOne(role fleet.Role) (func(context.Context) error, error) {
	ids := g.serving(role)
	if len(ids) == 0 {
		return nil, errors.New("there is no such node")
	}
	return func(context.Context) error { return g.stage.machines.hangAgent(ids[0], false) }, g.stage.machines.hangAgent(ids[0], true)
}
