package fleet

import "time"

// JibriOpinion is what the Jicofos of all shards say of one recorder together. A Jicofo that is silent, stale or does
// not tell of recorders says nothing.
type JibriOpinion struct {
	Jicofos     int // how many said something
	Busy        int // of those, for how many it records or streams
	Missing     int // how many do not list it
	Unavailable int // how many list it as idle and would not choose it
}

// Contradicts reports whether a Jicofo would not choose a recorder that says of itself that it is free.
func (o JibriOpinion) Contradicts() bool { return o.Missing+o.Unavailable > 0 }

// Unanimous reports whether every Jicofo that said something would not choose it, and somebody did.
func (o JibriOpinion) Unanimous() bool {
	return o.Jicofos > 0 && o.Missing+o.Unavailable == o.Jicofos
}

// OpinionOf gathers what the signal nodes' reports, by shard, say of a recorder in figures no older than staleAfter.
func OpinionOf(signals map[string]Report, id InstanceID, staleAfter time.Duration) JibriOpinion {
	var o JibriOpinion
	for _, r := range signals {
		if r.Err != nil || r.Status.Signal == nil || r.Status.Signal.JibriViews == nil || r.Status.Age() > staleAfter {
			continue
		}
		o.Jicofos++
		view, listed := r.Status.Signal.JibriViews[id]
		switch {
		case !listed:
			o.Missing++
		case !view.Idle:
			o.Busy++
		case !view.Available || !view.Healthy:
			o.Unavailable++
		}
	}
	return o
}
