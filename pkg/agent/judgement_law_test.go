package agent

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

func drawLook(t *rapid.T) JibriLook {
	l := JibriLook{
		Container: rapid.SampledFrom([]Container{ContainerRunning, ContainerRunning, ContainerRunning, ContainerRunning, ContainerDown, ContainerChanging, ContainerAbsent}).Draw(t, "container"),
		Wanted:    2, Room: rapid.IntRange(0, 4).Draw(t, "room") > 0,
		Outdated: rapid.IntRange(0, 5).Draw(t, "outdated") == 0,
		Admitted: rapid.IntRange(0, 5).Draw(t, "admitted") > 0, Retired: rapid.IntRange(0, 5).Draw(t, "retired") == 0,
	}
	l.Shards = rapid.IntRange(0, l.Wanted).Draw(t, "shards")
	l.Missing = rapid.IntRange(0, l.Wanted-l.Shards).Draw(t, "missing")
	if l.Container == ContainerRunning && rapid.IntRange(0, 3).Draw(t, "answers") > 0 {
		l.Health = &jitsi.JibriHealth{
			Busy:    rapid.SampledFrom([]jitsi.JibriBusy{jitsi.JibriIdle, jitsi.JibriInUse, jitsi.JibriExpired}).Draw(t, "busy"),
			Healthy: rapid.IntRange(0, 3).Draw(t, "healthy") > 0,
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "encodes") == 0 {
		l.Encoder = Encoder{PID: rapid.IntRange(1, 2).Draw(t, "pid"), Stream: rapid.Bool().Draw(t, "stream")}
		l.Encoder.Position = rapid.Int64Range(0, 20).Draw(t, "position")
	}
	return l
}

// history folds drawn looks, each of which may last, and hands each judgement to a law.
func history(t *rapid.T, law func(before, after Judgement, l JibriLook, now time.Time)) {
	var j Judgement
	now := noon
	for range rapid.IntRange(1, 30).Draw(t, "looks") {
		l := drawLook(t)
		for range rapid.IntRange(1, 4).Draw(t, "repeats") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			before := j
			j = j.After(l, now, limits)
			law(before, j, l, now)
			if j.Todo != TodoNothing && rapid.IntRange(0, 3).Draw(t, "succeeds") > 0 {
				j = j.Did(j.Todo, now)
			}
		}
	}
}

func TestNothingThatAdvancesIsEverCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		advanced, of := noon, Encoder{}
		history(t, func(_, j Judgement, l JibriLook, now time.Time) {
			same := of.PID == l.Encoder.PID && of.Session == l.Encoder.Session
			if !same || l.Encoder.Position > of.Position {
				advanced, of = now, l.Encoder
			}
			if l.Encoder.PID != 0 && now.Sub(advanced) < limits.Stall && j.Todo != TodoNothing && j.Todo != TodoLeave {
				t.Fatalf("%s because %s, while the encoder of %+v advances", j.Todo, j.Why, l)
			}
		})
	})
}

func TestFreeIsSaidOnlyOfARecorderThatCouldRecordNow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var last *jitsi.JibriHealth  // that was said in this life of the container
		var heard, lacking time.Time // lacking is when it was first seen to lack a shard
		history(t, func(_, j Judgement, l JibriLook, now time.Time) {
			switch {
			case l.Container != ContainerRunning:
				last = nil
			case l.Health != nil:
				last, heard = l.Health, now
			}
			if l.Shards > 0 && l.Missing == 0 {
				lacking = time.Time{}
			} else if lacking.IsZero() {
				lacking = now
			}
			if !j.Free {
				return
			}
			switch {
			case !l.Admitted || l.Retired:
				t.Fatalf("free against the intent: %+v", l)
			case !l.Room || l.Outdated || l.Shards == 0 || l.Encoder.PID != 0 || l.Container != ContainerRunning:
				t.Fatalf("free, but %+v", l)
			case last == nil || last.Busy != jitsi.JibriIdle || !last.Healthy || now.Sub(heard) >= limits.Silence:
				t.Fatalf("free, but Jibri said %+v at %s", last, heard)
			case !lacking.IsZero() && now.Sub(lacking) >= limits.Silence:
				t.Fatalf("free, but it lacks a shard since %s", lacking)
			case j.Sick || j.Activity != fleet.ActivityIdle || j.Todo != TodoNothing:
				t.Fatalf("free, but %+v", j)
			}
		})
	})
}

func TestARecordersFiguresAreSane(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history(t, func(before, j Judgement, l JibriLook, now time.Time) {
			if j.Starts < before.Starts || j.Starts > before.Starts+1 {
				t.Fatalf("starts went from %d to %d", before.Starts, j.Starts)
			}
			if j.Starts > before.Starts && (before.Activity.Busy() || !j.Activity.Busy()) {
				t.Fatalf("a start from %s to %s", before.Activity, j.Activity)
			}
			if j.Activity == fleet.ActivityFinalizing && !before.Activity.Busy() {
				t.Fatalf("finalizing after %s", before.Activity)
			}
			if j.Restarts > mostRestarts {
				t.Fatalf("%d restarts", j.Restarts)
			}
			early := now.Sub(before.triedAt) < onceMore*limits.Join
			if before.Sick && (j.Todo == TodoRestart || j.Todo == TodoStart && early) {
				t.Fatalf("given up, and yet %q", j.Todo)
			}
			if before.Sick && !j.Sick && (before.freeSince.IsZero() || now.Sub(before.freeSince) < limits.Join) {
				t.Fatalf("well, and not proven")
			}
			if before.Activity != j.Activity && !j.Since.Equal(now) {
				t.Fatalf("%s since %s, from %s at %s", j.Activity, j.Since, before.Activity, now)
			}
			if (!l.Admitted || l.Retired) && (j.Todo == TodoStart || j.Todo == TodoRestart) {
				t.Fatalf("%s against the intent", j.Todo)
			}
			again := j.After(l, now, limits)
			if again.Todo != j.Todo || again.Activity != j.Activity || again.Free != j.Free || again.Starts != j.Starts {
				t.Fatalf("the same look at the same time: %+v, then %+v", j, again)
			}
		})
	})
}
