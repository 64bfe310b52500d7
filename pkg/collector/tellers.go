package collector

import (
	"slices"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// kindAgent is the kind of a node that was asked through its agent.
const kindAgent = "agent"

// The figures that plain components tell enough for. Of a shard or a pool of recorders without any agent, the others
// are left out: a zero would be made up.
var (
	plainOfBridges = []telemetry.Metric{
		telemetry.BridgesServing, telemetry.BridgesDraining, telemetry.BridgesOverloaded,
		telemetry.SilentShare, telemetry.StressMean, telemetry.StressP90, telemetry.StressMax, telemetry.RoomMissing,
		telemetry.SendKilobits, telemetry.ReceiveKilobits, telemetry.PacketRate,
		telemetry.PacketLoss, telemetry.RoundTripMillis, telemetry.ICEFailures,
	}
	plainOfSignals = []telemetry.Metric{telemetry.Conferences, telemetry.Participants, telemetry.LargestConference, telemetry.LostBridges}
	plainOfFleet   = []telemetry.Metric{
		telemetry.JibrisFree, telemetry.JibrisBusy, telemetry.JibrisUnhealthy, telemetry.JibrisSilent,
		telemetry.EdgeSilent, telemetry.EdgeConnections,
		telemetry.AgentsSilent, telemetry.ObserveMillis,
	}
)

// tellers are the agents that speak: for which shards, and of which roles.
type tellers struct {
	shards map[string]bool
	roles  map[fleet.Role]bool
}

func tellersOf(nodes []Node) tellers {
	told := tellers{shards: map[string]bool{}, roles: map[fleet.Role]bool{}}
	for _, n := range nodes {
		if n.Kind == kindAgent && n.Role != "" {
			told.shards[n.Shard], told.roles[n.Role] = true, true
		}
	}
	return told
}

// knows reports whether a figure was told and not made up. The figures of the fleet that plain components cannot tell
// are those of machines, by role, and of recorders.
func (t tellers) knows(shard string, m telemetry.Metric) bool {
	if shard != "" {
		return t.shards[shard] || slices.Contains(plainOfBridges, m) || slices.Contains(plainOfSignals, m)
	}
	if slices.Contains(plainOfFleet, m) {
		return true
	}
	if m == telemetry.ObservationAge {
		return len(t.roles) > 0
	}
	for role, host := range telemetry.Hosts {
		if m == host.CPU || m == host.Memory || m == host.Disk || m == host.IO || m == host.Network {
			return t.roles[role]
		}
	}
	return t.roles[fleet.RoleJibri]
}
