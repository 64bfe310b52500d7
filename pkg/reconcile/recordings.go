package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	// AtOnce is how many recordings a run attends to at a time; 0 is 1.
	AtOnce int
	Log    *slog.Logger
	Now    func() time.Time
}

// Announcement is one message of the recordings queue.
type Announcement struct {
	Message string // its id
	Body    []byte
}

// tally counts what one run brought to its end.
type tally struct {
	mu                 sync.Mutex
	catalogued, failed int
	bytes              int64
	slowest            time.Duration // from the end of a recording until it was catalogued
}

func (t *tally) record(fleetName string, now time.Time) *telemetry.Record {
	record := telemetry.NewRecord(fleetName, now)
	record.Fleet(telemetry.RecordingsCatalogued, float64(t.catalogued))
	record.Fleet(telemetry.RecordingsFailed, float64(t.failed))
	record.Fleet(telemetry.RecordingBytes, float64(t.bytes))
	if t.slowest > 0 {
		record.Fleet(telemetry.UploadSeconds, t.slowest.Seconds())
	}
	return record
}

// count adds a recording whose end was announced.
func (t *tally) count(told recording.Recording, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if told.State == recording.Failed {
		t.failed++
		return
	}
	t.catalogued++
	t.bytes += told.Bytes()
	if !told.End.IsZero() {
		t.slowest = max(t.slowest, now.Sub(told.End))
	}
}

// Receive takes announcements in and names the messages that must be delivered again. One that is no valid recording is
// among them, so that it ends in the queue's dead letters where somebody looks at it. Those of one recording are taken in
// one after the other, for they would only wait for each other's writes.
func (r Recordings) Receive(ctx context.Context, announcements []Announcement) (record *telemetry.Record, again []string, err error) {
	work, cancel := r.work(ctx)
	defer cancel()
	var t tally
	reports, failures := make([]recording.Recording, len(announcements)), make([]error, len(announcements))
	of := map[string][]int{}
	for i, a := range announcements {
		if reports[i], failures[i] = recording.Parse(a.Body); failures[i] == nil {
			of[reports[i].ID] = append(of[reports[i].ID], i)
		}
	}
	r.each(slices.Sorted(maps.Keys(of)), func(id string) {
		for _, i := range of[id] {
			failures[i] = r.receive(work, reports[i], &t)
		}
	})
	for i, failed := range failures {
		if failed != nil {
			r.Log.Error("announcement", "message", announcements[i].Message, "error", failed.Error())
			again = append(again, announcements[i].Message)
			err = errors.Join(err, failed)
		}
	}
	return t.record(r.Env.Fleet, r.Now()), again, err
}

// each attends to all of some recordings, AtOnce at a time, and begins in their order.
func (r Recordings) each(ids []string, attend func(id string)) {
	var all errgroup.Group
	all.SetLimit(max(1, r.AtOnce))
	for _, id := range ids {
		all.Go(func() error { attend(id); return nil })
	}
	_ = all.Wait() // none returns an error
}

func (r Recordings) receive(ctx context.Context, report recording.Recording, t *tally) error {
	if err := r.spent(ctx); err != nil {
		return err
	}
	e, err := r.Catalogue.Get(ctx, report.ID)
	if err != nil {
		return err
	}
	e, err = r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) { return e.Learn(report) })
	if err != nil {
		return err
	}
	if report.State == recording.Uploaded && !e.Ended() || e.State == recording.Failed {
		e, err = r.verify(ctx, e)
		if err != nil {
			return err
		}
	}
	_, err = r.tell(ctx, e, t)
	return err
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
	return r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) {
		return e.Advance(recording.Verified, r.Now(), "")
	})
}

// refute gives up a recording of which S3 holds something else, once nobody uploads it any more.
func (r Recordings) refute(ctx context.Context, e recording.Entry, differs error) (recording.Entry, error) {
	if e.State != recording.Uploaded {
		return e, nil
	}
	return r.update(ctx, e, func(e recording.Entry) (recording.Entry, bool) {
		return e.Advance(recording.Failed, r.Now(), differs.Error())
	})
}

// conflicts is how often an update is tried when others write the same entry: a recording has one recorder, so that
// more than a few at once are a fault.
const conflicts = 10

// update changes an entry, as it was read or as it is once others have written it since, and is the entry after it.
// Changes that are none write nothing.
func (r Recordings) update(ctx context.Context, e recording.Entry, change func(recording.Entry) (recording.Entry, bool)) (recording.Entry, error) {
	id := e.ID
	for range conflicts {
		next, changed := change(e)
		if !changed {
			return e, nil
		}
		id = next.ID
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
		now, err := r.Catalogue.Get(ctx, id)
		if err != nil {
			return e, err
		}
		e = now
	}
	return e, fmt.Errorf("entry %s is not written: others wrote it %d times in between", id, conflicts)
}

// kinds are the events by the state that they announce.
var kinds = map[recording.State]string{
	recording.Verified: EventRecordingCatalogued, recording.Catalogued: EventRecordingCatalogued, recording.Failed: EventRecordingFailed,
}

// Kinds lists the events of recordings.
func Kinds() []string { return slices.Compact(slices.Sorted(maps.Values(kinds))) }
