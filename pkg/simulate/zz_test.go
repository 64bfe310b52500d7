package simulate

import (
	"fmt"
	"testing"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

type byStarts struct {
	*JibriFleet
	pr    *capacity.Profile
	level float64
	boot  time.Duration
}

func (b byStarts) Decide(v JibriView) JibriDeeds {
	b.pr.Count(v.Now, v.Began)
	b.Expect = func(now time.Time, _ int) int {
		return max(0, b.pr.Starts(now, capacity.Lead(b.boot), b.level)-b.Policy.Free)
	}
	return b.JibriFleet.Decide(v)
}

func TestZZ(t *testing.T) {
	type sum struct {
		idle, waited, failed, req float64
	}
	for _, week := range []int{1, 2} {
		all := map[string]*sum{}
		var names []string
		for _, seed := range []uint64{1, 2, 3} {
			for _, k := range []string{"school", "office", "community", "webinar", "surge"} {
				w, _ := Generate(k, 7*week, seed)
				o := Options{BridgeBoot: 240 * time.Second, JibriBoot: 150 * time.Second, Spread: 0.15, Seed: 1}
				if week == 2 {
					o.WarmUp = 168 * time.Hour
				}
				for _, ra := range []time.Duration{5 * time.Minute, 10 * time.Minute} {
					for _, free := range []int{1, 2} {
						for _, level := range []float64{.99, .995, .999} {
							for _, how := range []string{"busy", "starts"} {
								s := Ours(o)
								s.Jibris.Free, s.Jibris.Min, s.JibriServiceLevel, s.Jibris.RetireAfter = free, free, level, ra
								f := ourJibris(s)
								var p JibriPolicy = f
								if how == "starts" {
									f.Learn = nil
									p = byStarts{f, &capacity.Profile{}, level, o.JibriBoot}
								}
								r, _ := PlayJibris(w, p, free, o)
								n := fmt.Sprint(how, free, level, ra)
								if all[n] == nil {
									all[n] = &sum{}
									names = append(names, n)
								}
								a := all[n]
								a.idle += r.InstanceHours - r.BusyHours
								a.req += float64(r.Requests)
								a.waited += r.WaitedShare * float64(r.Requests)
								a.failed += r.FailedShare * float64(r.Requests)
							}
						}
					}
				}
				n := "nfree10"
				r, _ := PlayJibris(w, nFree{10}, 10, o)
				if all[n] == nil {
					all[n] = &sum{}
					names = append(names, n)
				}
				a := all[n]
				a.idle += r.InstanceHours - r.BusyHours
				a.req += float64(r.Requests)
				a.waited += r.WaitedShare * float64(r.Requests)
				a.failed += r.FailedShare * float64(r.Requests)
			}
		}
		for _, n := range names {
			a := all[n]
			fmt.Printf("w%d %-22s idle %.0f waited %.3f%% failed %.3f%%\n", week, n, a.idle, 100*a.waited/a.req, 100*a.failed/a.req)
		}
	}
}
