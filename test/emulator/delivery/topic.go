package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// Subscription is one subscription of a topic.
type Subscription struct {
	ARN, Topic, Protocol, Endpoint string
	Raw                            bool
	DeadLetter                     string
}

// Subscribe adds a subscription, or replaces the one of the same ARN.
func (b *Bus) Subscribe(s Subscription) error {
	switch s.Protocol {
	case "lambda", "sqs", "email", "email-json":
	default:
		return fmt.Errorf("subscription %s: protocol %q is not known to the emulator", s.ARN, s.Protocol)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.topics[s.Topic]
	for i := range list {
		if list[i].ARN == s.ARN {
			list[i] = s
			return nil
		}
	}
	b.topics[s.Topic] = append(list, s)
	return nil
}

// Notice is what is published to a topic.
type Notice struct {
	Topic, Subject, Body string
	// Texts are the message attributes of type String.
	Texts map[string]string
}

// PublishAs publishes as a service on behalf of source, if the topic's policy and its key's let it.
func (b *Bus) PublishAs(ctx context.Context, service, source string, n Notice) error {
	if err := b.options.Access.Service(service, "sns:Publish", n.Topic, source); err != nil {
		return err
	}
	b.Publish(ctx, n)
	return nil
}

// Publish brings a notice, whose sender has been checked, to all subscriptions, and returns its message id.
func (b *Bus) Publish(ctx context.Context, n Notice) string {
	b.mu.Lock()
	subscriptions := b.topics[n.Topic]
	b.mu.Unlock()
	id := ident.UUID()
	for _, s := range subscriptions {
		if err := b.notify(ctx, s, n, id); err != nil {
			b.lost(ctx, "sns.amazonaws.com", n.Topic, s.DeadLetter, n.Body, err)
		}
	}
	return id
}

type attribute struct{ Type, Value string }

// notification is SNS's own form of a message.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
type notification struct {
	Type              string
	MessageID         string `json:"MessageId"`
	TopicArn          string
	Subject           *string
	Message           string
	Timestamp         string
	SignatureVersion  string
	Signature         string
	MessageAttributes map[string]attribute
}

func (b *Bus) notify(ctx context.Context, s Subscription, n Notice, id string) error {
	form := notification{Type: "Notification", MessageID: id, TopicArn: n.Topic, Message: n.Body,
		Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), SignatureVersion: "1", Signature: "EMULATED",
		MessageAttributes: map[string]attribute{}}
	if n.Subject != "" {
		form.Subject = &n.Subject
	}
	for name, value := range n.Texts {
		form.MessageAttributes[name] = attribute{"String", value}
	}
	switch s.Protocol {
	case "lambda":
		return b.toFunction("sns.amazonaws.com", n.Topic, s.Endpoint, asLambdaEvent(form, s.ARN))
	case "sqs":
		body := n.Body
		if !s.Raw {
			enveloped, _ := json.Marshal(form) // texts always encode
			body = string(enveloped)
		}
		return b.toQueue(ctx, "sns.amazonaws.com", n.Topic, s.Endpoint, body, nil)
	default:
		b.options.OnMail(Mail{To: s.Endpoint, Topic: n.Topic, Subject: n.Subject, Body: n.Body, At: b.options.Clock.Now()})
		return nil
	}
}

// asLambdaEvent is the event that a function gets of a notification.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
func asLambdaEvent(form notification, subscription string) []byte {
	raw, _ := json.Marshal(map[string]any{"Records": []any{map[string]any{ // texts always encode
		"EventVersion": "1.0", "EventSource": "aws:sns", "EventSubscriptionArn": subscription, "Sns": form,
	}}})
	return raw
}
