package spool

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// item is what is known of one session, on disk and in memory.
type item struct {
	Recording recording.Recording `json:"recording"`
	// Announced is the state that the queue took last.
	Announced recording.State `json:"announced,omitempty"`
	// Confirmed names the files that S3 has confirmed.
	Confirmed map[string]bool `json:"confirmed,omitempty"`

	working bool  // an upload runs, which alone may change the item
	bytes   int64 // on disk
	upload  pause
	send    pause
}

// pause is the time between tries, doubled with each failure in a row.
type pause struct {
	failures int
	until    time.Time
}

func (p *pause) over(now time.Time) bool { return !now.Before(p.until) }

func (p *pause) failed(now time.Time, least, most time.Duration) {
	wait := most
	if p.failures < 16 {
		wait = min(most, least<<p.failures)
	}
	p.failures++
	p.until = now.Add(wait)
}

func (p *pause) succeeded() { *p = pause{} }

// prepared reports whether every file has its checksum and its key.
func (i *item) prepared() bool {
	for _, f := range i.Recording.Files {
		if f.CRC64NVME == "" || f.Key == "" {
			return false
		}
	}
	return true
}

func stateFile(session string) string { return session + ".json" }

// remember reads every item's file. One that cannot be read is left out: the disk tells the rest again, and a doubled
// announcement or upload is harmless.
func (s *Spool) remember() (map[string]*item, error) {
	items := map[string]*item{}
	entries, err := fs.ReadDir(s.state.FS(), ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		session, isState := strings.CutSuffix(e.Name(), ".json")
		if !isState {
			continue
		}
		var i item
		raw, err := s.state.ReadFile(e.Name())
		if err == nil {
			err = json.Unmarshal(raw, &i)
		}
		if err == nil {
			err = i.Recording.Validate()
		}
		if err != nil || i.Recording.Session != session {
			s.Log.Warn("spool: what was known of a session is not read", "session", session, "why", err)
			continue
		}
		items[session] = &i
	}
	return items, nil
}

// keep writes an item's file. A full disk must not stop uploads, which alone can free it.
func (s *Spool) keep(i *item) {
	raw, err := json.Marshal(i)
	if err == nil {
		err = replace(s.state, stateFile(i.Recording.Session), raw)
	}
	if err != nil {
		s.troubled("what is known of a session is not kept: "+err.Error(), i.Recording.Session)
	}
}

func (s *Spool) forget(session string) {
	if err := s.state.Remove(stateFile(session)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.troubled("a session's state is not removed: "+err.Error(), session)
		return
	}
	s.mu.Lock()
	delete(s.items, session)
	s.mu.Unlock()
}

// replace writes a file whole or not at all: a reader sees the old content or the new, after a crash too.
func replace(folder *os.Root, name string, content []byte) error {
	temporary := "." + name + ".new"
	file, err := folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, folder.Remove(temporary))
	}
	return folder.Rename(temporary, name)
}
