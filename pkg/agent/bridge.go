package agent

import (
	"context"
	"errors"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// Bridge is a node's videobridge as the agent's component.
type Bridge struct{ JVB *jitsi.Bridge }

// Look asks the bridge for its figures and its health.
func (b Bridge) Look(ctx context.Context) View {
	stats, err := b.JVB.Stats(ctx)
	switch {
	case errors.Is(err, jitsi.ErrRefused):
		return View{Answer: Refused, Trouble: err.Error() + ": the process is not there"}
	case err != nil:
		return View{Answer: Silent, Trouble: err.Error()}
	}
	v := View{
		Answer:   Answered,
		Drain:    stats.Drain,
		Leaving:  stats.GracefulShutdown || stats.ShuttingDown,
		Occupied: stats.LocalEndpoints > 0,
		Version:  stats.Version,
		Bridge:   bridgeLoad(stats),
	}
	health := b.JVB.Health(ctx)
	if errors.Is(health, jitsi.ErrNoHealth) {
		health = nil // the switch is the operator's; the figures came
	}
	var unjoined error
	if stats.MUCsJoined == 0 {
		unjoined = errors.New("JVB has joined no brewery: no Jicofo knows it")
	}
	v.Ready = health == nil && unjoined == nil
	v.Trouble = inOneLine(undocumented("JVB", stats.Wrong), health, unjoined)
	return v
}

func bridgeLoad(s jitsi.BridgeStats) *fleet.BridgeLoad {
	return &fleet.BridgeLoad{
		Stress:             s.Stress,
		Conferences:        s.Conferences,
		Endpoints:          s.Endpoints,
		LocalEndpoints:     s.LocalEndpoints,
		LargestConference:  s.LargestConference,
		Drain:              s.Drain,
		GracefulShutdown:   s.GracefulShutdown,
		ShuttingDown:       s.ShuttingDown,
		JoinedMUCs:         s.MUCsJoined,
		ReceiveKilobits:    s.ReceiveKilobits,
		SendKilobits:       s.SendKilobits,
		Loss:               s.Loss,
		RoundTripMillis:    s.RoundTripMillis,
		ICEFailedTotal:     s.ICEFailedTotal,
		ParticipantStress:  s.ParticipantStress,
		PacketRateDownload: s.PacketRateDownload,
		PacketRateUpload:   s.PacketRateUpload,
	}
}

// Apply drains, undrains or shuts down the bridge when it is not as the intent wants it. A bridge that was not
// admitted is kept in drain, whatever its configuration says; one that shuts down is left alone, unless its
// participants shall be moved and it waits for them still.
func (b Bridge) Apply(ctx context.Context, intent Intent, seen View) (bool, error) {
	if seen.Answer != Answered {
		return false, nil
	}
	drain := intent.Drained || !intent.Admitted
	switch {
	case intent.Moved && !seen.Bridge.ShuttingDown:
		return true, b.JVB.Shutdown(ctx, false)
	case intent.Retired && !seen.Leaving:
		return true, b.JVB.Shutdown(ctx, true)
	case seen.Leaving || seen.Drain == drain:
		return false, nil
	default:
		return true, b.JVB.SetDrain(ctx, drain)
	}
}

// Occupants asks the bridge how many endpoints it terminates.
func (b Bridge) Occupants(ctx context.Context) (int64, error) {
	stats, err := b.JVB.Stats(ctx)
	if err != nil {
		return 0, err
	}
	return stats.LocalEndpoints, nil
}
