package settings

import "time"

// Runtime is the content of the SSM parameter RuntimeParameter: overrides of the deployed values, for all
// shards or one, and schedules. The JSON object "{}" overrides nothing.
type Runtime struct {
	Values
	Shards    map[string]Values `json:"shards,omitempty"`
	Schedules []Schedule        `json:"schedules,omitempty"`
}

// ParseRuntime reads and validates run-time values. The error is Invalid, with every problem at once.
func ParseRuntime(raw []byte, bounds Bounds) (Runtime, error) {
	r := &report{}
	var v Runtime
	if (decoder{r}).document(raw, &v, "runtime") {
		bounds.runtime(check{r, "runtime"}, v)
	}
	if err := r.err(); err != nil {
		return Runtime{}, err
	}
	return v, nil
}

// At is what holds for a shard at a moment. Each of these goes over the one before it: the deployed base, the
// run-time values, the shard's own run-time values, the deployed schedules that are active, the run-time
// schedules that are active, each list in its order.
//
// ParseRuntime makes sure that no single schedule contradicts the rest. Where several at once do, the maximum wins
// over the minimum and over the spare, and free recorders over the recorders' minimum.
func (r Runtime) At(now time.Time, shard string, base Values, deployed []Schedule) Values {
	v := base.with(r.Values).with(r.Shards[shard])
	for _, list := range [][]Schedule{deployed, r.Schedules} {
		for _, s := range list {
			if s.Active(now) {
				v = v.with(s.Values)
			}
		}
	}
	return v.settled()
}

// with is the values with those of above over them.
func (v Values) with(above Values) Values {
	return Values{
		MinBridges:   over(v.MinBridges, above.MinBridges),
		MaxBridges:   over(v.MaxBridges, above.MaxBridges),
		TargetStress: over(v.TargetStress, above.TargetStress),
		SpareBridges: over(v.SpareBridges, above.SpareBridges),
		FreeJibris:   over(v.FreeJibris, above.FreeJibris),
		MinJibris:    over(v.MinJibris, above.MinJibris),
		MaxJibris:    over(v.MaxJibris, above.MaxJibris),
	}
}

func over[T any](below, above *T) *T {
	if above != nil {
		return above
	}
	return below
}

// settled is the values with every contradiction decided.
func (v Values) settled() Values {
	if v.MaxBridges != nil {
		v.MinBridges = atMost(v.MinBridges, *v.MaxBridges)
		v.SpareBridges = atMost(v.SpareBridges, float64(*v.MaxBridges))
	}
	if v.MaxJibris != nil {
		v.FreeJibris, v.MinJibris = atMost(v.FreeJibris, *v.MaxJibris), atMost(v.MinJibris, *v.MaxJibris)
	}
	if v.FreeJibris != nil && v.MinJibris != nil && *v.MinJibris < *v.FreeJibris {
		v.MinJibris = v.FreeJibris
	}
	return v
}

func atMost[T int | float64](v *T, limit T) *T {
	if v != nil && *v > limit {
		return &limit
	}
	return v
}
