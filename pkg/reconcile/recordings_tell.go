package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// tell announces the end of a recording, once: the run whose claim is written first has the announcement to itself for
// as long as it can live. What it announced is written down, on failure too; what it could not is another run's. Only
// a run that dies between an announcement and its note has it announced twice.
func (r Recordings) tell(ctx context.Context, e recording.Entry, t *tally) error {
	if !e.Ended() || e.Settled() {
		return nil
	}
	mine := false
	e, err := r.update(ctx, e.ID, func(e recording.Entry) (recording.Entry, bool) {
		mine = e.Ended() && !e.Settled() && !r.Now().Before(e.Claimed)
		e.Claimed = r.deadline(ctx)
		return e, mine
	})
	if err != nil || !mine {
		return err
	}
	told := e.Recording
	if told.State == recording.Verified {
		told, _ = told.Advance(recording.Catalogued, r.Now(), "")
	}
	failed := r.announce(ctx, &e, told)
	_, err = r.update(ctx, e.ID, func(now recording.Entry) (recording.Entry, bool) {
		if now.State != e.State {
			return now, false // healed meanwhile: what was told is not its end, which is told anew
		}
		now.Claimed, now.OnTopic, now.OnBus = time.Time{}, e.OnTopic, e.OnBus
		if failed == nil {
			now.Recording = told
		}
		return now, true
	})
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	if told.State == recording.Failed {
		t.failed++
		return nil
	}
	t.catalogued++
	t.bytes += told.Bytes()
	if !told.End.IsZero() {
		t.slowest = max(t.slowest, r.Now().Sub(told.End))
	}
	return nil
}

func (r Recordings) announce(ctx context.Context, e *recording.Entry, told recording.Recording) error {
	kind := kinds[told.State]
	if !e.OnTopic {
		if err := r.Topic.Announce(ctx, kind, told); err != nil {
			return err
		}
		e.OnTopic = true
	}
	if !e.OnBus {
		if err := r.Bus.Announce(ctx, kind, told); err != nil {
			return err
		}
		e.OnBus = true
	}
	return nil
}

// deadline is when this run ends at the latest, and with it what it has claimed.
func (r Recordings) deadline(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.UTC()
	}
	return r.Now().Add(r.Env.LateAfter).UTC()
}
