// Command catalogue lists a fleet's recordings, shows one, makes a link to it, and has one verified anew. scripts/recordings
// finds the table, the bucket and the queue for it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud/objects"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := start(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// named is a queue whose address is asked for when something is sent.
type named struct {
	client *sqs.Client
	name   string
}

func (n named) Send(ctx context.Context, r recording.Recording) error {
	found, err := n.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(n.name)})
	if err != nil {
		return fmt.Errorf("the queue %s is not to be found: %w", n.name, err)
	}
	return awscloud.Queue{Client: n.client, URL: aws.ToString(found.QueueUrl)}.Send(ctx, r)
}

func start(ctx context.Context, arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("catalogue", flag.ContinueOnError)
	table := flags.String("table", "", "the catalogue's DynamoDB `table`")
	bucket := flags.String("bucket", "", "the recordings' `bucket`")
	queue := flags.String("queue", "", "the `name` of the recordings queue")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	session, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("AWS cannot be used: %w", err)
	}
	return desk{
		catalogue: awscloud.Catalogue{Client: dynamodb.NewFromConfig(session), Table: *table},
		objects:   objects.NewBucket(session, *bucket),
		queue:     named{client: sqs.NewFromConfig(session), name: *queue},
		out:       out, now: time.Now(),
	}.run(ctx, flags.Args())
}
