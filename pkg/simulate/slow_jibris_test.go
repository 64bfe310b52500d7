package simulate

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The recorders' figures, found a second time, second by second.

type slowJibri struct {
	id, born, up, idleSince int
	leaves                  bool
	endsAt                  float64 // of its bill; -1: not told to end
	leftAt                  int
	began, busyUntil        int // busyUntil: -1 when it is free
	spoolUntil              float64
	reportedAt              int
	booked                  bool
}

type slowStudio struct {
	now, boot, next int
	jibris          []*slowJibri
	waiting         []Recording
	f               JibriFigures
	waited, failed  int
}

func (s *slowStudio) launch() {
	s.jibris = append(s.jibris, &slowJibri{id: s.next, born: s.now, up: s.now + s.boot, idleSince: s.now + s.boot, endsAt: -1, busyUntil: -1, reportedAt: -1000})
	s.next++
	s.f.Launches++
}

func (s *slowStudio) free(j *slowJibri) bool {
	return s.now >= j.up && !j.leaves && j.endsAt < 0 && j.busyUntil < 0
}

func (s *slowStudio) busy(j *slowJibri) bool {
	return s.now >= j.up && !j.leaves && j.endsAt < 0 && j.busyUntil >= 0
}

func (s *slowStudio) count(is func(*slowJibri) bool) int {
	n := 0
	for _, j := range s.jibris {
		if is(j) {
			n++
		}
	}
	return n
}

func (s *slowStudio) booting() int {
	return s.count(func(j *slowJibri) bool { return s.now < j.up && j.endsAt < 0 })
}

func (s *slowStudio) retire(j *slowJibri) {
	if s.now < j.up {
		j.endsAt = float64(s.now + 90)
		return
	}
	j.leaves, j.leftAt = true, s.now
	s.letGo(j)
}

func (s *slowStudio) letGo(j *slowJibri) {
	if j.leaves && j.busyUntil < 0 && float64(s.now) >= j.spoolUntil && j.endsAt < 0 {
		j.endsAt = max(j.spoolUntil, float64(j.leftAt)) + 90
	}
}

func (s *slowStudio) serve() {
	for _, j := range s.jibris {
		if len(s.waiting) > 0 && s.free(j) {
			r := s.waiting[0]
			s.waiting = s.waiting[1:]
			if s.now-int(r.Start) > 5 {
				s.waited++
			}
			j.began, j.busyUntil = s.now, int(r.End)+5
		}
	}
}

func (s *slowStudio) second(w Workload, rule func(*slowStudio)) {
	s.jibris = slices.DeleteFunc(s.jibris, func(j *slowJibri) bool { return j.endsAt >= 0 && j.endsAt <= float64(s.now) })
	for _, j := range s.jibris {
		if j.busyUntil == s.now {
			j.busyUntil, j.idleSince = -1, s.now
			j.spoolUntil = max(j.spoolUntil, float64(s.now)+60+float64(s.now-5-j.began)/30)
		}
		s.letGo(j)
	}
	s.serve()
	s.waiting = slices.DeleteFunc(s.waiting, func(r Recording) bool {
		over := s.now >= min(int(r.Start)+60, int(r.End))
		if over {
			s.failed++
		}
		return over
	})
	for _, r := range w.Recordings {
		if int(r.Start) == s.now {
			s.f.Requests++
			s.waiting = append(s.waiting, r)
			s.serve()
		}
	}
	rule(s)
	for _, j := range s.jibris {
		if last := j.endsAt - float64(s.now); j.endsAt >= 0 && last < 1 {
			s.f.InstanceHours += last / 3600
		} else {
			s.f.InstanceHours += 1.0 / 3600
		}
	}
	s.f.BusyHours += float64(s.count(func(j *slowJibri) bool { return j.busyUntil >= 0 })) / 3600
}

func slowlyRecorded(w Workload, first int, rule func(*slowStudio)) JibriFigures {
	s := &slowStudio{boot: 150}
	for range first {
		s.launch()
		s.jibris[len(s.jibris)-1].up, s.jibris[len(s.jibris)-1].idleSince = 0, 0
	}
	s.f.Launches = 0
	for ; s.now < int(w.Length().Seconds()); s.now++ {
		s.second(w, rule)
	}
	s.failed += len(s.waiting)
	if s.f.Requests > 0 {
		s.f.WaitedShare, s.f.FailedShare = float64(s.waited)/float64(s.f.Requests), float64(s.failed)/float64(s.f.Requests)
	}
	return s.f
}

func slowFree(n int) func(*slowStudio) {
	return func(s *slowStudio) {
		if s.now%60 != 20 {
			return
		}
		free, booting := s.count(s.free), s.booting()
		for i := free + booting; i < n; i++ {
			s.launch()
		}
		var idle []*slowJibri
		for _, j := range s.jibris {
			if s.free(j) && float64(s.now) >= j.spoolUntil {
				idle = append(idle, j)
			}
		}
		slices.SortStableFunc(idle, func(a, b *slowJibri) int { return a.idleSince - b.idleSince })
		for _, j := range idle[:min(len(idle), max(0, free-n))] {
			s.retire(j)
		}
	}
}

func slowCloudFormation() func(*slowStudio) {
	var minutes []int
	rest := -1
	return func(s *slowStudio) {
		if s.now%60 != 20 {
			return
		}
		minutes = append(minutes, s.count(s.free))
		staying := s.booting() + s.count(s.free) + s.count(s.busy)
		if staying < 8 {
			for range 8 - staying {
				s.launch()
			}
			return
		}
		if s.now < rest {
			return
		}
		two, ten := minutes[max(0, len(minutes)-2):], minutes[max(0, len(minutes)-10):]
		if len(two) == 2 && slices.Max(two) < 8 {
			rest = s.now + 600
			for range 3 {
				s.launch()
			}
		} else if len(ten) == 10 && slices.Min(ten) > 8 && staying > 8 {
			rest = s.now + 600
			var victim *slowJibri
			for _, j := range s.jibris {
				if (s.free(j) || s.busy(j)) && (victim == nil || (s.now-j.born)%3600 > (s.now-victim.born)%3600) {
					victim = j
				}
			}
			s.retire(victim)
		}
	}
}

func slowAvailability() func(*slowStudio) {
	type measured struct{ at, idle int }
	var all []measured
	desired, grace := 2, -1
	return func(s *slowStudio) {
		if s.now%30 != 20 {
			return
		}
		for _, j := range s.jibris {
			if j.booked && !j.leaves && j.endsAt < 0 {
				s.retire(j)
			}
		}
		var count []*slowJibri
		for _, j := range s.jibris {
			if j.booked {
				continue
			}
			count = append(count, j)
			if s.now >= j.up && s.now-j.reportedAt >= 60 {
				j.reportedAt = s.now
				if s.free(j) {
					all = append(all, measured{s.now, 1})
				}
			}
		}
		idle := func(period int) int {
			sum := 0
			for _, m := range all {
				if (s.now-m.at)/60 == period {
					sum += m.idle
				}
			}
			return sum
		}
		if s.now >= grace && len(count) > 0 && len(count) == desired {
			up, down := true, desired > 2
			for p := range 5 {
				up = up && idle(p) < 2
			}
			for p := range 20 {
				down = down && idle(p) > 3
			}
			if up {
				desired, grace = desired+1, s.now+150
			} else if down {
				desired, grace = desired-1, s.now+150
			}
		}
		for n := len(count); n < desired; n++ {
			s.launch()
		}
		if len(count) > desired {
			slices.SortStableFunc(count, func(a, b *slowJibri) int {
				if c := yesFirst(s.now < a.up, s.now < b.up); c != 0 {
					return c
				}
				return yesFirst(s.free(a), s.free(b))
			})
			for _, j := range count[:len(count)-desired] {
				j.booked = true
			}
		}
	}
}

func TestTheFiguresOfRecordersAreThoseOfASlowCount(t *testing.T) {
	for name, p := range map[string]struct {
		fast  func() JibriPolicy
		slow  func() func(*slowStudio)
		first int
	}{
		"three free":                           {func() JibriPolicy { return nFree{3} }, func() func(*slowStudio) { return slowFree(3) }, 3},
		"one free":                             {func() JibriPolicy { return nFree{1} }, func() func(*slowStudio) { return slowFree(1) }, 1},
		"8x8's CloudFormation pool":            {func() JibriPolicy { return &cloudFormation{} }, slowCloudFormation, 8},
		"jitsi-autoscaler's availability rule": {func() JibriPolicy { return jibriAutoscaler{autoscaledJibris()} }, slowAvailability, 2},
	} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			w := manyRecordings().Draw(t, "workload")
			want, got := slowlyRecorded(w, p.first, p.slow()), RunJibris(w, p.fast(), p.first, steady)
			assert.Equal(t, want.Launches, got.Launches, "launches")
			assert.Equal(t, want.Requests, got.Requests, "requests")
			assert.InDelta(t, want.InstanceHours, got.InstanceHours, 1e-9, "hours")
			assert.InDelta(t, want.BusyHours, got.BusyHours, 1e-9, "busy")
			assert.InDelta(t, want.WaitedShare, got.WaitedShare, 1e-9, "waited")
			assert.InDelta(t, want.FailedShare, got.FailedShare, 1e-9, "failed")
			assert.Zero(t, got.KilledRecordings)
		}))
	}
}

// manyRecordings are recordings of which many begin at once.
func manyRecordings() *rapid.Generator[Workload] {
	return rapid.Custom(func(t *rapid.T) Workload {
		w := Workload{Name: "random", Start: Monday, Rooms: 1, Visits: []Visit{{0, 0, 9000}}}
		for range rapid.IntRange(0, 40).Draw(t, "recordings") {
			start := rapid.IntRange(0, 4).Draw(t, "hour")*1500 + rapid.IntRange(0, 150).Draw(t, "button")
			w.Recordings = append(w.Recordings, Recording{0, float64(start), float64(start + rapid.IntRange(5, 3000).Draw(t, "length"))})
		}
		w.sort()
		return w
	})
}
