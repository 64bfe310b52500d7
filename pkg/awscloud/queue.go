package awscloud

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Queue is the recordings queue.
type Queue struct {
	Client *sqs.Client
	URL    string
}

// Send announces a recording to the catalogue.
func (q Queue) Send(ctx context.Context, r recording.Recording) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("recording %s has no JSON: %w", r.ID, err)
	}
	if _, err := q.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(q.URL), MessageBody: aws.String(string(body))}); err != nil {
		return fmt.Errorf("recording %s is not queued: %w", r.ID, err)
	}
	return nil
}

// Topic is an SNS topic.
type Topic struct {
	Client *sns.Client
	ARN    string
	// Fleet is put into every message.
	Fleet string
}

// Announce publishes {"fleet", "kind", "data"}. The kind is a message attribute too, by which subscribers can filter.
func (t Topic) Announce(ctx context.Context, kind string, detail any) error {
	body, err := json.Marshal(map[string]any{"fleet": t.Fleet, "kind": kind, "data": detail})
	if err != nil {
		return fmt.Errorf("message %q has no JSON: %w", kind, err)
	}
	_, err = t.Client.Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(t.ARN), Message: aws.String(string(body)),
		MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String(kind)}},
	})
	if err != nil {
		return fmt.Errorf("message %q is not published: %w", kind, err)
	}
	return nil
}
