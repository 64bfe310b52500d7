// Command lifecycle is the Lambda that admits new instances and lets leaving ones go.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/jitsi-fleet/jitsi-fleet/lambdas/internal/wire"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	loop, err := connect(context.Background())
	if err != nil {
		log.Fatalf("lifecycle does not start: %v", err)
	}
	lambda.Start(func(ctx context.Context, raw wire.Raw) (events.SQSEventResponse, error) {
		wakeups := event.Parse(raw)
		record, err := loop.Run(ctx, wakeups)
		return wire.Answer(wakeups, wire.Finish(record, err))
	})
}

func connect(ctx context.Context) (reconcile.Lifecycle, error) {
	var env settings.LifecycleEnv
	if err := settings.DecodeEnv(&env, os.LookupEnv); err != nil {
		return reconcile.Lifecycle{}, err
	}
	c, err := wire.Connect(ctx, env.Control, os.LookupEnv)
	return reconcile.Lifecycle{
		Env: env, Observer: c.Observer, Log: c.Log, Now: time.Now,
		Leases:    awscloud.State{Client: dynamodb.NewFromConfig(c.AWS), Table: env.StateTable},
		Announcer: awscloud.Bus{Client: eventbridge.NewFromConfig(c.AWS), Fleet: env.Fleet},
		Names:     awscloud.Zone{Client: route53.NewFromConfig(c.AWS), ID: env.PrivateZoneID},
	}, err
}
