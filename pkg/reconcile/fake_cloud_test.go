package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// cloud is Auto Scaling, EC2 and the node agents in memory, on a virtual clock. It enforces what AWS enforces:
// minimum and maximum, lifecycle hooks and their timeouts, the retention of what a lapsed hook would have ended.
type cloud struct {
	mu          sync.Mutex
	now         time.Time
	boot        time.Duration // from launch to a healthy component
	hookTimeout time.Duration
	groups      []*group
	born        int
	// faults are errors by the call that they hit: "raise", "terminate jitsi-shard-1-bridges", "status i-1".
	faults map[string]error
	// acts are the calls that change something, in their order, as "verb subject".
	acts  []string
	calls map[string]int // all calls, by verb
	// wrongs are things that must never happen.
	wrongs []string
	// abandonedLeave sends instances whose launch was abandoned through the terminate hook.
	abandonedLeave bool
}

type group struct {
	fleet.Group
	members []*member
}

type member struct {
	fleet.Instance
	node     *node
	deadline time.Time // of its lifecycle hook
}

func newCloud(now time.Time) *cloud {
	return &cloud{now: now, boot: 3 * time.Minute, hookTimeout: 30 * time.Minute, faults: map[string]error{}, calls: map[string]int{}}
}

// Now is the virtual clock.
func (c *cloud) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// call notes a call and answers with the fault that was put in its way.
func (c *cloud) call(changes bool, verb, subject string) error {
	c.calls[verb]++
	for _, key := range []string{verb, verb + " " + subject} {
		if err := c.faults[key]; err != nil {
			return err
		}
	}
	if changes {
		c.acts = append(c.acts, verb+" "+subject)
	}
	return nil
}

func (c *cloud) wrong(format string, args ...any) {
	c.wrongs = append(c.wrongs, fmt.Sprintf(format, args...))
}

func (c *cloud) group(name string) (*group, error) {
	for _, g := range c.groups {
		if g.Name == name {
			return g, nil
		}
	}
	return nil, errors.New("ValidationError: AutoScalingGroup name not found - null")
}

func (c *cloud) find(id fleet.InstanceID) (*group, *member) {
	for _, g := range c.groups {
		for _, m := range g.members {
			if m.ID == id {
				return g, m
			}
		}
	}
	return nil, nil
}

func (c *cloud) addGroup(role fleet.Role, shard string, least, most int) *group {
	name := fmt.Sprintf("jitsi-%s-%ss", shard, role)
	g := &group{Group: fleet.Group{Name: name, Role: role, Shard: shard, Min: least, Max: most, Desired: least}}
	c.groups = append(c.groups, g)
	return g
}

// launch starts one instance of a group; its hook holds it.
func (c *cloud) launch(g *group) *member {
	c.born++
	id := fleet.InstanceID(fmt.Sprintf("i-%03d", c.born))
	m := &member{
		Instance: fleet.Instance{
			ID: id, Lifecycle: fleet.StatePendingWait, Protected: true, Launched: c.now,
			Address: netip.AddrFrom4([4]byte{10, 64, byte(c.born / 250), byte(c.born%250 + 1)}),
		},
		node:     &node{id: id, role: g.Role, shard: g.Shard, phase: fleet.PhaseStarting, since: c.now, fences: map[string]uint64{}},
		deadline: c.now.Add(c.hookTimeout),
	}
	if g.Role == fleet.RoleJibri {
		m.node.jibri = &jibriFake{activity: fleet.ActivityOff, since: c.now}
	}
	g.members = append(g.members, m)
	return m
}

// serve launches an instance that is in service already.
func (c *cloud) serve(g *group) *member {
	m := c.launch(g)
	m.Lifecycle, m.node.admitted, m.node.phase = fleet.StateInService, true, fleet.PhaseServing
	return m
}

func (g *group) counted() int {
	n := 0
	for _, m := range g.members {
		if m.Lifecycle.Booting() || m.Lifecycle == fleet.StateInService {
			n++
		}
	}
	return n
}

func (g *group) remove(gone *member) {
	g.members = slices.DeleteFunc(g.members, func(m *member) bool { return m == gone })
}

// advance lets time pass in steps of at most a quarter of a minute.
func (c *cloud) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for d > 0 {
		step := min(d, 15*time.Second)
		c.now, d = c.now.Add(step), d-step
		for _, g := range c.groups {
			c.settle(g)
		}
	}
}

func (c *cloud) settle(g *group) {
	for _, m := range slices.Clone(g.members) {
		m.node.live(c.now, c.boot)
		if c.now.Before(m.deadline) {
			continue
		}
		switch m.Lifecycle {
		case fleet.StatePendingWait:
			c.kill(g, m, "its launch hook lapsed")
		case fleet.StateTerminatingWait:
			m.Lifecycle = fleet.StateTerminatingRetained
		}
	}
	for g.counted() < g.Desired {
		c.launch(g)
	}
	if g.Desired < g.Min || g.Desired > g.Max {
		c.wrong("%s desires %d outside %d to %d", g.Name, g.Desired, g.Min, g.Max)
	}
	if n := g.counted(); n > g.Max {
		c.wrong("%s counts %d above its maximum of %d", g.Name, n, g.Max)
	}
}

// kill ends a machine for good.
func (c *cloud) kill(g *group, m *member, why string) {
	if m.node.endpoints > 0 && m.node.phase != fleet.PhaseGone && !m.Stopped {
		c.wrong("%s ended with %d endpoints: %s", m.ID, m.node.endpoints, why)
	}
	if j := m.node.jibri; j != nil && (j.activity.Busy() || j.spool > 0) && !m.Stopped {
		c.wrong("%s ended while it is %s with %d recordings on its disk: %s", m.ID, j.activity, j.spool, why)
	}
	g.remove(m)
}

// List is Auto Scaling's and, below, EC2's description.
func (c *cloud) List(_ context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(false, "describe groups", ""); err != nil {
		return nil, err
	}
	var found []fleet.Group
	for _, g := range c.groups {
		if !scope.Includes(g.Group) {
			continue
		}
		described := g.Group
		described.Instances = nil
		for _, m := range g.members {
			i := m.Instance
			i.Address, i.Launched, i.Stopped = netip.Addr{}, time.Time{}, false // EC2 knows
			described.Instances = append(described.Instances, i)
		}
		found = append(found, described)
	}
	return found, nil
}

type machines struct{ *cloud }

func (c machines) List(context.Context, string) (map[fleet.InstanceID]fleet.Machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(false, "describe machines", ""); err != nil {
		return nil, err
	}
	found := map[fleet.InstanceID]fleet.Machine{}
	for _, g := range c.groups {
		for _, m := range g.members {
			found[m.ID] = fleet.Machine{Address: m.Address, Launched: m.Launched, Stopped: m.Stopped}
		}
	}
	return found, nil
}

func (c *cloud) Raise(_ context.Context, name string, desired int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(true, "raise", fmt.Sprint(name, " to ", desired)); err != nil {
		return err
	}
	g, err := c.group(name)
	if err != nil {
		return err
	}
	if err := c.faults["raise "+name]; err != nil {
		return err
	}
	if desired < g.Min || desired > g.Max {
		return fmt.Errorf("ValidationError: %d is outside %d to %d", desired, g.Min, g.Max)
	}
	if desired < g.Desired {
		c.wrong("%s is lowered from %d to %d", name, g.Desired, desired)
	}
	g.Desired = desired
	return nil
}

func (c *cloud) Terminate(_ context.Context, name string, id fleet.InstanceID, shrink bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	verb := "replace"
	if shrink {
		verb = "shrink by"
	}
	if err := c.call(true, verb, string(id)); err != nil {
		return err
	}
	g, m := c.find(id)
	if m == nil || g.Name != name {
		return fmt.Errorf("ValidationError: instance %s is not in %s", id, name)
	}
	switch m.Lifecycle {
	case fleet.StateTerminatingRetained:
		c.kill(g, m, "it was reaped")
	case fleet.StateInService:
		if shrink && g.Desired-1 < g.Min {
			return errors.New("ValidationError: the group would be below its minimum")
		}
		if shrink {
			g.Desired--
		}
		m.Lifecycle, m.deadline = fleet.StateTerminatingWait, c.now.Add(c.hookTimeout)
	default:
		return fmt.Errorf("ValidationError: instance %s is %s", id, m.Lifecycle)
	}
	return nil
}

func (c *cloud) KeepZones(_ context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(true, "keep zones", name); err != nil {
		return err
	}
	g, err := c.group(name)
	if err == nil {
		g.Rebalances = false
	}
	return err
}

func (c *cloud) Complete(_ context.Context, name, hook string, id fleet.InstanceID, result fleet.HookResult) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(true, "complete", fmt.Sprint(id, " ", hook, " ", result)); err != nil {
		return err
	}
	g, m := c.find(id)
	switch {
	case m == nil || g.Name != name:
	case hook == fleet.HookLaunch && m.Lifecycle == fleet.StatePendingWait && result == fleet.Continue:
		m.Lifecycle = fleet.StateInService
		switch {
		case g.Role == fleet.RoleSignal && !m.node.admitted && !m.node.wiped:
			c.wrong("%s is let into service without an order to work, which nobody repeats", id)
		case g.Role != fleet.RoleSignal && m.node.admitted:
			c.wrong("%s worked before its hook was answered", id)
		}
	case hook == fleet.HookLaunch && m.Lifecycle == fleet.StatePendingWait && c.abandonedLeave:
		m.Lifecycle, m.deadline = fleet.StateTerminatingWait, c.now.Add(c.hookTimeout)
	case hook == fleet.HookLaunch && m.Lifecycle == fleet.StatePendingWait:
		c.kill(g, m, "its launch was abandoned")
	case hook == fleet.HookTerminate && m.Lifecycle == fleet.StateTerminatingWait:
		c.kill(g, m, "its termination was let go on")
	}
	return nil
}

func (c *cloud) Heartbeat(_ context.Context, _, hook string, id fleet.InstanceID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(true, "heartbeat", fmt.Sprint(id, " ", hook)); err != nil {
		return err
	}
	if _, m := c.find(id); m != nil {
		m.deadline = c.now.Add(c.hookTimeout)
	}
	return nil
}
