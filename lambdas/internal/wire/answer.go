package wire

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
)

// Answer acknowledges messages only after the run acted on them: after a failed one they are delivered again.
// An event that did not come from the queue fails as a whole.
func Answer(wakeups []event.Wakeup, failed error) (events.SQSEventResponse, error) {
	var response events.SQSEventResponse
	if failed == nil {
		return response, nil
	}
	fromQueue := false
	for _, w := range wakeups {
		fromQueue = fromQueue || w.Message != ""
		if w.Message != "" && w.Kind != event.Ignored {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: w.Message})
		}
	}
	if fromQueue {
		return response, nil
	}
	return response, failed
}
