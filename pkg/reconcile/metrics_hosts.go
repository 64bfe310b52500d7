package reconcile

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// hosts publishes the machines' own load by role, and how old the figures of those that are not silent were.
func (m Metrics) hosts(observations []fleet.Observation, record *telemetry.Record) {
	byRole := map[fleet.Role][]fleet.HostLoad{}
	age := time.Duration(0)
	for _, o := range observations {
		for _, r := range o.Nodes {
			if r.Err == nil && r.Status.Age() <= m.Env.StaleAfter {
				byRole[o.Group.Role] = append(byRole[o.Group.Role], r.Status.Host)
				age = max(age, r.Status.Age())
			}
		}
	}
	for role, loads := range byRole {
		publishHosts(role, loads, record)
	}
	if len(byRole) > 0 {
		record.Fleet(telemetry.ObservationAge, age.Seconds())
	}
}

// publishHosts publishes the load of the machines of one role that answered; nothing when none did.
func publishHosts(role fleet.Role, loads []fleet.HostLoad, record *telemetry.Record) {
	metrics, known := telemetry.Hosts[role]
	if !known || len(loads) == 0 {
		return
	}
	var most fleet.HostLoad
	bytes := 0.0
	for _, l := range loads {
		most.CPU, most.Memory, most.Disk = max(most.CPU, l.CPU), max(most.Memory, l.Memory), max(most.Disk, l.Disk)
		most.IO = max(most.IO, l.IO)
		bytes += l.ReceiveBytesPS + l.SendBytesPS
	}
	record.Fleet(metrics.CPU, 100*most.CPU)
	record.Fleet(metrics.Memory, 100*most.Memory)
	record.Fleet(metrics.Disk, 100*most.Disk)
	record.Fleet(metrics.IO, 100*most.IO)
	record.Fleet(metrics.Network, bytes*8/1000)
}
