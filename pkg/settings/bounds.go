package settings

import (
	"maps"
	"slices"
)

// Range is the least and the greatest size of a group.
type Range struct{ Min, Max int }

// Bounds is what was deployed, within which run-time values must stay.
type Bounds struct {
	// Shards is the size of each shard's group of bridges in the template, as Auto Scaling has it.
	Shards map[string]Range
	Jibris Range
	// Target, Spare, Slack and FreeJibris are the deployed values.
	Target     float64
	Spare      float64
	Slack      float64
	FreeJibris int
}

// Bounds is what these settings deploy.
func (s Settings) Bounds() Bounds {
	b := Bounds{
		Shards: map[string]Range{}, Jibris: Range{s.Jibris.Min, s.Jibris.Max},
		Target: s.Bridges.Target, Spare: s.Bridges.Spare, Slack: s.Bridges.Slack, FreeJibris: s.Jibris.Free,
	}
	for _, shard := range s.Shards {
		low, high := s.ShardBridges(shard)
		b.Shards[shard.Name] = Range{low, high}
	}
	return b
}

// Base is the deployed values of a shard: what Runtime.At goes over.
func (b Bounds) Base(shard string) Values {
	size := b.Shards[shard]
	return Values{
		MinBridges: &size.Min, MaxBridges: &size.Max, TargetStress: &b.Target, SpareBridges: &b.Spare,
		FreeJibris: &b.FreeJibris, MinJibris: &b.Jibris.Min, MaxJibris: &b.Jibris.Max,
	}
}

// names are the shards in a fixed order.
func (b Bounds) names() []string { return slices.Sorted(maps.Keys(b.Shards)) }

// common is the sizes that all the shards but those left out can have.
func (b Bounds) common(leftOut func(shard string) bool) (Range, bool) {
	all, some := Range{0, maxBridges}, false
	for name, size := range b.Shards {
		if leftOut(name) {
			continue
		}
		all, some = Range{max(all.Min, size.Min), min(all.Max, size.Max)}, true
	}
	return all, some
}
