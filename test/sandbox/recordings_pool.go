package main

import (
	"maps"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

// What is allowed on the wall beside what the settings say: agents' looks, schedules and hooks have a least length in the
// sandbox, and the machine may be slow. A fleet that lacks the mechanism takes for ever.
const (
	knowing = time.Minute      // from the button to the catalogue, and longer while nobody takes announcements
	joining = 30 * time.Second // from what took a recorder to another free one, beside its boot
)

// partBytes is above which size an upload is made in parts; pkg/awscloud/objects says the same of itself.
const partBytes = 16 << 20

// judgeParts holds that large files were uploaded in parts, and that there were some if the scenario asked for them.
func (r *result) judgeParts(e *recordingsEvidence) {
	large := 0
	for _, o := range e.objects {
		if o.Bytes > partBytes {
			large++
		}
	}
	heavy := slices.ContainsFunc(e.asked, func(a asked) bool {
		return a.began && float64(a.BytesPerSecond)*(a.End-a.Start) > 1.5*partBytes // it may begin late
	})
	if large != e.inParts || heavy && large == 0 {
		r.fail("%d objects are larger than %d bytes, and %d were uploaded in parts", large, partBytes, e.inParts)
	}
}

// judgeKnown holds that each recording was in the catalogue soon after it began.
func (r *result) judgeKnown(e *recordingsEvidence) {
	after := map[string]time.Duration{}
	for _, s := range e.sessions {
		since, known := e.known[s.ID]
		switch {
		case s.Stream || s.Bytes == 0:
		case !known:
			r.fail("the recording of %s on %s was never seen in the catalogue", s.Room, s.Jibri)
		default:
			after[s.ID] = since.Sub(s.Pressed)
			if after[s.ID] > knowing+e.refused(s.Pressed, since) {
				r.fail("the recording of %s on %s was in the catalogue only %.1f s after the button was pressed", s.Room, s.Jibri, after[s.ID].Seconds())
			}
		}
	}
	r.Recordings.KnownMedian, r.Recordings.KnownLongest = medianAndLongest(after)
}

// refused is for how long, between two moments, announcements were not taken.
func (e *recordingsEvidence) refused(from, to time.Time) time.Duration {
	total := time.Duration(0)
	for _, f := range e.faults {
		if f.begun && (f.Kind == scenario.RefuseQueue || f.Kind == scenario.RefuseServices) {
			begin, end := latest(f.at, from), to
			if f.over && f.back.Before(end) {
				end = f.back
			}
			total += max(0, end.Sub(begin))
		}
	}
	return total
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judgePool holds that the pool came back to what it was: by itself in time whenever it was short, with broken machines
// replaced, and with work in every shard.
func (r *result) judgePool(e *recordingsEvidence) {
	r.Recordings.Dips, r.Recordings.FreeAgain, r.Recordings.ShortFor = e.pool.dips, e.pool.longest.Seconds(), e.pool.whole.Seconds()
	if e.free != e.wanted {
		r.fail("at the end %d recorders are free, and %d should be", e.free, e.wanted)
	}
	if n := len(e.serving); n != e.wanted {
		r.fail("at the end %d recorders are in service, and %d should be", n, e.wanted)
	}
	if limit := e.bootTime + joining; e.pool.longest > limit {
		r.fail("it took %.1f s until as many recorders were free as wanted after the last that was taken, and a boot takes %.1f s", e.pool.longest.Seconds(), e.bootTime.Seconds())
	}
	for _, kind := range []scenario.FaultKind{scenario.BreakRecorder, scenario.LoseRecorder} {
		for _, id := range e.victims(kind) {
			if slices.Contains(e.serving, id) {
				r.fail("%s is in service after %q: it was not replaced", id, kind)
			}
		}
	}
	for _, id := range e.victims(scenario.StallEncoder) {
		if !e.cut(id) {
			r.fail("nobody did anything about the encoder of %s, which wrote nothing more", id)
		}
	}
	for _, shard := range e.shards {
		if len(e.sessions) > 0 && !slices.Contains(slices.Collect(maps.Keys(r.Recordings.ByShard)), shard) {
			r.fail("nothing was recorded in %s", shard)
		}
	}
}

// cut reports whether a session on a recorder was cut.
func (e *recordingsEvidence) cut(id fleet.InstanceID) bool {
	for _, s := range e.sessions {
		if s.Jibri == id && s.Cut != "" {
			return true
		}
	}
	return false
}
