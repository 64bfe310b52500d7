package simulate

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The figures of the bound and of the rivals, found a second time: every second of the workload is looked at, nothing is
// kept that can be counted, and the rules are written again. It shares only the constants of the world with the engine.

type slowBridge struct {
	id, born, up  int
	drains        bool
	endsAt        int // -1: not told to end
	people        []int
	reportedAt    int
	bookedForExit bool
}

type slowWorld struct {
	w       Workload
	boot    int
	bridges []*slowBridge
	waiting []int
	next    int
	now     int
	f       BridgeFigures
}

func (s *slowWorld) launch() {
	s.bridges = append(s.bridges, &slowBridge{id: s.next, born: s.now, up: s.now + s.boot, endsAt: -1, reportedAt: -1000})
	s.next++
	s.f.Launches++
}

func (s *slowWorld) serves(b *slowBridge) bool {
	return s.now >= b.up && !b.drains && b.endsAt < 0
}

// place puts a participant where Jicofo would.
func (s *slowWorld) place(visit int) {
	room := s.w.Visits[visit].Room
	type candidate struct {
		b    *slowBridge
		own  bool
		late bool
	}
	var all []candidate
	for _, b := range s.bridges {
		if s.now < b.up || b.endsAt >= 0 {
			continue
		}
		mine := 0
		for _, p := range b.people {
			if s.w.Visits[p].Room == room {
				mine++
			}
		}
		all = append(all, candidate{b, mine > 0 && mine < 80 && len(b.people) < 80, b.drains})
	}
	if len(all) == 0 {
		s.waiting = append(s.waiting, visit)
		return
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(yesFirst(x.own, y.own), yesFirst(!x.late, !y.late), cmp.Compare(len(x.b.people), len(y.b.people)), cmp.Compare(x.b.id, y.b.id))
	})
	all[0].b.people = append(all[0].b.people, visit)
}

func yesFirst(a, b bool) int {
	if a == b {
		return 0
	}
	if a {
		return -1
	}
	return 1
}

func (s *slowWorld) end(b *slowBridge) { b.endsAt = s.now + 120 }

func (s *slowWorld) drain(b *slowBridge) {
	b.drains = true
	if len(b.people) == 0 {
		s.end(b)
	}
}

// second is one second: what comes up or ends, who leaves, who joins, then the rule, then the bill.
func (s *slowWorld) second(rule func(*slowWorld)) {
	s.bridges = slices.DeleteFunc(s.bridges, func(b *slowBridge) bool { return b.endsAt == s.now })
	for _, b := range s.bridges {
		if b.up == s.now && b.endsAt < 0 {
			again := s.waiting
			s.waiting = nil
			for _, v := range again {
				s.place(v)
			}
		}
	}
	for i, v := range s.w.Visits {
		if int(v.Leave) != s.now {
			continue
		}
		s.waiting = slices.DeleteFunc(s.waiting, func(p int) bool { return p == i })
		for _, b := range s.bridges {
			was := len(b.people)
			b.people = slices.DeleteFunc(b.people, func(p int) bool { return p == i })
			if b.drains && b.endsAt < 0 && was > 0 && len(b.people) == 0 {
				s.end(b)
			}
		}
	}
	for i, v := range s.w.Visits {
		if int(v.Join) == s.now {
			s.place(i)
		}
	}
	rule(s)
	people := len(s.waiting)
	over, severe := 0, 0
	on := map[int32]map[int]int{} // people of each room, by bridge
	for _, b := range s.bridges {
		for _, v := range b.people {
			room := s.w.Visits[v].Room
			if on[room] == nil {
				on[room] = map[int]int{}
			}
			on[room][b.id]++
		}
		n := len(b.people)
		people += n
		if n > 80 {
			over += n
		}
		if n > 100 {
			severe += n
		}
	}
	s.f.InstanceHours += float64(len(s.bridges)) / 3600
	s.f.LowerBoundHours += math.Ceil(float64(people)/80) / 3600
	s.f.OverloadShare += float64(over)
	s.f.SevereShare += float64(severe)
	s.f.UnservedShare += float64(len(s.waiting))
	for _, byBridge := range on {
		if len(byBridge) > 1 {
			for _, n := range byBridge {
				s.f.RelayedShare += float64(n)
			}
		}
	}
}

// slowly plays a workload of whole seconds.
func slowly(w Workload, first, boot int, rule func(*slowWorld)) BridgeFigures {
	s := &slowWorld{w: w, boot: boot}
	for range first {
		s.launch()
		s.bridges[len(s.bridges)-1].up = 0
	}
	s.f.Launches = 0
	user := 0.0
	for _, v := range w.Visits {
		user += v.Leave - v.Join
	}
	for ; s.now < int(w.Length().Seconds()); s.now++ {
		s.second(rule)
	}
	s.f.OverloadShare, s.f.SevereShare, s.f.UnservedShare = s.f.OverloadShare/user, s.f.SevereShare/user, s.f.UnservedShare/user
	s.f.RelayedShare /= user
	return s.f
}

func slowStatic(size int) func(*slowWorld) {
	return func(s *slowWorld) {
		for s.now%60 == 20 && len(s.bridges) < size {
			s.launch()
		}
	}
}

// slowTracking keeps every minute's mean and looks at the last three and fifteen.
func slowTracking() func(*slowWorld) {
	var minutes []float64
	return func(s *slowWorld) {
		if s.now%60 != 20 {
			return
		}
		var serving []*slowBridge
		booting := 0
		load := 0.0
		for _, b := range s.bridges {
			if s.serves(b) {
				serving = append(serving, b)
				load += float64(len(b.people)) / 100
			} else if s.now < b.up {
				booting++
			}
		}
		mean := load / float64(len(serving))
		minutes = append(minutes, mean)
		enough := int(math.Ceil(float64(len(serving)) * mean / 0.5))
		if last := minutes[max(0, len(minutes)-3):]; len(last) == 3 && slices.Min(last) > 0.5 {
			for n := len(serving) + booting; n < enough; n++ {
				s.launch()
			}
		}
		if last := minutes[max(0, len(minutes)-15):]; len(last) == 15 && slices.Max(last) < 0.45 && booting == 0 {
			slices.SortStableFunc(serving, func(a, b *slowBridge) int { return (s.now-b.born)%3600 - (s.now-a.born)%3600 })
			for _, b := range serving[:len(serving)-max(1, enough)] {
				dropped := b.people
				b.people = nil
				s.end(b)
				slices.Sort(dropped)
				s.f.DroppedParticipants += len(dropped)
				for _, v := range dropped {
					s.place(v)
				}
			}
		}
	}
}

// slowAutoscaler is jitsi-autoscaler's stress rule by its text.
func slowAutoscaler() func(*slowWorld) {
	type measured struct {
		at    int
		value float64
	}
	var all []measured
	desired, grace := 1, -1
	return func(s *slowWorld) {
		if s.now%30 != 20 {
			return
		}
		for _, b := range s.bridges {
			if b.bookedForExit && !b.drains && b.endsAt < 0 {
				if s.now < b.up {
					s.end(b)
				} else {
					s.drain(b)
				}
			}
		}
		var count []*slowBridge
		for _, b := range s.bridges {
			if b.bookedForExit {
				continue
			}
			count = append(count, b)
			if s.now >= b.up && s.now-b.reportedAt >= 60 {
				b.reportedAt = s.now
				all = append(all, measured{s.now, float64(len(b.people)) / 100})
			}
		}
		mean := func(period int) float64 {
			sum, n := 0.0, 0.0
			for _, m := range all {
				if (s.now-m.at)/60 == period {
					sum, n = sum+m.value, n+1
				}
			}
			return sum / max(n, 1)
		}
		if s.now >= grace && len(count) > 0 && len(count) == desired {
			up, down := true, len(count) > 1
			for p := range 2 {
				up = up && mean(p) >= 0.3
			}
			for p := range 10 {
				down = down && mean(p) < 0.1
			}
			if up {
				desired, grace = desired+1, s.now+300
			} else if down {
				desired, grace = desired-1, s.now+300
			}
		}
		for n := len(count); n < desired; n++ {
			s.launch()
		}
		if len(count) > desired {
			slices.SortFunc(count, func(a, b *slowBridge) int {
				return cmp.Or(yesFirst(s.now < a.up, s.now < b.up), len(a.people)-len(b.people), a.id-b.id)
			})
			for _, b := range count[:len(count)-desired] {
				b.bookedForExit = true
			}
		}
	}
}

// wholeSeconds are small workloads of whole seconds, with meetings that fill bridges at once.
func wholeSeconds() *rapid.Generator[Workload] {
	return rapid.Custom(func(t *rapid.T) Workload {
		w := Workload{Name: "random", Start: Monday, Rooms: rapid.IntRange(1, 8).Draw(t, "rooms")}
		for room := range w.Rooms {
			begin := rapid.IntRange(0, 6000).Draw(t, "begin")
			length := rapid.IntRange(120, 5000).Draw(t, "length")
			for range rapid.IntRange(1, 90).Draw(t, "size") {
				join := begin + rapid.IntRange(0, 100).Draw(t, "late")
				w.Visits = append(w.Visits, Visit{int32(room), float64(join), float64(join + length - rapid.IntRange(0, 110).Draw(t, "early"))})
			}
			if rapid.Bool().Draw(t, "recorded") {
				start := begin + rapid.IntRange(0, 60).Draw(t, "button")
				w.Recordings = append(w.Recordings, Recording{int32(room), float64(start), float64(start + rapid.IntRange(20, 4000).Draw(t, "recording"))})
			}
		}
		w.sort()
		return w
	})
}

// steady is a world without chance.
var steady = Options{BridgeBoot: 240 * time.Second, JibriBoot: 150 * time.Second, Seed: 1}

func TestTheFiguresOfBridgesAreThoseOfASlowCount(t *testing.T) {
	for name, p := range map[string]struct {
		fast  func() BridgePolicy
		slow  func() func(*slowWorld)
		first int
	}{
		"a static fleet":                 {func() BridgePolicy { return static{3} }, func() func(*slowWorld) { return slowStatic(3) }, 1},
		"target tracking":                {func() BridgePolicy { return &tracking{target: 0.5} }, slowTracking, 2},
		"jitsi-autoscaler's stress rule": {func() BridgePolicy { return bridgeAutoscaler{autoscaledBridges()} }, slowAutoscaler, 1},
	} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			w := wholeSeconds().Draw(t, "workload")
			fast, slow := RunBridges(w, p.fast(), p.first, steady), slowly(w, p.first, 240, p.slow())
			sameBridges(t, slow, fast)
			bound, _ := Bound(w, steady)
			assert.InDelta(t, slow.LowerBoundHours, bound.InstanceHours, 1e-9)
		}))
	}
}

func sameBridges(t assert.TestingT, want, got BridgeFigures) {
	assert.Equal(t, want.Launches, got.Launches, "launches")
	assert.Equal(t, want.DroppedParticipants, got.DroppedParticipants, "dropped")
	assert.InDelta(t, want.InstanceHours, got.InstanceHours, 1e-9, "hours")
	assert.InDelta(t, want.LowerBoundHours, got.LowerBoundHours, 1e-9, "bound")
	assert.InDelta(t, want.OverloadShare, got.OverloadShare, 1e-9, "overload")
	assert.InDelta(t, want.SevereShare, got.SevereShare, 1e-9, "severe")
	assert.InDelta(t, want.UnservedShare, got.UnservedShare, 1e-9, "unserved")
	assert.InDelta(t, want.RelayedShare, got.RelayedShare, 1e-9, "relayed")
}
