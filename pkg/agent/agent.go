// Package agent is the node agent: the one door of a node. It looks after the components of a bridge, a signal node, an
// edge node or a recorder, says in one JSON document how they are, obeys the control plane's few orders, and
// publishes a wake-up when something changed that matters. Client is its counterpart in the control plane.
//
// An order is remembered on disk before the component is told and is applied anew on every look, so that a
// component that restarts, or an agent that does, ends up where the last order wanted it.
//
// It reads no environment, never exits, knows no AWS, and takes the time from a clock that it is given.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Component is what runs on the node, as the agent deals with it.
type Component interface {
	// Look asks the component how it is. It never fails: not answering is a finding too.
	Look(ctx context.Context) View
	// Apply tells the component what the intent wants of it where the view shows that it is otherwise.
	// It reports whether it told it anything.
	Apply(ctx context.Context, intent Intent, seen View) (told bool, err error)
	// Occupants asks the component, not a cache, how many people a shutdown would hit.
	Occupants(ctx context.Context) (int64, error)
}

// Waker publishes wake-ups.
type Waker interface {
	Wake(ctx context.Context, w Wake) error
}

// Wake is a wake-up: who has news. It carries no state, since who is woken asks for himself.
type Wake struct {
	Instance fleet.InstanceID `json:"instance"`
	Sequence uint64           `json:"sequence"`
	Fleet    string           `json:"fleet"`
	Shard    string           `json:"shard"`
}

// Config is what an agent needs to know. Everything is needed except WakeStress and Waker.
type Config struct {
	Fleet     string
	Instance  fleet.InstanceID
	Role      fleet.Role
	Shard     string
	StateFile string
	// Poll is how often the component is looked at.
	Poll time.Duration
	// SickAfter is how long a component must fail before its node is sick or gone.
	SickAfter time.Duration
	// WakeStress is the stress that is worth a wake-up when it is reached; 0 on nodes without stress.
	WakeStress float64
	// State reads the state of a signal node's shard as the operator wrote it, every StatePoll; nil elsewhere.
	State     func(ctx context.Context) (string, error)
	StatePoll time.Duration
	// ShardLimit is how many participants a shard has before it wants no new rooms; 0 is no limit.
	ShardLimit int64
	Component  Component
	// Host reads the machine's load; its error is logged, never fatal.
	Host func(now time.Time) (fleet.HostLoad, error)
	// Waker publishes wake-ups; nil publishes none.
	Waker Waker
	Clock func() time.Time
	Log   *slog.Logger
}

// Agent is one node's agent. Run looks and wakes; Status and Obey may be called at any time.
type Agent struct {
	config Config
	waking *waking

	// turn is held by who deals with the component: one look or one order at a time.
	turn   chan struct{}
	memory Memory // guarded by turn
	// ordered is when the last order came from no overtaken run, or the agent started; guarded by turn.
	ordered time.Time
	// hostTrouble is why the host's load could not be read at the last look; guarded by turn.
	hostTrouble string
	// startsBefore is how many sessions earlier agents of this node saw begin.
	startsBefore int64

	mu       sync.RWMutex // guards what Status reads
	view     View
	past     Past
	phase    fleet.Phase
	since    time.Time // when phase began
	lookedAt time.Time // when the figures in view were answered
	trouble  string    // of applying the intent
	admitted bool
	host     fleet.HostLoad
	sequence uint64
	lowest   float64 // the lowest stress since the last wake-up
	drained  bool    // the intent's
	leaving  bool    // the agent was told to end, and the node leaves the load balancer first
	// standing decides what HAProxy's agent-check is told of a signal node, with the shard's state.
	standing     standing
	shardState   fleet.ShardState
	stateTrouble string // of reading shardState
}

// New makes an agent with the intent that its state file remembers. It fails when there is a state file that
// cannot be read: guessing that a node was never admitted could end one that carries people.
func New(c Config) (*Agent, error) {
	memory, err := recall(c.StateFile, c.Instance)
	if err != nil {
		return nil, err
	}
	now := c.Clock()
	a := &Agent{
		config:   c,
		turn:     make(chan struct{}, 1),
		memory:   memory,
		ordered:  now,
		phase:    fleet.PhaseStarting,
		since:    now,
		lookedAt: now,
		admitted: memory.Admitted,
		drained:  memory.Drained,
		// A node that served before its agent restarted is not down until that is seen; a new one is, until proven.
		standing:   standing{Sick: belief{Held: !memory.Admitted}},
		shardState: memory.firstState(),
		view:       View{Trouble: "not looked at yet"},
		// A recorder's component counts from zero.
		startsBefore: memory.Starts,
	}
	a.waking = newWaking(c)
	return a, nil
}

// Run looks at the component every Poll and publishes wake-ups until the context ends.
func (a *Agent) Run(ctx context.Context) {
	var wakes sync.WaitGroup
	defer wakes.Wait()
	wakes.Go(func() { a.waking.run(ctx) })
	if a.config.State != nil {
		wakes.Go(func() { a.follow(ctx) })
	}
	tick := time.NewTicker(a.config.Poll)
	defer tick.Stop()
	for {
		a.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look looks at the component once and applies the intent to it. Run calls it; so may who wants to know now.
func (a *Agent) Look(ctx context.Context) {
	if a.take(ctx) != nil {
		return
	}
	defer a.release()
	a.look(ctx)
}

// look needs the turn.
func (a *Agent) look(ctx context.Context) {
	seen := a.config.Component.Look(ctx)
	intent := a.intent()
	told, err := a.config.Component.Apply(ctx, intent, seen)
	if told {
		seen = a.config.Component.Look(ctx)
	}
	if ctx.Err() != nil {
		return // a look that was broken off says nothing of the component
	}
	a.settle(seen, intent, errors.Join(err, a.count(seen.Jibri)))
}

// alone is for how long a bridge drains without an order. The control plane repeats its order each minute; when it is
// gone, the reserve takes work by itself, for the bridges that serve are enough for a minute only.
const alone = 5 * time.Minute

// intent is what the control plane wants of the node now. It needs the turn.
func (a *Agent) intent() Intent {
	intent := a.memory.Intent
	if a.config.Role == fleet.RoleBridge && intent.Admitted && !intent.Retired && a.config.Clock().Sub(a.ordered) > alone {
		intent.Drained = false
	}
	return intent
}

// count adds the sessions that earlier agents of this node saw to a recorder's own count, and remembers the sum before it
// is told, so that it never falls. It needs the turn.
func (a *Agent) count(load *fleet.JibriLoad) error {
	if load == nil {
		return nil
	}
	load.Starts += a.startsBefore
	if load.Starts == a.memory.Starts {
		return nil
	}
	next := a.memory
	next.Starts = load.Starts
	if err := next.save(a.config.StateFile); err != nil {
		return err
	}
	a.memory = next
	return nil
}

// settle makes what was seen the node's status, and decides whether that is worth a wake-up.
func (a *Agent) settle(seen View, intent Intent, applied error) {
	now := a.config.Clock()
	host := a.readHost(now)
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.status(now)
	if seen.Answer == Answered || seen.Jibri != nil {
		a.lookedAt = now
	} else {
		seen = a.view.butFailing(seen)
	}
	seen.Drain = seen.Drain || a.leaving
	a.past = a.past.After(seen, now)
	a.standing = a.standing.after(seen, a.config.ShardLimit, now, a.config.SickAfter)
	a.view, a.host, a.admitted, a.drained = seen, host, a.memory.Admitted, a.memory.Drained
	a.trouble = ""
	if applied != nil {
		a.trouble = "the intent is not applied: " + applied.Error()
	}
	if phase := PhaseOf(seen, intent, a.past, now, a.config.SickAfter); phase != a.phase {
		a.config.Log.Info("phase", "from", a.phase, "to", phase, "detail", a.detail())
		a.phase, a.since = phase, now
	}
	after := a.status(now)
	if why := worthWaking(before, after, a.lowest, a.config.WakeStress); why != "" {
		a.sequence++
		a.lowest = stressOf(after)
		a.waking.want(a.sequence)
		a.config.Log.Info("wake-up", "sequence", a.sequence, "why", why)
	}
	a.lowest = min(a.lowest, stressOf(after))
}

// readHost needs the turn. What cannot be read is logged once, not at every look.
func (a *Agent) readHost(now time.Time) fleet.HostLoad {
	host, err := a.config.Host(now)
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble != a.hostTrouble {
		a.config.Log.Warn("host load", "trouble", trouble)
		a.hostTrouble = trouble
	}
	return host
}

// Status is the node's status at this moment. It never waits for the component.
func (a *Agent) Status() fleet.Status {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.status(a.config.Clock())
}

// status needs mu.
func (a *Agent) status(now time.Time) fleet.Status {
	return fleet.Status{
		Instance:     a.config.Instance,
		Role:         a.config.Role,
		Shard:        a.config.Shard,
		Sequence:     a.sequence,
		Phase:        a.phase,
		PhaseSeconds: max(0, now.Sub(a.since).Seconds()),
		AgeSeconds:   max(0, now.Sub(a.lookedAt).Seconds()),
		Admitted:     a.admitted,
		Detail:       a.detail(),
		Version:      a.view.Version,
		Bridge:       a.view.Bridge,
		Signal:       a.signal(),
		Edge:         a.edge(),
		Jibri:        a.view.Jibri,
		Host:         a.host,
	}
}

// signal is the shard's load with what is not Jicofo's to say. It needs mu.
func (a *Agent) signal() *fleet.SignalLoad {
	if a.view.Signal == nil {
		return nil
	}
	load := *a.view.Signal
	load.State, load.Said = a.shardState, a.check()
	return &load
}

// edge is HAProxy's load with the node's own word on clients. It needs mu.
func (a *Agent) edge() *fleet.EdgeLoad {
	if a.view.Edge == nil {
		return nil
	}
	load := *a.view.Edge
	load.Open = a.open()
	return &load
}

func (a *Agent) detail() string {
	return strings.Join(slices.DeleteFunc([]string{a.view.Trouble, a.trouble, a.stateTrouble}, func(s string) bool { return s == "" }), "; ")
}

// take waits for the turn; it fails only with the context.
func (a *Agent) take(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the agent is busy with its component: %w", ctx.Err())
	}
}

func (a *Agent) release() { <-a.turn }
