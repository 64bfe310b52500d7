package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// tell announces the end of a recording and is its entry after that. The run whose claim is written first has the
// announcement to itself for as long as it can live; what it announced is written down, on failure too, for which time
// is kept back, and what it could not is another run's.
//
// So an end is announced at least once, and once in practice: only when a run dies between the announcement and its
// note, or SNS or EventBridge takes what it seems to refuse, is it announced again. Its ID and its kind are then the
// same, by which whoever must not act twice can tell.
func (r Recordings) tell(ctx context.Context, e recording.Entry, t *tally) (recording.Entry, error) {
	if !e.Ended() || e.Settled() {
		return e, nil
	}
	if err := r.spent(ctx); err != nil {
		return e, err
	}
	mine := false
	e, err := r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) {
		mine = e.Ended() && !e.Settled() && !r.Now().Before(e.Claimed)
		e.Claimed = r.deadline(ctx)
		return e, mine
	})
	if err != nil || !mine {
		return e, err
	}
	told := e.Recording
	if told.State == recording.Verified {
		told, _ = told.Advance(recording.Catalogued, r.Now(), "")
	}
	failed := r.announce(ctx, &e, told)
	kept, cancel := toTheEnd(ctx)
	defer cancel()
	after, err := r.update(kept, e, func(now recording.Entry) (recording.Entry, bool) {
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
		return after, err
	}
	t.count(told, r.Now())
	return after, nil
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

// deadline is when this run ends at the latest, and with it what it has claimed; ctx is that of its work.
func (r Recordings) deadline(ctx context.Context) time.Time {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Add(final).UTC()
	}
	return r.Now().Add(r.Env.LateAfter).UTC()
}

// toTheEnd is for the note of what was announced, which must not be lost: it has all that is left of the run but a second.
func toTheEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithoutCancel(ctx), func() {}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(final/2))
}
