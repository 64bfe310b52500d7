package scenario

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// anyDay is a scenario of any curve, of any length, at any time of the day.
func anyDay(t *rapid.T) Scenario {
	start := rapid.IntRange(0, 22*60).Draw(t, "start")
	end := rapid.IntRange(start+1, 24*60).Draw(t, "end")
	s := Scenario{Start: clock(start), End: clock(end), Seed: rapid.Uint64().Draw(t, "seed")}
	at := start
	for range rapid.IntRange(1, 6).Draw(t, "points") {
		s.Curve = append(s.Curve, Level{At: clock(at), Participants: rapid.IntRange(0, 400).Draw(t, "participants")})
		if at = at + 1 + rapid.IntRange(0, 240).Draw(t, "minutes"); at > end {
			break
		}
	}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	return s
}

func clock(minutes int) settings.Clock {
	return settings.Clock(fmt.Sprintf("%02d:%02d", minutes/60, minutes%60))
}

// changes counts who joins less who leaves up to each minute after the start.
func changes(visits []Visit) map[int]int {
	by := map[int]int{}
	for _, v := range visits {
		by[int(v.Join/60)+1]++
		by[int(v.Leave/60)+1]--
	}
	return by
}

func TestNobodyIsThereWhomTheCurveDidNotInvite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyDay(t)
		visits := s.generate()
		if wrong := impossible(visits, s.Length()); wrong != "" {
			t.Fatal(wrong)
		}
		by, there := changes(visits), 0
		for minute := range int((s.Length()+longestRoom)/time.Minute) + 2 {
			there += by[minute]
			highest := 0.0
			for before := max(0, minute-int(longestRoom/time.Minute)); before <= min(minute, int(s.Length()/time.Minute)); before++ {
				highest = max(highest, s.target(time.Duration(before)*time.Minute))
			}
			if float64(there) > highest+smallestRoom {
				t.Fatalf("%d are there after %d minutes, and the curve was at most %.1f within one meeting", there, minute, highest)
			}
		}
		if there != 0 {
			t.Fatalf("%d are there one meeting after the end", there)
		}
	})
}

func TestARoomLastsAMeeting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, v := range anyDay(t).generate() {
			stay := time.Duration((v.Leave - v.Join) * float64(time.Second))
			if stay < shortestStay-joinSpread-leaveSpread || stay > longestRoom {
				t.Fatalf("%s: %s", v.Room, stay)
			}
		}
	})
}
