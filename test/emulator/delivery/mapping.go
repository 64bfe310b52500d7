package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
)

// Mapping is an event source mapping from a queue to a function.
type Mapping struct {
	Queue, Function string // ARNs
	Batch           int
	Window          time.Duration // simulated time
	// Partial is ReportBatchItemFailures: without it an answer of the function means that the whole batch is done.
	Partial bool
	// Visibility is the queue's visibility timeout, in simulated time.
	Visibility time.Duration
	// Concurrency is MaximumConcurrency; 0 is none, and then the service starts with five.
	Concurrency int
}

// pause is the wall time between two looks into an empty queue. A message that comes through the proxy rings.
const pause = 200 * time.Millisecond

// Map adds a mapping, or replaces the one of the same queue and function.
func (b *Bus) Map(m Mapping) {
	if m.Concurrency == 0 {
		m.Concurrency = 5
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.maps {
		if b.maps[i].Queue == m.Queue && b.maps[i].Function == m.Function {
			b.maps[i] = m
			return
		}
	}
	b.maps = append(b.maps, m)
}

// Ring tells that a queue has a new message, so that it is looked into at once.
func (b *Bus) Ring(queue string) {
	select {
	case b.bell(queue) <- struct{}{}:
	default:
	}
}

func (b *Bus) bell(queue string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	bell, ok := b.bells[queue]
	if !ok {
		bell = make(chan struct{}, 1)
		b.bells[queue] = bell
	}
	return bell
}

// poll reads a queue in batches and gives each to the function.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func (b *Bus) poll(ctx context.Context, m Mapping) {
	bell := b.bell(m.Queue)
	slots := make(chan struct{}, m.Concurrency)
	var running sync.WaitGroup
	defer running.Wait()
	hidden := max(1, b.options.Clock.Seconds(m.Visibility), int(b.options.LeastHidden.Seconds()))
	for ctx.Err() == nil {
		batch, err := b.gather(ctx, m, hidden)
		if err != nil && ctx.Err() == nil {
			b.options.Problem(fmt.Errorf("queue %s cannot be read: %w", m.Queue, err))
		}
		if len(batch) == 0 {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
			case <-bell:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		running.Go(func() {
			defer func() { <-slots }()
			b.process(ctx, m, batch)
		})
	}
}

// gather receives one batch, waiting for the batching window when it is not full.
func (b *Bus) gather(ctx context.Context, m Mapping, hidden int) ([]Message, error) {
	const atOnce = 10 // what one ReceiveMessage gives
	batch, err := b.options.Queues.Receive(ctx, m.Queue, min(m.Batch, atOnce), hidden)
	if err != nil || len(batch) == 0 || len(batch) >= m.Batch || m.Window == 0 {
		return batch, err
	}
	if err := b.options.Clock.Sleep(ctx, m.Window); err != nil {
		return nil, err
	}
	for len(batch) < m.Batch {
		more, err := b.options.Queues.Receive(ctx, m.Queue, min(m.Batch-len(batch), atOnce), hidden)
		if err != nil || len(more) == 0 {
			return batch, err
		}
		batch = append(batch, more...)
	}
	return batch, nil
}

type record struct {
	MessageID         string            `json:"messageId"`
	ReceiptHandle     string            `json:"receiptHandle"`
	Body              string            `json:"body"`
	Attributes        map[string]string `json:"attributes"`
	MessageAttributes map[string]any    `json:"messageAttributes"`
	MD5OfBody         string            `json:"md5OfBody"`
	EventSource       string            `json:"eventSource"`
	EventSourceARN    string            `json:"eventSourceARN"`
	AWSRegion         string            `json:"awsRegion"`
}

// process gives a batch to the function and deletes what it has done. What it has not done is seen again when
// its visibility timeout is over.
func (b *Bus) process(ctx context.Context, m Mapping, batch []Message) {
	name, ok := b.options.Functions.Name(m.Function)
	if !ok {
		b.options.Problem(fmt.Errorf("mapping of %s: function %s is not deployed", m.Queue, m.Function))
		return
	}
	var records []record
	for _, msg := range batch {
		r := record{MessageID: msg.ID, ReceiptHandle: msg.Receipt, Body: msg.Body, Attributes: msg.Attributes,
			MessageAttributes: map[string]any{}, MD5OfBody: msg.MD5, EventSource: "aws:sqs", EventSourceARN: m.Queue,
			AWSRegion: b.options.Region}
		for key, value := range msg.Texts {
			r.MessageAttributes[key] = map[string]any{"stringValue": value, "dataType": "String"}
		}
		records = append(records, r)
	}
	payload, _ := json.Marshal(map[string]any{"Records": records}) // texts always encode
	result, err := b.options.Functions.Invoke(ctx, name, payload)
	var throttled functions.ErrThrottled
	if err != nil && !errors.As(err, &throttled) {
		b.options.Problem(fmt.Errorf("mapping of %s: %w", m.Queue, err))
	}
	if err != nil || result.Failed() {
		return
	}
	done := batch
	if m.Partial {
		done = succeeded(batch, result.Payload)
	}
	var receipts []string
	for _, msg := range done {
		receipts = append(receipts, msg.Receipt)
	}
	if len(receipts) == 0 {
		return
	}
	if err := b.options.Queues.Delete(ctx, m.Queue, receipts); err != nil && ctx.Err() == nil {
		b.options.Problem(fmt.Errorf("messages of %s cannot be deleted: %w", m.Queue, err))
	}
}

// succeeded is the part of a batch that the function's answer does not list as failed. No list means that all
// succeeded; an answer that cannot be read, or that names a message which is not there, means that none did.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func succeeded(batch []Message, answer []byte) []Message {
	var report struct {
		BatchItemFailures []struct {
			ItemIdentifier *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) > 0 && json.Unmarshal(answer, &report) != nil {
		return nil
	}
	left := map[string]Message{}
	for _, msg := range batch {
		left[msg.ID] = msg
	}
	for _, failure := range report.BatchItemFailures {
		if failure.ItemIdentifier == nil {
			return nil
		}
		if _, ok := left[*failure.ItemIdentifier]; !ok {
			return nil
		}
		delete(left, *failure.ItemIdentifier)
	}
	return slices.Collect(maps.Values(left))
}
