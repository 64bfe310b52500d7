package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// Signal is a signal node's three components as the agent's component.
type Signal struct {
	Jicofo  *jitsi.Jicofo
	Prosody *jitsi.Prosody
	Web     *jitsi.Web
	// Rooms is asked for the census of the virtual host Host. It is Prosody again, with more patience: a census
	// of thousands of rooms takes longer than a sign of life.
	Rooms *jitsi.Prosody
	Host  string
}

// Look asks all three. The node is ready when each of them answers; Jicofo's complaint that it has no bridge does
// not keep it from being ready, since bridges can join only a shard that is there.
func (s Signal) Look(ctx context.Context) View {
	stats, err := s.Jicofo.Stats(ctx)
	web, prosody := s.Web.Alive(ctx), s.Prosody.Alive(ctx)
	if err != nil {
		v := View{Answer: Silent, Trouble: inOneLine(err, web, prosody)}
		if allRefused(err, web, prosody) {
			v.Answer = Refused
		}
		return v
	}
	v := View{
		Answer:   Answered,
		Occupied: stats.Participants > 0,
		Version:  stats.Version,
		Signal:   signalLoad(stats),
	}
	views, debug := s.Jicofo.Views(ctx)
	if debug == nil {
		v.Signal.BridgeViews = bridgeViews(views.Bridges)
		v.Signal.JibriViews = jibriViews(views.Jibris)
	}
	health := s.Jicofo.Health(ctx)
	excused := errors.Is(health, jitsi.ErrNoHealth) || bridgeless(stats) && errors.Is(health, jitsi.ErrUnhealthy)
	v.Ready = web == nil && prosody == nil && (health == nil || excused)
	v.Trouble = inOneLine(web, prosody, debug, health, undocumented("Jicofo", stats.Wrong))
	return v
}

// bridgeless reports whether Jicofo's health check must fail for want of an operational bridge that is not in
// graceful shutdown (JicofoHealthChecker.kt).
func bridgeless(s jitsi.JicofoStats) bool { return s.OperationalBridges <= s.InShutdownBridges }

func signalLoad(s jitsi.JicofoStats) *fleet.SignalLoad {
	return &fleet.SignalLoad{
		Conferences:       s.Conferences,
		Participants:      s.Participants,
		LargestConference: s.LargestConference,
		Bridges:           s.Bridges,
		BridgesOK:         s.OperationalBridges,
		LostBridges:       s.LostBridges,
		ParticipantsMoved: s.ParticipantsMoved,
		JibrisAvailable:   s.JibrisAvailable,
		JibrisSeen:        s.JibrisSeen,
	}
}

func bridgeViews(seen map[string]jitsi.JicofoBridge) map[fleet.InstanceID]fleet.BridgeView {
	views := make(map[fleet.InstanceID]fleet.BridgeView, len(seen))
	for nickname, b := range seen {
		views[fleet.InstanceID(nickname)] = fleet.BridgeView{
			Operational: b.Operational,
			Drain:       b.Drain,
			Endpoints:   b.Endpoints,
		}
	}
	return views
}

// jibriViews is nil when Jicofo did not tell of recorders.
func jibriViews(seen map[string]jitsi.JicofoJibri) map[fleet.InstanceID]fleet.JibriView {
	if seen == nil {
		return nil
	}
	views := make(map[fleet.InstanceID]fleet.JibriView, len(seen))
	for nickname, j := range seen {
		views[fleet.InstanceID(nickname)] = fleet.JibriView(j)
	}
	return views
}

// Apply does nothing: Jicofo and Prosody know neither drain nor graceful shutdown. A shard's drain is the routing's.
func (s Signal) Apply(context.Context, Intent, View) (bool, error) { return false, nil }

// Occupants asks Jicofo how many participants the shard has.
func (s Signal) Occupants(ctx context.Context) (int64, error) {
	stats, err := s.Jicofo.Stats(ctx)
	if err != nil {
		return 0, err
	}
	return stats.Participants, nil
}

func allRefused(errs ...error) bool {
	for _, err := range errs {
		if !errors.Is(err, jitsi.ErrRefused) {
			return false
		}
	}
	return true
}

// undocumented is the trouble with fields that have another kind than the documented one; nil when there are none.
func undocumented(component string, wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s's figures have fields of an undocumented kind: %s", component, strings.Join(wrong, ", "))
}

// inOneLine joins those errors that there are.
func inOneLine(errs ...error) string {
	var lines []string
	for _, err := range errs {
		if err != nil {
			lines = append(lines, err.Error())
		}
	}
	return strings.Join(lines, "; ")
}
