package awscloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// Parameter is one SSM parameter.
type Parameter struct {
	Client *ssm.Client
	Name   string
}

// Read reads the parameter's value.
func (p Parameter) Read(ctx context.Context) (string, error) {
	out, err := p.Client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(p.Name)})
	if err != nil {
		return "", fmt.Errorf("SSM parameter %s is not read: %w", p.Name, err)
	}
	return aws.ToString(out.Parameter.Value), nil
}
