package awscloud

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Bus is the account's default event bus.
type Bus struct {
	Client *eventbridge.Client
	// Fleet is put into every event's detail.
	Fleet string
}

// Announce puts one event on the bus.
func (b Bus) Announce(ctx context.Context, kind string, detail any) error {
	body, err := json.Marshal(map[string]any{"fleet": b.Fleet, "data": detail})
	if err != nil {
		return fmt.Errorf("event %q has no JSON: %w", kind, err)
	}
	out, err := b.Client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String(telemetry.EventSource), DetailType: aws.String(kind), Detail: aws.String(string(body)),
	}}})
	if err != nil {
		return fmt.Errorf("event %q is not put: %w", kind, err)
	}
	if out.FailedEntryCount > 0 {
		return fmt.Errorf("event %q is not put: %s: %s", kind, aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	return nil
}
