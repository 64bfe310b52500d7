// Package reconcile holds the control loops: each observes, decides with the pure packages, and acts.
//
// The loops are level-triggered. A wake-up says at most where to look; everything else is read anew, so a lost,
// late, doubled or reordered one changes nothing but the delay. The package owns the small interfaces that it
// needs and knows no AWS SDK; it reads the clock only through its Now function.
package reconcile

import (
	"context"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Groups is Auto Scaling.
type Groups interface {
	// List describes the groups of the scope with their instances.
	List(ctx context.Context, scope fleet.Scope) ([]fleet.Group, error)
	// Raise sets a group's desired capacity, which is never lower than the one that was observed.
	Raise(ctx context.Context, group string, desired int) error
	// Terminate ends one instance. With shrink the desired capacity is lowered by one, without it is replaced.
	Terminate(ctx context.Context, group string, id fleet.InstanceID, shrink bool) error
	// KeepZones forbids Auto Scaling to move a group's instances between zones, until somebody allows it again.
	KeepZones(ctx context.Context, group string) error
	// Complete ends an instance's wait at a lifecycle hook. It is no error when nothing waits any more.
	Complete(ctx context.Context, group, hook string, id fleet.InstanceID, result fleet.HookResult) error
	// Heartbeat prolongs an instance's wait at a lifecycle hook. It is no error when nothing waits any more.
	Heartbeat(ctx context.Context, group, hook string, id fleet.InstanceID) error
}

// Machines is EC2.
type Machines interface {
	// List describes the machines of a fleet, those that ended a while ago included.
	List(ctx context.Context, name string) (map[fleet.InstanceID]fleet.Machine, error)
}

// Agents is the node agents.
type Agents interface {
	Status(ctx context.Context, address netip.Addr) (fleet.Status, error)
	Order(ctx context.Context, address netip.Addr, verb fleet.Verb, order fleet.Order) (fleet.Status, error)
}

// Censuses are the rooms of shards, by the agents of their signal nodes.
type Censuses interface {
	Census(ctx context.Context, address netip.Addr) (fleet.Census, error)
}

// ShardStates are the parameters in which operators write each shard's state.
type ShardStates interface {
	// Read is what is written for a shard.
	Read(ctx context.Context, shard string) (string, error)
}

// Leases gives out one lease for each key at a time.
type Leases interface {
	// Acquire takes the lease until a moment; ok is false while another holds it. The other is then asked for
	// another run, so that the caller may leave.
	Acquire(ctx context.Context, key string, now, until time.Time) (lease fleet.Lease, ok bool, err error)
	// Note leaves memory to the next holder while the lease stays held: for what must be known even if this run
	// ends before it releases.
	Note(ctx context.Context, lease fleet.Lease, memory []byte) error
	// Release gives the lease back and leaves memory to the next holder; again is true when another asked for
	// a run meanwhile: then memory is left, and the lease is still held.
	Release(ctx context.Context, lease fleet.Lease, memory []byte) (again bool, err error)
	// Abandon gives the lease back whether or not another asked; the next wake-up serves them.
	Abandon(ctx context.Context, lease fleet.Lease, memory []byte) error
}

// Names is the private DNS zone.
type Names interface {
	// Point makes a name in the zone mean an address.
	Point(ctx context.Context, name string, address netip.Addr) error
}

// Parameters is the run-time parameter.
type Parameters interface {
	Read(ctx context.Context) (string, error)
}

// Memory keeps the last good run-time values.
type Memory interface {
	LastGood(ctx context.Context) (raw string, ok bool, err error)
	// Keep keeps the values in force.
	Keep(ctx context.Context, raw string) error
	// Refuse remembers values that are invalid; first is false when the same were refused last and none kept since.
	Refuse(ctx context.Context, raw string) (first bool, err error)
}

// Profiles keep the past weeks: each shard's demand by the shard's name, and the starts of recordings.
type Profiles interface {
	// Profile is what was kept under a name; nil when nothing was.
	Profile(ctx context.Context, name string) ([]byte, error)
	// KeepProfile replaces it.
	KeepProfile(ctx context.Context, name string, raw []byte) error
}

// Announcer tells the world, through EventBridge.
type Announcer interface {
	Announce(ctx context.Context, kind string, detail any) error
}
