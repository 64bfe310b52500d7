package functions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// How long the service waits before the first and the second retry of an event whose function failed, and how
// long an event may wait at all by default.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
var waits = []time.Duration{time.Minute, 2 * time.Minute}

const defaultMaxAge = 6 * time.Hour

// InvokeAsync takes an event for a function and returns at once.
func (h *Host) InvokeAsync(name string, payload []byte) error {
	h.mu.Lock()
	d, ok := h.functions[name]
	if ok {
		h.async.Add(1)
		d.waiting.Add(1)
	}
	h.mu.Unlock()
	if !ok {
		return fmt.Errorf("ResourceNotFoundException: Function not found: %s", name)
	}
	go func() {
		defer h.async.Done()
		defer d.waiting.Add(-1)
		h.deliver(d.function, payload)
	}()
	return nil
}

// Waiting is how many events a function was given asynchronously that are not done.
func (h *Host) Waiting(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, ok := h.functions[name]; ok {
		return int(d.waiting.Load())
	}
	return 0
}

// deliver tries an event until its function takes it, its retries are over or it is too old.
func (h *Host) deliver(f Function, payload []byte) {
	age := f.MaxAge
	if age == 0 {
		age = defaultMaxAge
	}
	expires := time.Now().Add(h.options.Clock.Scale(age))
	for attempt := 0; ; attempt++ {
		result, err := h.untilTaken(f.Name, payload, expires)
		switch {
		case h.ctx.Err() != nil:
			return
		case err != nil:
			h.giveUp(f, payload, failed(ident.UUID(), "EventAgeExceeded", err.Error()), attempt, "EventAgeExceeded")
			return
		case !result.Failed():
			return
		case attempt >= min(f.Retries, len(waits)):
			h.giveUp(f, payload, result, attempt+1, "RetriesExhausted")
			return
		}
		if h.options.Clock.Sleep(h.ctx, waits[attempt]) != nil {
			return
		}
	}
}

// untilTaken invokes again while the function is throttled, from one second up to five minutes apart.
func (h *Host) untilTaken(name string, payload []byte, expires time.Time) (Result, error) {
	for wait := time.Second; ; wait = min(2*wait, 5*time.Minute) {
		result, err := h.Invoke(h.ctx, name, payload)
		var throttled ErrThrottled
		if err == nil || !errors.As(err, &throttled) || time.Now().After(expires) {
			return result, err
		}
		if h.options.Clock.Sleep(h.ctx, wait) != nil {
			return Result{}, err
		}
	}
}

// giveUp sends an event that failed for good to the function's dead letter queue and destination.
func (h *Host) giveUp(f Function, payload []byte, last Result, attempts int, condition string) {
	if f.DeadLetter == "" && f.OnFailure == "" {
		h.options.Problem(fmt.Errorf("an event of %s is lost: it failed %d times and the function has neither "+
			"dead letter queue nor destination", f.Name, attempts))
	}
	send := func(target string, body []byte, attributes map[string]string) {
		ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
		defer cancel()
		if err := h.options.Send(ctx, f, target, body, attributes); err != nil {
			h.options.Count(f.Name, "DeadLetterErrors", 1)
			h.options.Problem(err)
		}
	}
	if f.DeadLetter != "" {
		send(f.DeadLetter, payload, map[string]string{"RequestID": last.RequestID, "ErrorCode": strconv.Itoa(200),
			"ErrorMessage": string(last.Payload)})
	}
	if f.OnFailure != "" {
		send(f.OnFailure, record(f, payload, last, attempts, condition), nil)
	}
}

// record is what a failure destination gets.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func record(f Function, payload []byte, last Result, attempts int, condition string) []byte {
	raw, _ := json.Marshal(map[string]any{ // texts, numbers and two payloads that are JSON already
		"version":   "1.0",
		"timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{"requestId": last.RequestID, "functionArn": f.ARN + ":$LATEST",
			"condition": condition, "approximateInvokeCount": attempts},
		"requestPayload":  json.RawMessage(payload),
		"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": last.FunctionError},
		"responsePayload": json.RawMessage(last.Payload),
	})
	return raw
}
