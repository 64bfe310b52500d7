package telemetry

import "github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"

// Host is what is published of all machines of one role together: the most used one counts, for a mean hides the one
// that is full.
type Host struct {
	CPU, Memory, Disk, IO Metric // of the machine that uses most of it, in percent
	Network               Metric // of all machines together, both ways
}

// The machines, by role. Those of the edge are published by the Lambda shards, the others by metrics.
var (
	BridgeHost = hostMetrics("Bridge", "bridge")
	SignalHost = hostMetrics("Signal", "signal node")
	EdgeHost   = hostMetrics("Edge", "HAProxy node")
	JibriHost  = hostMetrics("Jibri", "recorder")
)

// Hosts are the metrics of the machines of each role.
var Hosts = map[fleet.Role]Host{
	fleet.RoleBridge: BridgeHost, fleet.RoleSignal: SignalHost, fleet.RoleEdge: EdgeHost, fleet.RoleJibri: JibriHost,
}

func hostMetrics(prefix, what string) Host {
	return Host{
		CPU:     Metric{prefix + "CPU", "Percent", PerFleet, "CPU use of the " + what + " that uses most"},
		Memory:  Metric{prefix + "Memory", "Percent", PerFleet, "memory use of the " + what + " that uses most"},
		Disk:    Metric{prefix + "Disk", "Percent", PerFleet, "used share of the root volume of the " + what + " that is fullest"},
		IO:      Metric{prefix + "IO", "Percent", PerFleet, "share of time in which a disk of the " + what + " that uses its disks most was at work"},
		Network: Metric{prefix + "Network", "Kilobits/Second", PerFleet, "bit rate of all machines of the role " + what + ", both ways"},
	}
}
