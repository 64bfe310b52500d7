package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud/objects"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// secretRetry is how long the agent waits before it asks for its secret again, and secretTimeout how long one
// question may take.
const (
	secretRetry   = 5 * time.Second
	secretTimeout = 10 * time.Second
)

// shortestSecret is the least length of the fleet's secret in bytes; the template generates a longer one.
const shortestSecret = 16

// cloud is what an agent needs of AWS: its secret, the topic of the wake-ups, and what is a role's own.
type cloud struct {
	fleetSecret awscloud.Secret
	topics      *sns.Client
	topicARN    string
	// shardState is a signal node's parameter with the state of its shard.
	shardState awscloud.Parameter
	// edge is an edge node's parameter that says where its configuration is, and assets reads it.
	edge   awscloud.Parameter
	assets objects.Store
	// What a recorder needs: the bucket, the queue of its recordings, and the parameter with the list of shards.
	objects   objects.Bucket
	queue     awscloud.Queue
	shardList awscloud.Parameter
}

func connect(ctx context.Context, n settings.Node) (*cloud, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS cannot be used: %w", err)
	}
	parameters := ssm.NewFromConfig(c)
	all := &cloud{
		fleetSecret: awscloud.Secret{Client: secretsmanager.NewFromConfig(c), ARN: n.AgentSecretARN},
		topics:      sns.NewFromConfig(c),
		topicARN:    n.WakeTopicARN,
		shardState:  awscloud.Parameter{Client: parameters, Name: n.ShardParameter},
		edge:        awscloud.Parameter{Client: parameters, Name: n.EdgeParameter},
	}
	store := s3.NewFromConfig(c, func(o *s3.Options) {
		o.UsePathStyle = true // an endpoint of the operator's own need not have a name for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	all.assets = objects.Store{Client: store}
	if r := n.Recorder; r != nil {
		all.objects = objects.Bucket{Client: store, Name: r.Bucket}
		all.queue = awscloud.Queue{Client: sqs.NewFromConfig(c), URL: r.QueueURL}
		all.shardList = awscloud.Parameter{Client: parameters, Name: r.ShardsParameter}
	}
	return all, nil
}

// secret reads the fleet's secret. It asks until it gets it: an instance's role and network can be later than its
// boot, and without the secret the agent can serve nobody. It is false when the context ended before.
func (c *cloud) secret(ctx context.Context, log *slog.Logger) ([]byte, bool) {
	for {
		secret, err := c.secretOnce(ctx)
		if err == nil {
			return secret, true
		}
		log.Warn("no secret yet", "why", err)
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(secretRetry):
		}
	}
}

func (c *cloud) secretOnce(ctx context.Context) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	secret, err := c.fleetSecret.Read(limited)
	if err != nil {
		return nil, err
	}
	if len(secret) < shortestSecret {
		return nil, fmt.Errorf("the fleet's secret cannot be used: it is shorter than %d bytes", shortestSecret)
	}
	return secret, nil
}

// Wake publishes a wake-up to the fleet's topic.
func (c *cloud) Wake(ctx context.Context, w agent.Wake) error {
	text, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("the wake-up cannot be written: %w", err)
	}
	_, err = c.topics.Publish(ctx, &sns.PublishInput{TopicArn: &c.topicARN, Message: aws.String(string(text))})
	if err != nil {
		return fmt.Errorf("the wake-up cannot be published: %w", err)
	}
	return nil
}
