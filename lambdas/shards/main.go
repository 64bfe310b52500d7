// Command shards is the Lambda that watches the shards' states and mends rooms that live on two shards.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jitsi-fleet/jitsi-fleet/lambdas/internal/wire"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	loop, err := connect(context.Background())
	if err != nil {
		log.Fatalf("shards does not start: %v", err)
	}
	lambda.Start(func(ctx context.Context, raw wire.Raw) error {
		record, err := loop.Run(ctx, event.Parse(raw))
		return wire.Finish(record, err)
	})
}

func connect(ctx context.Context) (reconcile.Shards, error) {
	var env settings.ShardsEnv
	if err := settings.DecodeEnv(&env, os.LookupEnv); err != nil {
		return reconcile.Shards{}, err
	}
	c, err := wire.Connect(ctx, env.Control, os.LookupEnv)
	return reconcile.Shards{
		Env: env, Observer: c.Observer, Censuses: c.Agents, Log: c.Log, Now: time.Now,
		States:    awscloud.ShardStates{Client: ssm.NewFromConfig(c.AWS), Fleet: env.Fleet},
		Leases:    awscloud.State{Client: dynamodb.NewFromConfig(c.AWS), Table: env.StateTable},
		Announcer: awscloud.Bus{Client: eventbridge.NewFromConfig(c.AWS), Fleet: env.Fleet},
	}, err
}
