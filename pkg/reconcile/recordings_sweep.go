package reconcile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Sweep looks at every entry that is not settled: messages get lost, machines too. When its time is over it leaves the
// rest to the next, which begins elsewhere; that is no failure, and the alarm of slow runs tells when it is the rule.
func (r Recordings) Sweep(ctx context.Context) (*telemetry.Record, error) {
	work, cancel := r.work(ctx)
	defer cancel()
	var t tally
	ids, err := r.Catalogue.Open(work)
	if err != nil {
		return t.record(r.Env.Fleet, r.Now()), err
	}
	machines, err := r.Machines.List(work, r.Env.Fleet)
	if err != nil {
		machines = nil // then no machine is known to be gone, and the rest is done all the same
	}
	s := sweeping{errs: []error{err}}
	r.each(r.turned(ids), func(id string) {
		if r.spent(work) != nil {
			s.pass()
			return
		}
		e, failed := r.sweep(work, id, machines, &t)
		s.saw(r, e, failed)
	})
	record := t.record(r.Env.Fleet, r.Now())
	s.publish(record)
	r.Log.Info("swept", "open", s.open, "late", s.late, "oldest", s.oldest.String(), "passed", s.passed, "catalogued", t.catalogued, "failed", t.failed)
	return record, errors.Join(s.errs...)
}

// sweeping is what a sweep has seen.
type sweeping struct {
	mu           sync.Mutex
	open, passed int // passed are those for which no time was left
	late         int
	oldest       time.Duration
	errs         []error
}

func (s *sweeping) pass() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed++
}

func (s *sweeping) saw(r Recordings, e recording.Entry, failed error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, failed)
	if e.Version == 0 || e.Settled() {
		return
	}
	s.open++
	waits := e.Waits(r.Now())
	s.oldest = max(s.oldest, waits)
	if waits > r.Env.LateAfter {
		s.late++
		r.Log.Error("late", "id", e.ID, "state", e.State, "instance", e.Instance, "waits", waits.String())
	}
}

// publish tells what is known: that none is late is not, when some were passed over.
func (s *sweeping) publish(record *telemetry.Record) {
	record.Fleet(telemetry.RecordingsOpen, float64(s.open+s.passed))
	if s.passed > 0 && s.late == 0 {
		return
	}
	record.Fleet(telemetry.RecordingsLate, float64(s.late))
}

// golden is the fraction of the golden ratio: a point that goes around by it leaves the smallest gaps.
// https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence
const golden = 0.6180339887498949

// turned begins a list elsewhere each minute, or with an earlier LateAfter than half an hour each thirtieth of it: if
// each run comes to look at one in n, about 3n runs in a row have looked at all, without anything kept between them.
func (r Recordings) turned(ids []string) []string {
	every := max(time.Millisecond, min(time.Minute, r.Env.LateAfter/30))
	_, turn := math.Modf(float64(r.Now().UnixMilli()/every.Milliseconds()) * golden)
	first := int(turn * float64(len(ids)))
	return slices.Concat(ids[first:], ids[:first])
}

func (r Recordings) sweep(ctx context.Context, id string, machines map[fleet.InstanceID]fleet.Machine, t *tally) (recording.Entry, error) {
	e, err := r.Catalogue.Get(ctx, id)
	if err != nil || e.Version == 0 {
		return e, err
	}
	if e.Settled() {
		return e, r.Catalogue.Close(ctx, id)
	}
	if !e.Ended() {
		verified, failed := r.verify(ctx, e)
		if failed != nil {
			r.Log.Warn("not verified", "id", id, "error", failed.Error())
		} else {
			e = verified
		}
	}
	if !e.Ended() && machines != nil {
		if e, err = r.mourn(ctx, e, machines); err != nil {
			return e, err
		}
	}
	return r.tell(ctx, e, t)
}

// reserve is what must be left of a run for it to begin with another recording, or with the announcement of an end, and
// final what is left of it for the note of what was announced, and for its figures.
const (
	reserve = 5 * time.Second
	final   = 2 * time.Second
)

// work is a run's context for all but its last notes: it ends before the run does.
func (r Recordings) work(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-final))
	}
	return context.WithCancel(ctx)
}

// spent is an error when too little is left of a run's work.
func (r Recordings) spent(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(r.Now()) < reserve-final {
		return fmt.Errorf("the rest is left to another run: less than %s are left of this one", reserve)
	}
	return nil
}

// Why a recording is given up.
const reasonGone = "cut short: its machine was taken away"

// mourn gives up a recording whose machine is gone for good, after a while in which its last messages may arrive: a
// sixth of LateAfter, five minutes by default. A failed recording that turns out to be in S3 is healed when its
// announcement comes after all.
func (r Recordings) mourn(ctx context.Context, e recording.Entry, machines map[fleet.InstanceID]fleet.Machine) (recording.Entry, error) {
	machine, known := machines[e.Instance]
	now := r.Now().UTC()
	there := known && !machine.Stopped
	switch {
	case there && e.Gone.IsZero():
		return e, nil
	case there:
		return r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) { e.Gone = time.Time{}; return e, true })
	case e.Gone.IsZero():
		r.Log.Warn("its machine is gone", "id", e.ID, "instance", e.Instance, "state", e.State)
		return r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) { e.Gone = now; return e, true })
	case now.Sub(e.Gone) < r.Env.LateAfter/6:
		return e, nil
	}
	return r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) {
		e, advanced := e.Advance(recording.Failed, now, reasonGone)
		return e, advanced
	})
}
