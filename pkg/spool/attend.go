package spool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Why a recording ended before its session, or did not come at all.
const (
	cutShort = "its recorder died before the session was stopped"
	vanished = "nothing of it is on the recorder's disk: Jibri removes a session's folder when no media arrived"
	lost     = "its files vanished from the recorder's disk before they were in S3"
)

// next is what is to be done with a session.
type next int

const (
	wait   next = iota
	sweep       // write the manifest that nobody wrote
	upload      // bring its files to S3
	drop        // delete what S3 and the queue have confirmed
	tidy        // remove an empty folder that nobody wants
)

// judge is what becomes of a session: its item, nil while there is nothing to know, and the next thing to do.
func judge(c Config, i *item, session string, f folder, busy bool, now time.Time) (*item, next) {
	quiet := !busy && f.there && now.Sub(f.changed) >= c.Quiet
	if i == nil {
		if len(f.media) == 0 {
			if quiet && len(f.files) == 0 {
				return nil, tidy
			}
			return nil, wait
		}
		i = &item{Recording: f.describe(c, session)}
	}
	i.bytes = f.bytes
	r := &i.Recording
	switch {
	case r.State == recording.Failed || r.State == recording.Uploaded:
		if i.Announced == r.State {
			return i, drop
		}
		return i, wait
	case r.State.Reached(recording.Spooled):
		return i, i.present(f, now)
	case busy:
		if f.stopped() {
			*r, _ = r.Advance(recording.Stopped, now, "")
		}
		return i, wait
	case len(f.media) == 0:
		*r, _ = r.Advance(recording.Failed, now, vanished)
		return i, wait
	case f.manifest != nil:
		*r = f.complete(*r, now)
		return i, upload
	case quiet:
		return i, sweep
	}
	return i, wait
}

// present drops files that vanished before they were in S3. A recording of which no media is left has failed.
func (i *item) present(f folder, now time.Time) next {
	r := &i.Recording
	before := len(r.Files)
	media := false
	r.Files = slices.DeleteFunc(slices.Clone(r.Files), func(file recording.File) bool {
		there := i.Confirmed[file.Name] || slices.ContainsFunc(f.files, func(on recording.File) bool { return on.Name == file.Name })
		media = media || there && file.Name != recording.MetadataFile
		return !there
	})
	if !media {
		*r, _ = r.Advance(recording.Failed, now, lost)
		return wait
	}
	if len(r.Files) < before {
		r.CutShort = "some of " + lost[len("its "):]
	}
	return upload
}

// attend looks at one session: judges it, keeps what is new, announces it, and does what is next. It is false when
// nothing can be known of the session.
func (s *Spool) attend(ctx context.Context, session string) (seen bool) {
	s.mu.Lock()
	i := s.items[session]
	working := i != nil && i.working
	s.mu.Unlock()
	if working {
		return true
	}
	f, err := inspect(s.root, session)
	if err != nil {
		s.troubled("a session's folder is not read: "+err.Error(), session)
		return i != nil
	}
	var before recording.State
	if i != nil {
		before = i.Recording.State
	}
	busy, now := s.Busy(session), s.Now() // before the lock: a recorder that asks for Load meanwhile must not wait
	s.mu.Lock()
	i, what := judge(s.Config, i, session, f, busy, now)
	if i != nil {
		s.items[session] = i
	}
	s.mu.Unlock()
	if i == nil {
		if what == tidy {
			_ = s.root.Remove(session) // only when it is empty still
		}
		return true
	}
	if i.Recording.State != before {
		s.changed(i)
	}
	if i.Announced != i.Recording.State && i.send.over(now) {
		s.announce(ctx, i)
		return true
	}
	s.act(ctx, i, f, what)
	return true
}

// changed keeps an item in its new state.
func (s *Spool) changed(i *item) {
	if i.Recording.State == recording.Spooled {
		if err := rename(s.root, i.Recording.Session, i.Recording.Files); err != nil {
			s.troubled("a file is not renamed: "+err.Error(), i.Recording.Session)
		}
	}
	s.keep(i)
	s.Log.Info("recording", "id", i.Recording.ID, "session", i.Recording.Session, "state", i.Recording.State, "reason", i.Recording.Reason)
}

// announce tells the queue the item's state; a failure is tried again at a later look. Nothing else waits for it, for a
// machine may be taken away at any moment: a session of whose start the queue does not know by then is in no catalogue.
func (s *Spool) announce(ctx context.Context, i *item) {
	s.mu.Lock()
	i.working = true
	s.mu.Unlock()
	s.work.Go(func() {
		defer s.nudge()
		limited, cancel := context.WithTimeout(ctx, s.Quiet)
		defer cancel()
		if err := s.Queue.Send(limited, i.Recording); err != nil {
			i.send.failed(s.Now(), s.Poll, s.Quiet)
			s.troubled("the queue did not take the announcement: "+err.Error(), i.Recording.Session)
		} else {
			i.send.succeeded()
			i.Announced = i.Recording.State
			s.keep(i)
		}
		s.mu.Lock()
		i.working = false
		s.mu.Unlock()
	})
}

func (s *Spool) act(ctx context.Context, i *item, f folder, what next) {
	session := i.Recording.Session
	switch what {
	case sweep:
		why := cutShort
		if f.stopped() {
			why = "" // only the finalize program failed: the recording is whole
		}
		_, err := Finalize(filepath.Join(s.Folder, session), s.Instance, why, s.Now())
		if err != nil && !errors.Is(err, ErrEmpty) {
			s.troubled(err.Error(), session)
			return
		}
		s.Log.Warn("spool: an orphan is finalized", "session", session, "id", i.Recording.ID)
		s.nudge()
	case upload:
		s.begin(ctx, i)
	case drop:
		if s.Busy(session) {
			return
		}
		if err := s.remove(i); err != nil {
			s.troubled("what is in S3 is not deleted: "+err.Error(), session)
			return
		}
		s.forget(session)
	case wait, tidy:
	}
}

// remove deletes the files of an item that S3 has confirmed and that are as they were then, and the folder if nothing
// else is in it. What came later is another recording.
func (s *Spool) remove(i *item) error {
	session := i.Recording.Session
	root, err := s.root.OpenRoot(session)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, f := range i.Recording.Files {
		info, err := root.Lstat(f.Name)
		if err != nil || !i.Confirmed[f.Name] || info.Size() != f.Bytes {
			continue
		}
		if err := root.Remove(f.Name); err != nil {
			return err
		}
	}
	for _, name := range []string{recording.ManifestFile, "." + recording.ManifestFile + ".new"} {
		if err := root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := s.root.Remove(session); err != nil {
		s.Log.Warn("spool: a session's folder holds more than its recording", "session", session, "why", err)
	}
	return nil
}
