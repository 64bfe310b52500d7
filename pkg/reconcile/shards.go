package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/event"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/shards"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Shards is the control loop that watches the shards' states as operators set them, says when a draining shard is
// empty, and puts rooms that live on two shards back onto one.
type Shards struct {
	Env       settings.ShardsEnv
	Observer  Observer
	Censuses  Censuses
	States    ShardStates
	Leases    Leases
	Announcer Announcer
	Log       *slog.Logger
	Now       func() time.Time
}

const loopShards = "shards"

// mendsAtOnce is how many rooms one run mends at most, the largest first: each costs an order to every HAProxy node.
const mendsAtOnce = 200

// The events of this loop.
const (
	EventShardEmpty   = "Shard Empty"
	EventStateRefused = "Shard State Refused"
)

// shardsMemory is what the loop leaves to its next run.
type shardsMemory struct {
	// Mended is when rooms were mended, by key, for as long as they rest.
	Mended map[string]time.Time `json:"mended,omitempty"`
	// Empty are the shards that were announced as empty and still are.
	Empty map[string]bool `json:"empty,omitempty"`
	// Refused is what stood in the parameters that were announced as refused.
	Refused map[string]string `json:"refused,omitempty"`
	// Followed is the state that each shard followed when it was last known.
	Followed map[string]fleet.ShardState `json:"followed,omitempty"`
	// Served is true once a HAProxy node had a shard to send clients to.
	Served bool `json:"served,omitempty"`
	// Counted is what HAProxy nodes had counted at the look before.
	Counted map[fleet.InstanceID]edgeCounts `json:"counted,omitempty"`
}

// Run looks at all shards once, or more often when somebody asks while it runs. All rooms are compared in one place, so
// there is one lease for all shards.
func (s Shards) Run(ctx context.Context, wakeups []event.Wakeup) (*telemetry.Record, error) {
	record := telemetry.NewRecord(s.Env.Fleet, s.Now())
	if !slices.ContainsFunc(wakeups, func(w event.Wakeup) bool { return w.Kind != event.Ignored }) {
		for _, w := range wakeups {
			s.Log.Info("ignored", "because", w.Because)
		}
		return record, nil
	}
	held, err := holdAll[shardsMemory](ctx, s.Leases, loopShards, []string{s.Env.Fleet}, s.Now, s.Log)
	mended := 0
	for round := 1; len(held) > 0; round++ {
		n, roundErr := s.round(ctx, held[s.Env.Fleet], record)
		mended += n
		record.Fleet(telemetry.RoomsMended, float64(mended))
		err = errors.Join(err, roundErr)
		var releaseErr error
		held, releaseErr = releaseAll(ctx, s.Leases, held, round == rounds)
		err = errors.Join(err, releaseErr)
	}
	return record, err
}

// view is everything that one round knows.
type view struct {
	at       time.Time
	shards   map[string]shards.Shard
	wanted   map[string]string // what stands in the shards' parameters; missing where it could not be read
	censuses map[string]fleet.Census
	edges    []edgeNode
}

func (s Shards) round(ctx context.Context, t *tenure[shardsMemory], record *telemetry.Record) (mended int, err error) {
	observations, err := s.Observer.Observe(ctx, fleet.Scope{Roles: []fleet.Role{fleet.RoleSignal, fleet.RoleEdge}})
	if err != nil {
		return 0, err
	}
	v := s.look(ctx, observations)
	splits := shards.Find(v.censuses, v.states())
	t.memory.rest(v.at, s.Env.MendPause)
	mends := shards.Mends(v.at, splits, t.memory.Mended, shards.Policy{Pause: s.Env.MendPause, Most: mendsAtOnce})

	for _, split := range splits {
		s.Log.Warn("split room", "room", split.Room, "key", split.Key, "sides", split.Sides, "mended", t.memory.Mended[split.Key])
	}
	m := mender{Shards: s, t: t, edges: v.edges, at: v.at}
	m.mend(ctx, mends)
	err = errors.Join(m.failure(), s.announce(ctx, v, &t.memory))
	v.publish(record, s.Env.StaleAfter, t.memory.served(v.edges))
	grown := t.memory.growth(v.edges)
	record.Fleet(telemetry.EdgeErrors, float64(grown.Errors))
	record.Fleet(telemetry.EdgeRedispatches, float64(grown.Redispatches))
	record.Fleet(telemetry.SplitRooms, float64(len(splits)))
	record.Count(telemetry.Actions, len(m.done))
	s.log(ctx, v, t.lease, splits, m, err)
	tell(ctx, s.Announcer, s.Log, decided{Loop: loopShards, At: v.at, Fence: t.lease.Fence, Actions: m.done, Error: errorText(m.failure())})
	return m.mended, err
}

// look adds to what was observed what only this loop asks for: censuses and parameters, all side by side.
func (s Shards) look(ctx context.Context, observations []fleet.Observation) view {
	v := view{at: s.Now(), shards: map[string]shards.Shard{}, wanted: map[string]string{}, censuses: map[string]fleet.Census{}}
	var names []string
	signals := map[string]fleet.Instance{}
	for _, o := range observations {
		if o.Group.Role == fleet.RoleEdge {
			v.edges = append(v.edges, edgesOf(o)...)
			continue
		}
		names = append(names, o.Group.Shard)
		v.shards[o.Group.Shard] = s.shard(o.Signal)
		for _, i := range o.Group.Instances {
			if i.Lifecycle == fleet.StateInService {
				signals[o.Group.Shard] = i
			}
		}
	}
	var mu sync.Mutex
	_ = sideBySide(names, func(name string) error { // what is not to be had is logged and missing
		census, censusErr := s.census(ctx, name, signals[name])
		wanted, wantedErr := s.States.Read(ctx, name)
		mu.Lock()
		defer mu.Unlock()
		if censusErr == nil {
			v.censuses[name] = census
		}
		if wantedErr == nil {
			v.wanted[name] = wanted
		}
		if err := errors.Join(censusErr, wantedErr); err != nil {
			s.Log.Warn("a shard is not known wholly", "shard", name, "error", err.Error())
		}
		return nil
	})
	for name, census := range v.censuses {
		shard := v.shards[name]
		shard.Rooms = len(census.Rooms)
		v.shards[name] = shard
	}
	for name, shard := range v.shards {
		_, counted := v.censuses[name]
		shard.Heard = shard.Heard && counted
		v.shards[name] = shard
	}
	return v
}

// shard is what a shard's signal node in service says of it.
func (s Shards) shard(signal fleet.Report) shards.Shard {
	load := signal.Status.Signal
	if signal.Err != nil || load == nil {
		return shards.Shard{}
	}
	return shards.Shard{
		State: load.State, Heard: signal.Status.Age() <= s.Env.StaleAfter,
		Conferences: load.Conferences, Participants: load.Participants,
	}
}

// census asks one signal node for its rooms. An old census is none: its rooms may be elsewhere by now.
func (s Shards) census(ctx context.Context, shard string, node fleet.Instance) (fleet.Census, error) {
	if !node.Address.IsValid() {
		return fleet.Census{}, errNoSignalNode
	}
	ctx, cancel := context.WithTimeout(ctx, s.Env.AgentTimeout)
	defer cancel()
	census, err := s.Censuses.Census(ctx, node.Address)
	switch age := time.Duration(census.AgeSeconds * float64(time.Second)); {
	case err != nil:
		return fleet.Census{}, err
	case census.Instance != node.ID || census.Shard != shard:
		return fleet.Census{}, fmt.Errorf("the agent at %s says that it is %q of shard %q", node.Address, census.Instance, census.Shard)
	case age > s.Env.StaleAfter:
		return fleet.Census{}, fmt.Errorf("the census of shard %s is %s old", shard, age.Round(time.Second))
	}
	return census, nil
}

func (v view) states() map[string]fleet.ShardState {
	states := map[string]fleet.ShardState{}
	for name, shard := range v.shards {
		states[name] = shard.State
	}
	return states
}

// rest forgets mended rooms whose pause is over.
func (m *shardsMemory) rest(now time.Time, pause time.Duration) {
	for key, at := range m.Mended {
		if now.Sub(at) >= pause {
			delete(m.Mended, key)
		}
	}
}

// log writes the one line of this round.
func (s Shards) log(ctx context.Context, v view, lease fleet.Lease, splits []shards.Split, m mender, err error) {
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	s.Log.Log(ctx, level, "decision", "loop", loopShards, "fence", lease.Fence, "shards", v.shards, "parameters", v.wanted,
		"censuses", len(v.censuses), "edges", len(v.edges), "splits", len(splits), "mended", m.mended, "waits", m.waits,
		"actions", m.done, "error", errorText(err))
}
