// Command recordings is the Lambda that brings recordings into the catalogue: announcements of the recorders come from
// their queue, and each minute it looks for what is missing.
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/jitsi-fleet/jitsi-fleet/lambdas/internal/wire"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud/objects"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// atOnce is how many recordings a run attends to at a time: a batch of the queue is ten messages, and a sweep of a
// thousand with some calls of 20 ms for each takes ten seconds.
const atOnce = 8

func main() {
	loop, err := connect()
	if err != nil {
		log.Fatalf("recordings does not start: %v", err)
	}
	lambda.Start(func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		if len(event.Records) == 0 {
			record, err := loop.Sweep(ctx)
			return events.SQSEventResponse{}, wire.Finish(record, err)
		}
		record, again, err := loop.Receive(ctx, announcements(event))
		return answer(again, wire.Finish(record, err))
	})
}

func announcements(event events.SQSEvent) []reconcile.Announcement {
	list := make([]reconcile.Announcement, 0, len(event.Records))
	for _, r := range event.Records {
		list = append(list, reconcile.Announcement{Message: r.MessageId, Body: []byte(r.Body)})
	}
	return list
}

// answer names the messages that are to be delivered again. A failure beside them, of the metrics, costs no message.
func answer(again []string, failed error) (events.SQSEventResponse, error) {
	var response events.SQSEventResponse
	for _, id := range again {
		if id == "" {
			return response, errors.Join(errors.New("a message without an id cannot be delivered again alone"), failed)
		}
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
	}
	return response, nil
}

func connect() (reconcile.Recordings, error) {
	var env settings.RecordingsEnv
	if err := settings.DecodeEnv(&env, os.LookupEnv); err != nil {
		return reconcile.Recordings{}, err
	}
	cfg, err := wire.Session(os.LookupEnv)
	if err != nil {
		return reconcile.Recordings{}, err
	}
	return reconcile.Recordings{
		Env: env, AtOnce: atOnce, Log: slog.New(slog.NewJSONHandler(os.Stdout, nil)), Now: time.Now,
		Catalogue: awscloud.Catalogue{Client: dynamodb.NewFromConfig(cfg), Table: env.Catalogue},
		Objects:   objects.NewBucket(cfg, env.Bucket),
		Machines:  awscloud.Machines{Client: ec2.NewFromConfig(cfg)},
		Topic:     awscloud.Topic{Client: sns.NewFromConfig(cfg), ARN: env.TopicARN, Fleet: env.Fleet},
		Bus:       awscloud.Bus{Client: eventbridge.NewFromConfig(cfg), Fleet: env.Fleet},
	}, nil
}
