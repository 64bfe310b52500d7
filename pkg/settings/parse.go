package settings

import (
	"net/netip"
	"time"
)

// Parse reads the "fleet" object of the CDK context, fills what is not written with Defaults, and validates the
// whole. The error is Invalid, with every problem at once.
func Parse(raw []byte) (Settings, error) {
	r := &report{}
	s := Defaults()
	if (decoder{r}).document(raw, &s, "fleet") {
		s.validate(r)
	}
	if err := r.err(); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// Defaults is a fleet of which nothing is said. It lacks what has no default: fleet, domain, a certificate or a
// hosted zone, and shards.
func Defaults() Settings {
	return Settings{
		Release:  "stable-11146-2",
		TimeZone: "UTC",
		Network:  Network{CIDR: netip.MustParsePrefix("10.64.0.0/16"), AvailabilityZones: 2, NATGateways: 1},
		Edge: Edge{
			Slots: 2, InstanceType: "c7g.large", TableSize: 200_000, TableExpiry: Duration(10 * time.Minute),
			ConnectionRate: 2_000, WarmUp: Duration(30 * time.Second), MendPause: Duration(10 * time.Minute),
		},
		Signal: Signal{InstanceType: "c7g.xlarge", AdmissionGrace: Duration(15 * time.Minute)},
		Bridges: Bridges{
			InstanceTypes:    []string{"c7g.xlarge", "c6g.xlarge"},
			Min:              2,
			Max:              20,
			Target:           0.78,
			Spare:            0.5,
			Slack:            0.1,
			ShrinkAfter:      Duration(3 * time.Minute),
			BootTime:         Duration(4 * time.Minute),
			ServiceLevel:     0.9999,
			AdmissionGrace:   Duration(10 * time.Minute),
			DrainLimit:       Duration(6 * time.Hour),
			AtDrainLimit:     Hold,
			HookTimeout:      Duration(30 * time.Minute),
			DeadAfter:        Duration(3 * time.Minute),
			QuarantineWindow: Duration(10 * time.Minute),
		},
		Jibris: Jibris{
			Free: 2, Min: 2, Max: 20,
			InstanceTypes: []string{"c7i.xlarge"}, VolumeGiB: 100, DiskFloorGiB: 10,
			BootTime: Duration(150 * time.Second), AdmissionGrace: Duration(10 * time.Minute), RetireAfter: Duration(5 * time.Minute), ServiceLevel: 0.995,
			JoinLimit: Duration(3 * time.Minute), FinalizeLimit: Duration(2 * time.Minute), StallLimit: Duration(time.Minute),
			RecordingLimit: Duration(12 * time.Hour),
		},
		Recordings: Recordings{LateAfter: Duration(30 * time.Minute), CheaperAfterDays: 30},
		Intervals: Intervals{
			AgentPoll:    Duration(2 * time.Second),
			AgentTimeout: Duration(2 * time.Second),
			StaleAfter:   Duration(30 * time.Second),
			SickAfter:    Duration(15 * time.Second),
		},
	}
}

// ShardBridges is the least and the greatest size of a shard's group of bridges.
func (s Settings) ShardBridges(shard Shard) (minimum, maximum int) {
	minimum, maximum = s.Bridges.Min, s.Bridges.Max
	if shard.MinBridges != 0 {
		minimum = shard.MinBridges
	}
	if shard.MaxBridges != 0 {
		maximum = shard.MaxBridges
	}
	return minimum, maximum
}
