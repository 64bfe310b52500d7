package wire

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

func TestMessagesAreAcknowledgedOnlyAfterARunThatSucceeded(t *testing.T) {
	failed := errors.New("Throttling: Rate exceeded")
	hook := func(id string) event.Wakeup {
		return event.Wakeup{Kind: event.Lifecycle, Group: "jitsi-shard-1-bridges", Message: id}
	}
	garbage := event.Wakeup{Kind: event.Ignored, Message: "m-2", Because: "garbage"}
	schedule := event.Wakeup{Kind: event.Schedule}
	for _, c := range []struct {
		name    string
		wakeups []event.Wakeup
		failed  error
		again   []string // messages to be delivered again
		err     error
	}{
		{"a run that succeeded acknowledges everything", []event.Wakeup{hook("m-1"), garbage}, nil, nil, nil},
		{"a run that failed has its messages delivered again", []event.Wakeup{hook("m-1"), hook("m-3")}, failed, []string{"m-1", "m-3"}, nil},
		{"what is ignored is acknowledged though the run failed", []event.Wakeup{hook("m-1"), garbage}, failed, []string{"m-1"}, nil},
		{"nothing but ignored messages is acknowledged", []event.Wakeup{garbage}, failed, nil, nil},
		{"the schedule fails as a whole", []event.Wakeup{schedule}, failed, nil, failed},
		{"the schedule succeeds", []event.Wakeup{schedule}, nil, nil, nil},
		{"nothing at all fails as a whole", nil, failed, nil, failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, err := Answer(c.wakeups, c.failed)
			assert.Equal(t, c.err, err)
			var again []string
			for _, f := range response.BatchItemFailures {
				assert.NotEmpty(t, f.ItemIdentifier, "an empty identifier fails the whole batch")
				again = append(again, f.ItemIdentifier)
			}
			assert.Equal(t, c.again, again)
			raw, err := json.Marshal(response)
			require.NoError(t, err)
			assert.Contains(t, string(raw), `"batchItemFailures":`)
		})
	}
}
