package awscloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Parameter is one SSM parameter.
type Parameter struct {
	Client *ssm.Client
	Name   string
}

// ShardStates are the parameters in which operators write the shards' states.
type ShardStates struct {
	Client *ssm.Client
	Fleet  string
}

// Read reads what is written for a shard.
func (s ShardStates) Read(ctx context.Context, shard string) (string, error) {
	return Parameter{Client: s.Client, Name: settings.ShardParameter(s.Fleet, shard)}.Read(ctx)
}

// Read reads the parameter's value.
func (p Parameter) Read(ctx context.Context) (string, error) {
	out, err := p.Client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(p.Name)})
	if err != nil {
		return "", fmt.Errorf("SSM parameter %s is not read: %w", p.Name, err)
	}
	return aws.ToString(out.Parameter.Value), nil
}
