// Package spool is the recordings on a recorder's disk, from the first byte that Jibri writes until S3 has every file
// and the queue knows of it. Only then is anything deleted.
//
// It looks at the disk again and again and never trusts its memory alone: what it knows of a session is kept in a file
// beside the sessions, so that a restart of the agent loses nothing. It knows no Jibri, no S3 and no queue: a recorder
// tells it which session may still be written, and it is handed a Store and an Announcer.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Store is the bucket.
type Store interface {
	// Upload puts bytes at a key and returns the checksum of the whole object as the store computed it, in the form of
	// recording.File. It must not succeed when that is not the file's own.
	Upload(ctx context.Context, file recording.File, body io.ReadSeeker) (checksum string, err error)
}

// Announcer is the queue to the catalogue. It may deliver doubled and in any order.
type Announcer interface {
	Send(ctx context.Context, r recording.Recording) error
}

// Config is what a spool needs.
type Config struct {
	Folder   string // with Jibri's session folders, as the host sees it
	Instance fleet.InstanceID
	Store    Store
	Queue    Announcer
	// Busy reports whether a session's folder may still be written to by Jibri, its encoder or the finalize program.
	// While in doubt it is true: nothing of a busy session is uploaded, swept or deleted.
	Busy func(session string) bool
	// FreeBytes is what the disk has left; nil asks the file system. Floor is what it should have, in bytes.
	FreeBytes func() (int64, error)
	Floor     int64
	// Poll is how often the disk is looked at, and the shortest pause after a failure.
	Poll time.Duration
	// Quiet is for how long a session that nobody finalized must have been unchanged before it is taken for an orphan.
	// It is the longest pause between two tries of an upload, too.
	Quiet time.Duration
	// Uploads is how many sessions are uploaded at a time; 0 is 2.
	Uploads int
	Now     func() time.Time
	Log     *slog.Logger
}

// Spool is the recordings on one disk.
type Spool struct {
	Config
	root  *os.Root
	state *os.Root
	slots chan struct{}
	wake  chan struct{}
	work  sync.WaitGroup

	mu            sync.Mutex
	items         map[string]*item // by session
	unseen        int              // folders of which nothing is known, which may be recordings
	trouble       string
	uploaded      int64
	uploadedBytes int64
	uploadTime    time.Duration
}

// stateFolder holds an item's file for each session. Jibri's session names have no dots.
const stateFolder = ".state"

// New opens a spool and reads what an earlier agent knew. The folder is made when it is missing.
func New(c Config) (*Spool, error) {
	if c.Store == nil || c.Queue == nil || c.Busy == nil || c.Now == nil || c.Log == nil || c.Poll <= 0 || c.Quiet <= 0 {
		return nil, errors.New("the spool is not opened: its configuration lacks a store, a queue, a component, a clock, a log or an interval")
	}
	if err := os.MkdirAll(c.Folder, 0o755); err != nil { //nolint:gosec // Jibri, another user, writes into its folders
		return nil, fmt.Errorf("the spool is not opened: %w", err)
	}
	root, err := os.OpenRoot(c.Folder)
	if err != nil {
		return nil, fmt.Errorf("the spool is not opened: %w", err)
	}
	if err := root.Mkdir(stateFolder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("the spool is not opened: %w", err)
	}
	state, err := root.OpenRoot(stateFolder)
	if err != nil {
		return nil, fmt.Errorf("the spool is not opened: %w", err)
	}
	if c.Uploads == 0 {
		c.Uploads = 2
	}
	if c.FreeBytes == nil {
		c.FreeBytes = func() (int64, error) { return freeBytes(c.Folder) }
	}
	s := &Spool{Config: c, root: root, state: state, slots: make(chan struct{}, c.Uploads), wake: make(chan struct{}, 1)}
	s.items, err = s.remember()
	if err != nil {
		return nil, fmt.Errorf("the spool is not opened: %w", err)
	}
	sessions, err := s.sessions()
	if err != nil {
		return nil, fmt.Errorf("the spool is not opened: %w", err)
	}
	s.unseen = len(sessions) - len(s.items)
	return s, nil
}

// Run looks at the disk until the context ends, and returns when no upload runs any more.
func (s *Spool) Run(ctx context.Context) {
	ticks := time.NewTicker(s.Poll)
	defer ticks.Stop()
	defer s.work.Wait()
	for {
		s.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-s.wake:
		}
	}
}

// Look looks at every session once, announces what is new and begins what is due.
func (s *Spool) Look(ctx context.Context) {
	unseen := 0
	sessions, err := s.sessions()
	if err != nil {
		unseen = 1
		s.troubled("the spool cannot be listed: "+err.Error(), "")
	}
	for _, session := range sessions {
		if ctx.Err() != nil {
			return
		}
		if !s.attend(ctx, session) {
			unseen++
		}
	}
	s.mu.Lock()
	s.unseen = unseen
	s.mu.Unlock()
}

// sessions names every session that has a folder or that something is known of.
func (s *Spool) sessions() ([]string, error) {
	entries, err := os.ReadDir(s.Folder)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' {
			names[e.Name()] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.items {
		names[session] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Load is what the spool holds, for the agent's status. What it cannot read, or has not yet, counts as a recording:
// only an empty disk that was looked at is an empty spool.
func (s *Spool) Load() fleet.SpoolLoad {
	free, err := s.FreeBytes()
	if err != nil {
		free = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	load := fleet.SpoolLoad{
		Recordings: len(s.items) + s.unseen, Trouble: s.trouble, Uploaded: s.uploaded, UploadedBytes: s.uploadedBytes,
		UploadMillis: s.uploadTime.Milliseconds(), FreeBytes: free, Floor: s.Floor,
	}
	if err != nil {
		load.Trouble = "the disk's room is not known: " + err.Error()
	}
	now := s.Now()
	for _, i := range s.items {
		load.Bytes += i.bytes
		if !i.Recording.End.IsZero() && i.Recording.State.Reached(recording.Spooled) {
			load.OldestSeconds = max(load.OldestSeconds, now.Sub(i.Recording.End).Seconds())
		}
	}
	return load
}

// troubled notes and logs a failure; it stands in Load until an upload succeeds.
func (s *Spool) troubled(why, session string) {
	s.mu.Lock()
	s.trouble = why
	s.mu.Unlock()
	s.Log.Warn("spool", "session", session, "why", why)
}

// nudge has Run look again at once.
func (s *Spool) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
