package simulate

import "context"

// Comparison is what became of one workload under several policies.
type Comparison struct {
	Workload string `json:"workload"`
	Runs     []Run  `json:"runs"`
}

// Run is one policy's. A section for which it has no rule is absent.
type Run struct {
	Policy  string         `json:"policy"`
	Bridges *BridgeFigures `json:"bridges,omitempty"`
	Jibris  *JibriFigures  `json:"jibris,omitempty"`

	BridgeSeries []BridgePoint `json:"-"`
	JibriSeries  []JibriPoint  `json:"-"`
}

// Play plays one policy against a workload.
func Play(w Workload, e Entry, o Options) Run {
	r := Run{Policy: e.Name}
	if e.Bound {
		b, j := Bound(w, o)
		r.Bridges, r.Jibris = &b, &j
		return r
	}
	if e.Bridges != nil {
		f, series := PlayBridges(w, e.Bridges, e.FirstBridges, o)
		r.Bridges, r.BridgeSeries = &f, series
	}
	if e.Jibris != nil {
		f, series := PlayJibris(w, e.Jibris, e.FirstJibris, o)
		r.Jibris, r.JibriSeries = &f, series
	}
	return r
}

// Compare plays policies by name against a workload, some at once, and tells of each that is done. The runs are in
// the order of the names.
func Compare(ctx context.Context, w Workload, names []string, o Options, atOnce int, done func(policy string)) (Comparison, error) {
	entries := make([]Entry, len(names))
	for i, name := range names {
		var err error
		if entries[i], err = Named(name, w, o); err != nil {
			return Comparison{}, err
		}
	}
	c := Comparison{Workload: w.Name, Runs: make([]Run, len(names))}
	slots, played := make(chan struct{}, max(1, atOnce)), make(chan int)
	for i, e := range entries {
		go func() {
			slots <- struct{}{}
			if ctx.Err() == nil {
				c.Runs[i] = Play(w, e, o)
			}
			<-slots
			played <- i
		}()
	}
	for range entries {
		i := <-played
		if ctx.Err() == nil {
			done(names[i])
		}
	}
	return c, ctx.Err()
}

// Bound is what nobody can go below: ceil(demand / 0.8) bridges and the busy recorders, at every instant.
func Bound(w Workload, o Options) (BridgeFigures, JibriFigures) {
	from := o.WarmUp.Seconds()
	var b BridgeFigures
	sweep(participants(w), func(begin, end float64, people int) {
		b.LowerBoundHours += max(0, end-max(begin, from)) / 3600 * float64(needed(people))
	})
	b.InstanceHours = b.LowerBoundHours
	var j JibriFigures
	sweep(recordings(w), func(begin, end float64, busy int) {
		j.BusyHours += max(0, end-max(begin, from)) / 3600 * float64(busy)
	})
	j.InstanceHours = j.BusyHours
	for _, r := range w.Recordings {
		if r.Start >= from {
			j.Requests++
		}
	}
	return b, j
}

// BoundSeries is the bound over time: what is needed of each in every interval.
func BoundSeries(w Workload, o Options) ([]BridgePoint, []JibriPoint) {
	step, from, length := o.Sample.Seconds(), o.WarmUp.Seconds(), w.Length().Seconds()
	bridges := make([]BridgePoint, int((length-from)/step))
	jibris := make([]JibriPoint, len(bridges))
	spread := func(begin, end float64, add func(i int, share float64)) {
		for i := max(0, int((begin-from)/step)); i < len(bridges) && from+float64(i)*step < end; i++ {
			low, high := from+float64(i)*step, from+float64(i+1)*step
			add(i, max(0, min(end, high)-max(begin, low))/step)
		}
	}
	for i := range bridges {
		bridges[i].At = (from + float64(i+1)*step) / 3600
		jibris[i].At = bridges[i].At
	}
	sweep(participants(w), func(begin, end float64, people int) {
		spread(begin, end, func(i int, share float64) {
			bridges[i].Demand += share * float64(people)
			bridges[i].Bound += share * float64(needed(people))
		})
	})
	sweep(recordings(w), func(begin, end float64, busy int) {
		spread(begin, end, func(i int, share float64) { jibris[i].Busy += share * float64(busy) })
	})
	return bridges, jibris
}
