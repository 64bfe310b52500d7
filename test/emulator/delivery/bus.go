// Package delivery brings events to who is to get them: SNS to its subscriptions, EventBridge to the targets
// of its rules, SQS through event source mappings to functions; each only where the policies allow it.
//
// It must not know what an event means to its receiver.
package delivery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Functions is the Lambda service.
type Functions interface {
	Invoke(ctx context.Context, name string, payload []byte) (functions.Result, error)
	InvokeAsync(name string, payload []byte) error
	Waiting(name string) int
	Name(arnOrName string) (string, bool)
}

// Queues is SQS, by the ARN of a queue.
type Queues interface {
	Send(ctx context.Context, queue, body string, attributes map[string]string) error
	// Receive takes up to n messages and hides them for the given wall seconds.
	Receive(ctx context.Context, queue string, n, hidden int) ([]Message, error)
	Delete(ctx context.Context, queue string, receipts []string) error
}

// Access is what policies allow services to do.
type Access interface {
	Service(service, action, resource, source string) error
}

// Message is one received SQS message.
type Message struct {
	ID, Receipt, Body, MD5 string
	Attributes             map[string]string
	// Texts are the message attributes of type String.
	Texts map[string]string
}

// Mail is a notification that an e-mail subscription got.
type Mail struct {
	To, Topic, Subject, Body string
	At                       time.Time
}

// Options is what a bus needs from outside.
type Options struct {
	Clock           pace.Clock
	Account, Region string
	Access          Access
	Functions       Functions
	Queues          Queues
	// LeastTick is the shortest wall time between two ticks of a schedule. 0 is 100 ms.
	LeastTick time.Duration
	// LeastHidden is the shortest wall time for which a mapping hides what it has received: no less than its function
	// may take. 0 is 1 s.
	LeastHidden time.Duration
	// Patient leaves out the tick of a schedule while a function of its has another event. A time limit of less than a
	// minute says the same of schedules by the minute on AWS; where a tick is shorter than a run takes, nothing else does.
	Patient bool
	// Silent is whether a schedule does not tick now, as while the service is in trouble; nil is never.
	Silent  func(rule string) bool
	OnEvent func(Event)
	OnMail  func(Mail)
	Problem func(error)
}

// Bus delivers. Its topics, rules and mappings are added before Run.
type Bus struct {
	options Options

	mu     sync.Mutex
	topics map[string][]Subscription
	rules  []Rule
	ticks  map[string]int
	maps   []Mapping
	bells  map[string]chan struct{}
}

// New makes a bus on which nothing is subscribed.
func New(o Options) *Bus {
	if o.LeastTick == 0 {
		o.LeastTick = 100 * time.Millisecond
	}
	return &Bus{options: o, topics: map[string][]Subscription{}, ticks: map[string]int{}, bells: map[string]chan struct{}{}}
}

// Run ticks schedules and polls queues until ctx ends, and waits for what it started.
func (b *Bus) Run(ctx context.Context) {
	var wait sync.WaitGroup
	b.mu.Lock()
	rules, mappings := b.rules, b.maps
	b.mu.Unlock()
	scheduled := 0
	for _, r := range rules {
		if r.Every > 0 && r.Enabled {
			scheduled++
		}
	}
	position := 0
	for _, r := range rules {
		if r.Every > 0 && r.Enabled {
			offset := b.interval(r) * time.Duration(position) / time.Duration(scheduled)
			position++
			wait.Go(func() { b.tick(ctx, r, offset) })
		}
	}
	for _, m := range mappings {
		wait.Go(func() { b.poll(ctx, m) })
	}
	wait.Wait()
}

// toFunction gives an event to a function asynchronously, as a service on behalf of source.
func (b *Bus) toFunction(service, source, target string, payload []byte) error {
	if err := b.options.Access.Service(service, "lambda:InvokeFunction", target, source); err != nil {
		return err
	}
	name, ok := b.options.Functions.Name(target)
	if !ok {
		return fmt.Errorf("function %s is not deployed", target)
	}
	return b.options.Functions.InvokeAsync(name, payload)
}

// toQueue sends a message to a queue, as a service on behalf of source.
func (b *Bus) toQueue(ctx context.Context, service, source, target, body string, attributes map[string]string) error {
	if err := b.options.Access.Service(service, "sqs:SendMessage", target, source); err != nil {
		return err
	}
	if err := b.options.Queues.Send(ctx, target, body, attributes); err != nil {
		return err
	}
	b.Ring(target)
	return nil
}

// lost reports a delivery that failed for good, and brings it to its dead letter queue if it has one.
func (b *Bus) lost(ctx context.Context, service, source, deadLetter, body string, why error) {
	b.options.Problem(fmt.Errorf("delivery of %s from %s failed: %w", service, source, why))
	if deadLetter == "" {
		return
	}
	attributes := map[string]string{"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": why.Error()}
	if err := b.toQueue(ctx, service, source, deadLetter, body, attributes); err != nil {
		b.options.Problem(fmt.Errorf("dead letter of %s from %s is lost: %w", service, source, err))
	}
}
