package emulator

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// queueURL is moto's address of a queue, by its ARN or name.
func (m *moto) queueURL(queue string) *string {
	return aws.String(m.address + "/" + m.account + "/" + ident.Last(queue))
}

// Send sends a message with attributes of type String.
func (m *moto) Send(ctx context.Context, queue, body string, attributes map[string]string) error {
	in := &sqs.SendMessageInput{QueueUrl: m.queueURL(queue), MessageBody: aws.String(body),
		MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, value := range attributes {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	if _, err := m.sqs.SendMessage(ctx, in); err != nil {
		return fmt.Errorf("message does not reach queue %s: %w", queue, err)
	}
	return nil
}

// Receive takes up to n messages and hides them for the given seconds.
func (m *moto) Receive(ctx context.Context, queue string, n, hidden int) ([]delivery.Message, error) {
	out, err := m.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: m.queueURL(queue),
		MaxNumberOfMessages: int32(n), VisibilityTimeout: int32(hidden), //nolint:gosec // at most 10, and 43,200
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})
	if err != nil {
		return nil, err
	}
	var messages []delivery.Message
	for _, msg := range out.Messages {
		one := delivery.Message{ID: aws.ToString(msg.MessageId), Receipt: aws.ToString(msg.ReceiptHandle),
			Body: aws.ToString(msg.Body), MD5: aws.ToString(msg.MD5OfBody), Attributes: msg.Attributes, Texts: map[string]string{}}
		for name, value := range msg.MessageAttributes {
			one.Texts[name] = aws.ToString(value.StringValue)
		}
		messages = append(messages, one)
	}
	return messages, nil
}

// Delete deletes received messages.
func (m *moto) Delete(ctx context.Context, queue string, receipts []string) error {
	for _, receipt := range receipts {
		if _, err := m.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: m.queueURL(queue),
			ReceiptHandle: aws.String(receipt)}); err != nil {
			return err
		}
	}
	return nil
}

// visible is how many messages of a queue wait to be received.
func (m *moto) visible(ctx context.Context, queue string) (int, error) {
	name := types.QueueAttributeNameApproximateNumberOfMessages
	out, err := m.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: m.queueURL(queue),
		AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Attributes[string(name)])
}
