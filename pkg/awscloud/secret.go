package awscloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Secret is one secret in Secrets Manager.
type Secret struct {
	Client *secretsmanager.Client
	ARN    string
}

// Read reads the secret's current text.
func (s Secret) Read(ctx context.Context) ([]byte, error) {
	out, err := s.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.ARN)})
	if err != nil {
		return nil, fmt.Errorf("secret %s is not read: %w", s.ARN, err)
	}
	return []byte(aws.ToString(out.SecretString)), nil
}
