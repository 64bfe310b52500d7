package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Suspect is a node in service that looks broken: a bridge whose agent says that its JVB does not work, or a recorder
// whose agent says so or that no Jicofo would choose while it says that it is free.
type Suspect struct {
	ID fleet.InstanceID
	// For is how long it has looked so.
	For time.Duration
	// Confirmed is true when Jicofo answered and does not use the node either.
	Confirmed bool
}

// Verdict is which suspects to replace, and whether so many look broken that none is.
type Verdict struct {
	Replace []fleet.InstanceID `json:"replace,omitempty"`
	Frozen  bool               `json:"frozen,omitempty"`
	Reasons []string           `json:"reasons,omitempty"`
}

// Crowd is what else is known of the group that the suspects are in.
type Crowd struct {
	InService int // instances in service
	Silent    int // of those, how many did not answer
	Recent    int // how many were replaced as broken within Window
	Window    time.Duration
}

// Quarantine chooses which broken nodes are replaced: at most one, or a tenth of the group, in each window.
func Quarantine(suspects []Suspect, c Crowd, deadAfter time.Duration) Verdict {
	var v Verdict
	limit := fleet.Tolerated(c.InService)
	if len(suspects)+c.Silent > limit {
		v.Frozen = true
		v.Reasons = []string{fmt.Sprintf("%d of %d nodes look broken or are silent, more than %d: the observer is presumed wrong and nothing is ended",
			len(suspects)+c.Silent, c.InService, limit)}
		return v
	}
	slices.SortFunc(suspects, func(a, b Suspect) int { return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.ID, b.ID)) })
	for _, s := range suspects {
		switch {
		case s.For < deadAfter:
			v.Reasons = append(v.Reasons, fmt.Sprintf("%s is broken for %s of %s", s.ID, s.For.Round(time.Second), deadAfter))
		case !s.Confirmed:
			v.Reasons = append(v.Reasons, fmt.Sprintf("%s says it is broken, its Jicofo does not confirm it", s.ID))
		case c.Recent+len(v.Replace) >= limit:
			v.Reasons = append(v.Reasons, fmt.Sprintf("%s waits: %d were replaced in the last %s already", s.ID, c.Recent+len(v.Replace), c.Window))
		default:
			v.Replace = append(v.Replace, s.ID)
			v.Reasons = append(v.Reasons, fmt.Sprintf("%s is broken in its own and in Jicofo's view for %s", s.ID, s.For.Round(time.Second)))
		}
	}
	return v
}
