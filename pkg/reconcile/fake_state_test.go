package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// leases behaves as the DynamoDB table does: conditional on the deadline and on the fencing counter.
type leases struct {
	mu    sync.Mutex
	items map[string]*item
	// fail are errors by "acquire bridges/shard-1".
	fail map[string]error
	// during runs while a lease is held, before it is given back, such as another run that wants it.
	during func(key string)
}

type item struct {
	until  time.Time
	fence  uint64
	memory []byte
	again  bool
}

func newLeases() *leases { return &leases{items: map[string]*item{}, fail: map[string]error{}} }

func (l *leases) Acquire(_ context.Context, key string, now, until time.Time) (fleet.Lease, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["acquire "+key]; err != nil {
		return fleet.Lease{}, false, err
	}
	i := l.items[key]
	if i == nil {
		i = &item{}
		l.items[key] = i
	}
	if i.until.After(now) {
		i.again = true
		return fleet.Lease{}, false, nil
	}
	i.until, i.fence, i.again = until, i.fence+1, false
	return fleet.Lease{Key: key, Fence: i.fence, Memory: i.memory}, true, nil
}

func (l *leases) Note(_ context.Context, lease fleet.Lease, memory []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["note "+lease.Key]; err != nil {
		return err
	}
	i := l.items[lease.Key]
	if i.fence != lease.Fence {
		return fmt.Errorf("lease %s with fence %d has lapsed and was taken by another run", lease.Key, lease.Fence)
	}
	i.memory = memory
	return nil
}

func (l *leases) Release(_ context.Context, lease fleet.Lease, memory []byte) (bool, error) {
	if l.during != nil {
		l.during(lease.Key)
	}
	return l.settle(lease, memory, false)
}

func (l *leases) Abandon(_ context.Context, lease fleet.Lease, memory []byte) error {
	_, err := l.settle(lease, memory, true)
	return err
}

func (l *leases) settle(lease fleet.Lease, memory []byte, last bool) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["release "+lease.Key]; err != nil {
		return false, err
	}
	i := l.items[lease.Key]
	if i.fence != lease.Fence {
		return false, fmt.Errorf("lease %s with fence %d has lapsed and was taken by another run", lease.Key, lease.Fence)
	}
	if !json.Valid(memory) {
		return false, errors.New("the memory is no JSON")
	}
	i.memory = memory
	if i.again && !last {
		i.again = false
		return true, nil
	}
	i.until = time.Time{}
	return false, nil
}

// profiles are the items of the table with each shard's demand.
type profiles struct {
	mu               sync.Mutex
	kept             map[string][]byte
	writes           int
	readErr, keepErr error
}

func (p *profiles) Profile(_ context.Context, shard string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept[shard], p.readErr
}

func (p *profiles) KeepProfile(_ context.Context, shard string, raw []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keepErr == nil {
		p.kept[shard], p.writes = raw, p.writes+1
	}
	return p.keepErr
}

// names is the private zone.
type names struct {
	points []string
	err    error
	cloud  *cloud
}

func (n *names) Point(_ context.Context, name string, address netip.Addr) error {
	n.cloud.mu.Lock()
	defer n.cloud.mu.Unlock()
	if n.err != nil {
		return n.err
	}
	n.cloud.acts = append(n.cloud.acts, fmt.Sprint("point ", name))
	n.points = append(n.points, fmt.Sprint(name, " ", address))
	return nil
}

// control is the run-time parameter, its last good values and the event bus.
type control struct {
	raw      string
	readErr  error
	good     *string
	refused  *string
	goodErr  error
	keepErr  error
	events   []string
	eventErr error

	mu        sync.Mutex
	decisions []decided
}

func (c *control) Read(context.Context) (string, error) { return c.raw, c.readErr }

func (c *control) LastGood(context.Context) (string, bool, error) {
	if c.good == nil {
		return "", false, c.goodErr
	}
	return *c.good, true, c.goodErr
}

func (c *control) Keep(_ context.Context, raw string) error {
	if c.keepErr == nil {
		c.good, c.refused = &raw, nil
	}
	return c.keepErr
}

func (c *control) Refuse(_ context.Context, raw string) (bool, error) {
	first := c.refused == nil || *c.refused != raw
	c.refused = &raw
	return first, nil
}

func (c *control) Announce(_ context.Context, kind string, detail any) error {
	raw, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	if kind == EventDecision {
		var d decided
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.decisions = append(c.decisions, d)
		return c.eventErr
	}
	if c.eventErr == nil {
		c.events = append(c.events, kind+" "+string(raw))
	}
	return c.eventErr
}
