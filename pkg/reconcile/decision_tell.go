package reconcile

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// EventDecision is announced for every decision that changed something, and for one that failed to.
const EventDecision = "Fleet Decision"

// decided is the detail of EventDecision.
type decided struct {
	Version int    `json:"version"`
	Loop    string `json:"loop"` // "bridges", "jibris", "lifecycle" or "shards"
	// Group is the Auto Scaling group; empty for the loop shards, which has none.
	Group    string           `json:"group,omitempty"`
	Shard    string           `json:"shard,omitempty"`
	Instance fleet.InstanceID `json:"instance,omitempty"` // of the loop lifecycle
	At       time.Time        `json:"at"`                 // of what was observed
	// Fence is the counter of the lease: of two decisions on one group the one with the lower fence is the older.
	Fence   uint64   `json:"fence"`
	Actions []string `json:"actions"`           // what was done, in words
	Reasons []string `json:"reasons,omitempty"` // why, in words, the first step first
	Error   string   `json:"error,omitempty"`   // what failed
}

// tell announces a decision. That it could not be announced is written to the log and changes nothing: the deed is done.
func tell(ctx context.Context, to Announcer, log *slog.Logger, d decided) {
	if len(d.Actions) == 0 && d.Error == "" {
		return
	}
	d.Version = 1
	if d.Actions == nil {
		d.Actions = []string{}
	}
	if err := to.Announce(ctx, EventDecision, d); err != nil {
		log.Error("a decision is not announced", "loop", d.Loop, "group", d.Group, "error", err.Error())
	}
}

func (b Bridges) tell(ctx context.Context, o fleet.Observation, lease fleet.Lease, out outcome) {
	tell(ctx, b.Runtime.Announcer, b.Log, decided{
		Loop: loopBridges, Group: o.Group.Name, Shard: o.Group.Shard, At: o.At, Fence: lease.Fence, Actions: out.done,
		Reasons: slices.Concat(out.decision.Reasons, out.verdict.Reasons), Error: errorText(out.err),
	})
}

func (j Jibris) tell(ctx context.Context, o fleet.Observation, lease fleet.Lease, out jibriOutcome) {
	tell(ctx, j.Runtime.Announcer, j.Log, decided{
		Loop: loopJibris, Group: o.Group.Name, At: o.At, Fence: lease.Fence, Actions: out.done,
		Reasons: slices.Concat(out.decision.Reasons, out.verdict.Reasons, out.spared), Error: errorText(out.err),
	})
}
