package awscloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Profile is the profile that was kept under a name; nil when none was. It may be a moment old, which costs half: the
// next run adds what it lacks.
func (s State) Profile(ctx context.Context, name string) ([]byte, error) {
	out, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.Table), Key: s.key("profile/" + name)})
	if err != nil {
		return nil, fmt.Errorf("profile of %s: %w", name, err)
	}
	raw, ok := out.Item["raw"].(*types.AttributeValueMemberB)
	if !ok {
		return nil, nil
	}
	return raw.Value, nil
}

// KeepProfile replaces the profile of a name.
func (s State) KeepProfile(ctx context.Context, name string, raw []byte) error {
	_, err := s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(s.Table), Key: s.key("profile/" + name),
		UpdateExpression:          aws.String("SET #raw = :raw"),
		ExpressionAttributeNames:  map[string]string{"#raw": "raw"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":raw": &types.AttributeValueMemberB{Value: raw}},
	})
	return err
}
