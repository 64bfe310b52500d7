package simulate

import "math"

// BridgePoint is what happened with the bridges in one interval, for charts. All but At are means over the interval.
type BridgePoint struct {
	At         float64 `json:"at"` // the interval's end, in hours from the workload's start
	Demand     float64 `json:"demand"`
	Bound      float64 `json:"bound"` // bridges that hold the demand exactly
	Paid       float64 `json:"paid"`  // bridges that cost
	Overloaded float64 `json:"overloaded"`
	Unserved   float64 `json:"unserved"`
}

// JibriPoint is what happened with the recorders in one interval; Failed is a count.
type JibriPoint struct {
	At     float64 `json:"at"`
	Busy   float64 `json:"busy"`
	Paid   float64 `json:"paid"`
	Failed int     `json:"failed"`
}

// binning is the ends of the intervals that are charted.
type binning struct {
	at, length float64
	last       totals
}

// totals are sums at an interval's beginning.
type totals struct {
	cost, bound, user, over, unserved, busy float64
	failed                                  int
}

func newBinning(o Options) binning {
	if o.Sample <= 0 {
		return binning{at: math.Inf(1), length: math.Inf(1)}
	}
	return binning{length: o.Sample.Seconds()}
}

// from begins the first interval.
func (b *binning) from(now float64) { b.at = now + b.length }

// point ends an interval.
func (r *bridgeRun) point() BridgePoint {
	p, b := r.pool, &r.bin
	now := totals{cost: p.cost, bound: p.bound, user: p.userTime, over: p.overloadTime, unserved: p.unservedTime}
	v := BridgePoint{
		At: b.at / 3600, Demand: (now.user - b.last.user) / b.length, Bound: (now.bound - b.last.bound) / b.length,
		Paid: (now.cost - b.last.cost) / b.length, Overloaded: (now.over - b.last.over) / b.length, Unserved: (now.unserved - b.last.unserved) / b.length,
	}
	b.last = now
	b.at += b.length
	return v
}

// point ends an interval.
func (r *jibriRun) point() JibriPoint {
	s, b := r.s, &r.bin
	now := totals{cost: s.cost, busy: s.busyTime, failed: s.failed}
	v := JibriPoint{At: b.at / 3600, Busy: (now.busy - b.last.busy) / b.length, Paid: (now.cost - b.last.cost) / b.length, Failed: now.failed - b.last.failed}
	b.last = now
	b.at += b.length
	return v
}
