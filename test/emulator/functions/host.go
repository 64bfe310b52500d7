package functions

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Host runs functions. Close ends all their processes.
type Host struct {
	options Options
	ctx     context.Context
	cancel  context.CancelFunc
	async   sync.WaitGroup

	mu        sync.Mutex
	functions map[string]*deployed
	byARN     map[string]string
	starved   map[string]time.Duration
}

type deployed struct {
	function Function
	// slots holds one token for each process that may run.
	slots chan struct{}
	mu    sync.Mutex
	warm  []*environment
	// waiting is how many asynchronous events it was given that are not done.
	waiting atomic.Int64
}

// New makes a host without functions.
func New(o Options) *Host {
	if o.LeastTimeout == 0 {
		o.LeastTimeout = 5 * time.Second
	}
	if o.Environments == 0 {
		o.Environments = 10
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Host{options: o, ctx: ctx, cancel: cancel, functions: map[string]*deployed{}, byARN: map[string]string{},
		starved: map[string]time.Duration{}}
}

// Deploy adds a function, or replaces one of the same name; running invocations finish on the old one.
func (h *Host) Deploy(f Function) {
	n := h.options.Environments
	if f.Concurrency >= 0 {
		n = min(n, f.Concurrency)
	}
	h.mu.Lock()
	old := h.functions[f.Name]
	h.functions[f.Name] = &deployed{function: f, slots: make(chan struct{}, n)}
	h.byARN[f.ARN] = f.Name
	h.mu.Unlock()
	if old != nil {
		old.drop()
	}
}

// Starve lets each run of a function from now on take so long at least, on the wall.
func (h *Host) Starve(name string, least time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.starved[name] = least
}

// Name is the name of the function with this ARN or name, and whether there is one.
func (h *Host) Name(arnOrName string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name, ok := h.byARN[arnOrName]; ok {
		return name, true
	}
	_, ok := h.functions[arnOrName]
	return arnOrName, ok
}

// Invoke runs a function and waits for its result. When all its processes are busy the call is throttled.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-sync.html
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) (Result, error) {
	h.mu.Lock()
	d, ok := h.functions[name]
	starved := h.starved[name]
	h.mu.Unlock()
	if !ok {
		return Result{}, fmt.Errorf("ResourceNotFoundException: Function not found: %s", name)
	}
	if h.options.Throttle != nil && h.options.Throttle(name) {
		h.options.Count(name, "Throttles", 1)
		return Result{}, ErrThrottled{name}
	}
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	default:
		h.options.Count(name, "Throttles", 1)
		return Result{}, ErrThrottled{name}
	}
	began, limit := time.Now(), max(h.options.Clock.Scale(d.function.Timeout), h.options.LeastTimeout)
	result, err := h.run(ctx, d, payload, began.Add(limit))
	if err == nil {
		err = pace.Wait(ctx, time.Until(began.Add(starved)))
	}
	if err != nil {
		return Result{}, err
	}
	h.options.Count(name, "Invocations", 1)
	// A run that takes all the time that it has on the wall takes all of its time limit.
	h.options.Count(name, "Duration", float64(time.Since(began).Milliseconds())*d.function.Timeout.Seconds()/limit.Seconds())
	failures := 0.0
	if result.Failed() {
		failures = 1
		h.options.Line(name, string(result.Payload))
	}
	h.options.Count(name, "Errors", failures)
	return result, nil
}

// run gives an event to a warm process, or to a new one.
func (h *Host) run(ctx context.Context, d *deployed, payload []byte, deadline time.Time) (Result, error) {
	e := d.take()
	if e == nil {
		var err error
		if e, err = h.start(d.function); err != nil {
			return Result{}, err
		}
	}
	result, alive := e.invoke(ctx, work{requestID: ident.UUID(), payload: payload, deadline: deadline})
	if alive && h.ctx.Err() == nil {
		d.give(e)
	} else {
		e.stop()
	}
	return result, nil
}

func (d *deployed) take() *environment {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.warm) > 0 {
		e := d.warm[len(d.warm)-1]
		d.warm = d.warm[:len(d.warm)-1]
		select {
		case <-e.exited:
			go e.stop()
		default:
			return e
		}
	}
	return nil
}

func (d *deployed) give(e *environment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.warm = append(d.warm, e)
}

// drop ends all processes that wait for work.
func (d *deployed) drop() {
	for e := d.take(); e != nil; e = d.take() {
		e.stop()
	}
}

// Close ends all processes and gives up asynchronous events that still wait.
func (h *Host) Close() {
	h.cancel()
	h.async.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.functions {
		d.drop()
	}
}
