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
	b.linger()
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

// lingering is how many periods an alarm looks at beyond those that it needs while others stand behind it.
const lingering = 2

// linger keeps on for a while what other alarms stand behind. CloudWatch evaluates alarms at different moments: when a
// failure ends, what says it would else be off before what follows from it, which would send a second message.
func (b *builder) linger() {
	before := map[string]bool{}
	for _, c := range b.Composites {
		for _, name := range c.Unless {
			before[name] = true
		}
	}
	for _, c := range b.Composites {
		for _, name := range c.Any {
			before[name] = before[name] || before[c.Name]
		}
	}
	for i, a := range b.Alarms {
		if before[a.Name] {
			b.Alarms[i].Of = a.Periods + lingering
		}
	}
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
