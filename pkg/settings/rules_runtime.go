package settings

import (
	"fmt"
	"reflect"
	"slices"
)

// layer is values and where they were written.
type layer struct {
	path   string
	values Values
}

// runtime is every rule about run-time values.
func (b Bounds) runtime(c check, v Runtime) {
	b.values(c, v.Values, func(name string) Values { return v.Shards[name] })
	for name, own := range v.Shards {
		at := c.at("shards").at(name)
		if _, known := b.Shards[name]; !known {
			b.unknownShard(at, name, own)
			continue
		}
		others := func(other string) Values {
			if other == name {
				return Values{}
			}
			return everything
		}
		b.values(at, own, others)
		fleetWide(at, own)
	}
	for _, name := range b.names() {
		b.agree(c.report, name, v.layers(name)...)
	}
	validateSchedules(c.at("schedules"), v.Schedules)
	b.schedules(c.at("schedules"), v.Schedules, &v)
}

func (b Bounds) unknownShard(c check, name string, own Values) {
	if meant, ok := nearest(name, b.names()); ok {
		c.mend(own, "there is no such shard; did you mean %q?", meant)
		return
	}
	c.mend(own, "there is no such shard; write one of %q", b.names())
}

// layers are the run-time values that hold for a shard, without schedules.
func (r Runtime) layers(shard string) []layer {
	return []layer{{"runtime", r.Values}, {below("runtime.shards", shard), r.Shards[shard]}}
}

// schedules is every rule about the values of schedules, each over what holds without any other.
func (b Bounds) schedules(c check, list []Schedule, under *Runtime) {
	for i, s := range list {
		at := c.element(i).at("values")
		b.values(at, s.Values, func(string) Values { return Values{} })
		for _, name := range b.names() {
			var layers []layer
			if under != nil {
				layers = under.layers(name)
			}
			b.agree(c.report, name, append(layers, layer{at.path, s.Values})...)
		}
	}
}

// everything is values of which each is set.
var everything = Bounds{}.Base("")

// values refuses what lies outside the bounds of a shard for which it would hold. Where own has the same value
// for a shard, it would not.
func (b Bounds) values(c check, v Values, own func(shard string) Values) {
	b.size(c.at("minBridges"), v.MinBridges, func(s string) bool { return own(s).MinBridges != nil })
	b.size(c.at("maxBridges"), v.MaxBridges, func(s string) bool { return own(s).MaxBridges != nil })
	if v.TargetStress != nil {
		target(c.at("targetStress"), *v.TargetStress)
	}
	if v.SpareBridges != nil {
		c.at("spareBridges").number(*v.SpareBridges, 0, maxBridges)
	}
	for key, number := range map[string]*int{"minJibris": v.MinJibris, "maxJibris": v.MaxJibris} {
		if number != nil {
			c.at(key).whole(*number, b.Jibris.Min, b.Jibris.Max)
		}
	}
	if v.FreeJibris != nil {
		c.at("freeJibris").whole(*v.FreeJibris, 0, b.Jibris.Max)
	}
}

func (b Bounds) size(c check, v *int, leftOut func(shard string) bool) {
	size, some := b.common(leftOut)
	switch {
	case v == nil || !some:
		return
	case size.Min > size.Max:
		c.mend(*v, "write it for each shard under runtime.shards: the deployed bounds of the shards have no number in common")
	default:
		c.whole(*v, size.Min, size.Max)
	}
}

// fleetWide refuses a shard's own values of what all shards share.
func fleetWide(c check, v Values) {
	for key, number := range map[string]*int{"freeJibris": v.FreeJibris, "minJibris": v.MinJibris, "maxJibris": v.MaxJibris} {
		if number != nil {
			c.at(key).mend(*number, "write it above, beside \"shards\": all shards share one pool of recorders")
		}
	}
}

// agree refuses layers that contradict each other once they lie over the deployed values of a shard.
func (b Bounds) agree(r *report, shard string, layers ...layer) {
	v := b.Base(shard)
	for _, l := range layers {
		v = v.with(l.values)
	}
	low, high, spare := *v.MinBridges, *v.MaxBridges, *v.SpareBridges
	switch {
	case low > high:
		contradiction(r, layers, side{"minBridges", fmt.Sprintf("write at most %d, which is the maximum that holds for %s", high, shard)},
			side{"maxBridges", fmt.Sprintf("write at least %d, which is the minimum that holds for %s", low, shard)})
	case spare > float64(high), low < high && spare+b.Slack > float64(high-1):
		mend := fmt.Sprintf("spare (%v) and slack (%v) together must find room on one bridge less than the maximum of %d that holds for %s, or nothing is ever drained", spare, b.Slack, high, shard)
		contradiction(r, layers, side{"spareBridges", "write less: " + mend}, side{"maxBridges", "write more: " + mend},
			side{"minBridges", "write the maximum here too, or a lower spare: " + mend})
	}
	if slack := b.Slack * *v.TargetStress; *v.TargetStress >= minTarget && b.Slack > 0 && slack < ParticipantStress {
		contradiction(r, layers, side{"targetStress", fmt.Sprintf("write at least %.3f: slack (%v) times target must hold the stress of one participant, %v", ParticipantStress/b.Slack, b.Slack, ParticipantStress)})
	}
	if free, most := *v.FreeJibris, *v.MaxJibris; free > most {
		contradiction(r, layers, side{"freeJibris", fmt.Sprintf("write at most %d, which is the maximum of recorders", most)},
			side{"maxJibris", fmt.Sprintf("write at least %d, which is how many are kept free", free)})
	}
	if low, most := *v.MinJibris, *v.MaxJibris; low > most {
		contradiction(r, layers, side{"minJibris", fmt.Sprintf("write at most %d, which is the maximum of recorders", most)},
			side{"maxJibris", fmt.Sprintf("write at least %d, which is the minimum of recorders", low)})
	}
}

// side is one of the values that contradict each other.
type side struct{ key, mend string }

// contradiction tells the topmost layer that wrote one of the sides, once, however many shards it is about. Where
// none did, the deployed values do not agree among themselves, which Parse told.
func contradiction(r *report, layers []layer, sides ...side) {
	for _, l := range slices.Backward(layers) {
		for _, s := range sides {
			if v, wrote := l.values.written(s.key); wrote {
				r.refuseOnce(below(l.path, s.key), v, "%s", s.mend)
				return
			}
		}
	}
}

// written is the value of a JSON key, if it is set.
func (v Values) written(key string) (any, bool) {
	for _, f := range fieldsOf(reflect.ValueOf(v)) {
		if f.key == key && !f.value.IsNil() {
			return f.value.Interface(), true
		}
	}
	return nil, false
}
