package alarm

import (
	"math"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// builder gathers the inventory of one fleet.
type builder struct {
	s settings.Settings
	Inventory
}

// Of is the inventory of the fleet with these settings.
func Of(s settings.Settings) Inventory {
	b := &builder{s: s}
	b.controlPlane()
	b.observation()
	b.edge()
	for _, shard := range s.Shards {
		b.shard(shard.Name)
	}
	if s.Jibris.Max > 0 {
		b.recorders()
		b.recordings()
	}
	b.composeShards()
	b.composeFleet()
	return b.Inventory
}

// add adds alarms of the fleet, or with a shard's name of a shard.
func (b *builder) add(shard string, alarms ...Alarm) {
	for _, a := range alarms {
		b.Alarms = append(b.Alarms, a.of(b.s.Fleet, shard))
	}
}

func (b *builder) compose(name string, severity Severity, anyOf, unless []string, advice Advice) {
	b.Composites = append(b.Composites, Composite{Name: name, Severity: severity, Advice: advice, Any: anyOf, Unless: unless})
}

// name is the full name of an alarm of the fleet.
func (b *builder) name(name string) string { return named(b.s.Fleet, "", name) }

// each is the full name of an alarm of every shard.
func (b *builder) each(name string) []string {
	var names []string
	for _, shard := range b.s.Shards {
		names = append(names, named(b.s.Fleet, shard.Name, name))
	}
	return names
}

// minutesOf is a time in whole minutes, rounded up.
func minutesOf(d time.Duration) int { return int(math.Ceil(d.Minutes())) }
