package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// The events of recordings, on the recordings topic and on EventBridge. Each carries the recording.
const (
	EventRecordingCatalogued = "Recording Catalogued"
	EventRecordingFailed     = "Recording Failed"
)

// Catalogue keeps the entries of recordings.
type Catalogue interface {
	// Get reads an entry; one that is not there has version 0.
	Get(ctx context.Context, id string) (recording.Entry, error)
	// Put writes an entry as its next version; ok is false when another was written since it was read.
	Put(ctx context.Context, e recording.Entry) (ok bool, err error)
	// Open names the entries that are not settled, and maybe some that are.
	Open(ctx context.Context) ([]string, error)
	// Close forgets that an entry was open.
	Close(ctx context.Context, id string) error
}

// Objects is the bucket of the recordings.
type Objects interface {
	// Head is what is at a key; nothing there is no error.
	Head(ctx context.Context, key string) (recording.Object, error)
}

// Recordings is the loop that brings recordings from the recorders' announcements into the catalogue. An announcement
// may come twice, late, never or in any order; only what S3 says proves that a recording is there.
type Recordings struct {
	Env       settings.RecordingsEnv
	Catalogue Catalogue
	Objects   Objects
	Machines  Machines
	Topic     Announcer
	Bus       Announcer
	Log       *slog.Logger
	Now       func() time.Time
}

// Announcement is one message of the recordings queue.
type Announcement struct {
	Message string // its id
	Body    []byte
}

// tally counts what one run brought to its end.
type tally struct {
	catalogued, failed int
	bytes              int64
	slowest            time.Duration // from the end of a recording until it was catalogued
}

func (t tally) record(fleetName string, now time.Time) *telemetry.Record {
	record := telemetry.NewRecord(fleetName, now)
	record.Fleet(telemetry.RecordingsCatalogued, float64(t.catalogued))
	record.Fleet(telemetry.RecordingsFailed, float64(t.failed))
	record.Fleet(telemetry.RecordingBytes, float64(t.bytes))
	if t.slowest > 0 {
		record.Fleet(telemetry.UploadSeconds, t.slowest.Seconds())
	}
	return record
}

// Receive takes announcements in and names the messages that must be delivered again. One that is no valid recording is
// among them, so that it ends in the queue's dead letters where somebody looks at it.
func (r Recordings) Receive(ctx context.Context, announcements []Announcement) (record *telemetry.Record, again []string, err error) {
	var t tally
	for _, a := range announcements {
		if failed := r.receive(ctx, a, &t); failed != nil {
			r.Log.Error("announcement", "message", a.Message, "error", failed.Error())
			again = append(again, a.Message)
			err = errors.Join(err, failed)
		}
	}
	return t.record(r.Env.Fleet, r.Now()), again, err
}

func (r Recordings) receive(ctx context.Context, a Announcement, t *tally) error {
	report, err := recording.Parse(a.Body)
	if err != nil {
		return err
	}
	e, err := r.update(ctx, report.ID, func(e recording.Entry) (recording.Entry, bool) { return e.Learn(report) })
	if err != nil {
		return err
	}
	if report.State == recording.Uploaded && !e.Ended() || e.State == recording.Failed {
		e, err = r.verify(ctx, e)
		if err != nil {
			return err
		}
	}
	return r.tell(ctx, e, t)
}

// Sweep looks at every entry that is not settled: messages get lost, machines too.
func (r Recordings) Sweep(ctx context.Context) (*telemetry.Record, error) {
	var t tally
	ids, err := r.Catalogue.Open(ctx)
	if err != nil {
		return t.record(r.Env.Fleet, r.Now()), err
	}
	machines, err := r.Machines.List(ctx, r.Env.Fleet)
	if err != nil {
		machines = nil // then no machine is known to be gone, and the rest is done all the same
	}
	open, late, oldest := 0, 0, time.Duration(0)
	for _, id := range ids {
		e, failed := r.sweep(ctx, id, machines, &t)
		err = errors.Join(err, failed)
		if e.Version == 0 || e.Settled() {
			continue
		}
		open++
		if waits := e.Waits(r.Now()); waits > 0 {
			oldest = max(oldest, waits)
			if waits > r.Env.LateAfter {
				late++
				r.Log.Error("late", "id", e.ID, "state", e.State, "instance", e.Instance, "waits", waits.String())
			}
		}
	}
	record := t.record(r.Env.Fleet, r.Now())
	record.Fleet(telemetry.RecordingsOpen, float64(open))
	record.Fleet(telemetry.RecordingsLate, float64(late))
	r.Log.Info("swept", "open", open, "late", late, "oldest", oldest.String(), "catalogued", t.catalogued, "failed", t.failed)
	return record, err
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
	err = r.tell(ctx, e, t)
	if err != nil || !e.Ended() {
		return e, err
	}
	return r.Catalogue.Get(ctx, id)
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
		return r.update(ctx, e.ID, func(e recording.Entry) (recording.Entry, bool) { e.Gone = time.Time{}; return e, true })
	case e.Gone.IsZero():
		r.Log.Warn("its machine is gone", "id", e.ID, "instance", e.Instance, "state", e.State)
		return r.update(ctx, e.ID, func(e recording.Entry) (recording.Entry, bool) { e.Gone = now; return e, true })
	case now.Sub(e.Gone) < r.Env.LateAfter/6:
		return e, nil
	}
	return r.update(ctx, e.ID, func(e recording.Entry) (recording.Entry, bool) {
		e, advanced := e.Advance(recording.Failed, now, reasonGone)
		return e, advanced
	})
}

// verify asks S3 for every file of an entry that has a checksum and a key. All there and as they were on the disk:
// the recording is verified. Something else there: it has failed. Something missing: an error, if all was announced to
// be there.
func (r Recordings) verify(ctx context.Context, e recording.Entry) (recording.Entry, error) {
	if !e.Verifiable() {
		return e, nil
	}
	var absent error
	for _, f := range e.Files {
		object, err := r.Objects.Head(ctx, f.Key)
		if err != nil {
			return e, err
		}
		if !object.Found {
			absent = errors.Join(absent, f.Holds(object))
			continue
		}
		if differs := f.Holds(object); differs != nil {
			return r.refute(ctx, e, differs)
		}
	}
	if absent != nil {
		if e.State == recording.Uploaded {
			return e, fmt.Errorf("recording %s is announced and not there: %w", e.ID, absent)
		}
		return e, nil
	}
	return r.update(ctx, e.ID, func(e recording.Entry) (recording.Entry, bool) {
		return e.Advance(recording.Verified, r.Now(), "")
	})
}

// refute gives up a recording of which S3 holds something else, once nobody uploads it any more.
func (r Recordings) refute(ctx context.Context, e recording.Entry, differs error) (recording.Entry, error) {
	if e.State != recording.Uploaded {
		return e, nil
	}
	return r.update(ctx, e.ID, func(e recording.Entry) (recording.Entry, bool) {
		return e.Advance(recording.Failed, r.Now(), differs.Error())
	})
}

// conflicts is how often an update is tried when others write the same entry: a recording has one recorder, so that
// more than a few at once are a fault.
const conflicts = 10

// update changes an entry as it is now, and is the entry after it. Changes that are none write nothing.
func (r Recordings) update(ctx context.Context, id string, change func(recording.Entry) (recording.Entry, bool)) (recording.Entry, error) {
	for range conflicts {
		e, err := r.Catalogue.Get(ctx, id)
		if err != nil {
			return e, err
		}
		next, changed := change(e)
		if !changed {
			return e, nil
		}
		ok, err := r.Catalogue.Put(ctx, next)
		if err != nil {
			return e, err
		}
		if ok {
			if next.State != e.State {
				r.Log.Info("recording", "id", id, "state", next.State, "was", e.State, "reason", next.Reason)
			}
			next.Version++
			return next, nil
		}
	}
	return recording.Entry{}, fmt.Errorf("entry %s is not written: others wrote it %d times in between", id, conflicts)
}

// kinds are the events by the state that they announce.
var kinds = map[recording.State]string{
	recording.Verified: EventRecordingCatalogued, recording.Catalogued: EventRecordingCatalogued, recording.Failed: EventRecordingFailed,
}

// Kinds lists the events of recordings.
func Kinds() []string { return slices.Compact(slices.Sorted(maps.Values(kinds))) }
