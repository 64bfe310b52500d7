// Command jibris is the Lambda that keeps enough recorders free.
package main

import (
	"context"
	"log"
	"os"
	"time"
	_ "time/tzdata" // schedules name time zones, and the Lambda runtime has no database of them

	"github.com/aws/aws-lambda-go/events"
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
		log.Fatalf("jibris does not start: %v", err)
	}
	lambda.Start(func(ctx context.Context, raw wire.Raw) (events.SQSEventResponse, error) {
		wakeups := event.Parse(raw)
		record, err := loop.Run(ctx, wakeups)
		return wire.Answer(wakeups, wire.Finish(record, err))
	})
}

func connect(ctx context.Context) (reconcile.Jibris, error) {
	var env settings.JibrisEnv
	if err := settings.DecodeEnv(&env, os.LookupEnv); err != nil {
		return reconcile.Jibris{}, err
	}
	schedules, err := settings.ParseSchedules([]byte(env.Schedules))
	if err != nil {
		return reconcile.Jibris{}, err
	}
	c, err := wire.Connect(ctx, env.Control, os.LookupEnv)
	state := awscloud.State{Client: dynamodb.NewFromConfig(c.AWS), Table: env.StateTable}
	return reconcile.Jibris{
		Env: env, Observer: c.Observer, Leases: state, Profiles: state, Log: c.Log, Now: time.Now,
		Runtime: reconcile.Runtime{
			Parameters: awscloud.Parameter{Client: ssm.NewFromConfig(c.AWS), Name: env.RuntimeParameter},
			Memory:     state,
			Announcer:  awscloud.Bus{Client: eventbridge.NewFromConfig(c.AWS), Fleet: env.Fleet},
			Deployed:   schedules,
			Log:        c.Log,
		},
	}, err
}
