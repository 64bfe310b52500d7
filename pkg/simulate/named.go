package simulate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Entry is one policy of a comparison. A section without a rule is nil and left out of the policy's run.
type Entry struct {
	Name    string
	Bridges BridgePolicy
	Jibris  JibriPolicy
	// FirstBridges and FirstJibris are in service at the beginning.
	FirstBridges, FirstJibris int
	// Bound is true for the lower bound, which is no policy: exactly what is used at every instant.
	Bound bool
}

// PolicyNames are the policies that a comparison plays when nobody chooses.
var PolicyNames = []string{
	"jitsi-fleet", "jitsi-autoscaler", "8x8-cloudformation", "target-tracking", "n-free-3", "n-free-10", "static", "hindsight", "bound",
}

// trackingTarget is the load that target tracking keeps: 50 %, OpenVidu's and AWS's example.
const trackingTarget = 0.5

// staticMargin is by how much a static fleet is larger than the highest demand of the time that its buyer knew.
const staticMargin = 1.2

// Named makes a policy for a workload.
func Named(policy string, w Workload, o Options) (Entry, error) {
	e := Entry{Name: policy, FirstBridges: 1}
	switch policy {
	case "jitsi-fleet":
		return With(Ours(o), o), nil
	case "jitsi-fleet-whole":
		e = With(Ours(o), o)
		e.Name, e.Bridges, e.Jibris = policy, NewWhole(Ours(o), o), NewWholeJibris(Ours(o), o)
	case "jitsi-autoscaler":
		e.Bridges, e.Jibris, e.FirstJibris = bridgeAutoscaler{autoscaledBridges()}, jibriAutoscaler{autoscaledJibris()}, 2
	case "8x8-cloudformation":
		e.Jibris, e.FirstJibris = &cloudFormation{}, cloudFormationFree
	case "target-tracking":
		e.Bridges = &tracking{target: trackingTarget}
	case "static":
		e.static(w, o)
	case "hindsight":
		e.hindsight(w, o)
	case "bound":
		e.Bound = true
	default:
		n, err := strconv.Atoi(strings.TrimPrefix(policy, "n-free-"))
		if err != nil || n < 1 || n > most || !strings.HasPrefix(policy, "n-free-") {
			return e, fmt.Errorf("policy %q is none: write some of %s with commas between them; n-free-N for any N from 1 to %d", policy, strings.Join(PolicyNames, ", "), most)
		}
		e.Jibris, e.FirstJibris = nFree{n}, n
	}
	return e, nil
}

// static buys for the highest demand of the warm-up, or of all when there is none, with a margin.
func (e *Entry) static(w Workload, o Options) {
	known := o.WarmUp.Seconds()
	if known == 0 {
		known = w.Length().Seconds()
	}
	size := func(peak int) int { return max(1, int(math.Ceil(float64(peak)*staticMargin))) }
	e.FirstBridges = size(needed(participantsOf(w).most(0, known)))
	e.FirstJibris = size(recordingsOf(w).most(0, known))
	e.Bridges, e.Jibris = static{e.FirstBridges}, staticJibris{e.FirstJibris}
}

// hindsight knows the demand of the time until what it launches now would serve, and goes by our own law with
// that for a forecast and hardly a margin.
func (e *Entry) hindsight(w Workload, o Options) {
	people, ahead := participantsOf(w), hindsightAhead(o.BridgeBoot, o.Spread)
	e.Bridges = &Fleet{
		Policy: hindsightBridges(o),
		Expect: func(now time.Time, demand float64) (growth, soon float64) {
			within := func(lead time.Duration) float64 {
				return max(0, float64(people.most(now.Sub(w.Start).Seconds(), lead.Seconds()))/perBridge-demand)
			}
			return within(ahead), within(settings.Reaction)
		},
	}
	e.Jibris = &knowingJibris{start: w.Start, future: recordingsOf(w), ahead: hindsightAhead(o.JibriBoot, o.Spread)}
	e.FirstJibris = 1
}

// hindsightAhead is how far hindsight must see: the longest boot, and from one decision to the next but one, since a first
// can be prevented.
func hindsightAhead(boot time.Duration, spread float64) time.Duration {
	return time.Duration(float64(boot)*(1+spread)) + 2*time.Minute
}
