package spool

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// bucket is S3 as the spool sees it; fail decides by the number of the call.
type bucket struct {
	mu      sync.Mutex
	objects map[string]string
	calls   int
	fail    func(call int) error
	spoil   func(call int) string // a checksum to answer instead
	hang    bool
}

func (b *bucket) Upload(ctx context.Context, f recording.File, body io.ReadSeeker) (string, error) {
	b.mu.Lock()
	b.calls++
	call := b.calls
	hang := b.hang
	b.mu.Unlock()
	if hang {
		<-ctx.Done()
		return "", ctx.Err()
	}
	if b.fail != nil {
		if err := b.fail(call); err != nil {
			return "", err
		}
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spoil != nil && b.spoil(call) != "" {
		return b.spoil(call), nil
	}
	b.objects[f.Key] = string(raw)
	sum, _, err := Checksum(ctx, strings.NewReader(string(raw)))
	return sum, err
}

// queue is the recordings queue.
type queue struct {
	mu    sync.Mutex
	sent  []recording.Recording
	calls int
	fail  func(call int) error
	hangs map[string]bool // sessions whose announcements nobody answers
}

func (q *queue) Send(ctx context.Context, r recording.Recording) error {
	if q.hangs[r.Session] {
		<-ctx.Done()
		return ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls++
	if q.fail != nil {
		if err := q.fail(q.calls); err != nil {
			return err
		}
	}
	if err := r.Validate(); err != nil {
		return err
	}
	q.sent = append(q.sent, r)
	return nil
}

func (q *queue) states() []recording.State {
	q.mu.Lock()
	defer q.mu.Unlock()
	var states []recording.State
	for _, r := range q.sent {
		states = append(states, r.State)
	}
	return states
}

func (q *queue) last() recording.Recording {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.sent) == 0 {
		return recording.Recording{}
	}
	return q.sent[len(q.sent)-1]
}

// disk is a recorder's disk with its spool.
type disk struct {
	t      *testing.T
	folder string
	bucket *bucket
	queue  *queue
	busy   sync.Map
	spool  *Spool
	stop   func()
}

const (
	poll  = time.Second
	quiet = 2 * time.Minute
	video = "weekly_2026-11-22-09-03-12.mp4"
)

func newDisk(t *testing.T) *disk {
	return &disk{t: t, folder: t.TempDir(), bucket: &bucket{objects: map[string]string{}}, queue: &queue{}}
}

// start starts an agent's spool; kill ends it as the end of its process does.
func (d *disk) start() {
	var err error
	d.spool, err = New(Config{
		Folder: d.folder, Instance: "i-1", Store: d.bucket, Queue: d.queue, Poll: poll, Quiet: quiet, Now: time.Now,
		Busy: func(s string) bool { busy, _ := d.busy.Load(s); return busy == true }, Log: slog.New(slog.DiscardHandler), Floor: 7,
		FreeBytes: func() (int64, error) { return 42, nil },
	})
	require.NoError(d.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); d.spool.Run(ctx) }()
	d.stop = func() { cancel(); <-ended }
}

func (d *disk) write(session, name, content string) {
	folder := filepath.Join(d.folder, session)
	require.NoError(d.t, os.MkdirAll(folder, 0o755))
	path := filepath.Join(folder, name)
	require.NoError(d.t, os.WriteFile(path, []byte(content), 0o644))
	now := time.Now() // the test's clock, not the file system's
	require.NoError(d.t, os.Chtimes(path, now, now))
	require.NoError(d.t, os.Chtimes(folder, now, now))
}

func (d *disk) finalize(session string) {
	_, err := Finalize(filepath.Join(d.folder, session), "i-1", "", time.Now())
	require.NoError(d.t, err)
}

func (d *disk) left() []string {
	var left []string
	require.NoError(d.t, filepath.WalkDir(d.folder, func(path string, e os.DirEntry, err error) error {
		if err == nil && path != d.folder && e.Name() != stateFolder {
			relative, _ := filepath.Rel(d.folder, path)
			left = append(left, relative)
		}
		return err
	}))
	return left
}

func (d *disk) object(name string) string {
	d.bucket.mu.Lock()
	defer d.bucket.mu.Unlock()
	for key, content := range d.bucket.objects {
		if strings.HasSuffix(key, "/"+name) {
			return content
		}
	}
	return ""
}

func wait4(d time.Duration) { time.Sleep(d); synctest.Wait() }

const meeting = `{"meeting_url": "https://meet.example.org/acme/Weekly%20Sync", "participants": []}`

func TestARecordingGoesFromItsFirstByteToS3AndIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		d.busy.Store("abc", true)
		d.write("abc", video, "half")
		wait4(2 * poll)
		assert.Equal(t, []recording.State{recording.Started}, d.queue.states())
		assert.Equal(t, 1, d.spool.Load().Recordings)
		assert.Equal(t, int64(4), d.spool.Load().Bytes)
		assert.Equal(t, int64(42), d.spool.Load().FreeBytes)
		d.write("abc", video, "all of it")
		d.write("abc", recording.MetadataFile, meeting)
		d.finalize("abc")
		wait4(2 * poll)
		assert.Equal(t, []recording.State{recording.Started, recording.Stopped}, d.queue.states(), "nothing of a busy session is uploaded")
		d.busy.Store("abc", false)
		wait4(3 * poll)
		assert.Equal(t, []recording.State{recording.Started, recording.Stopped, recording.Spooled, recording.Uploading, recording.Uploaded}, d.queue.states())
		r := d.queue.last()
		assert.Equal(t, "acme", r.Tenant)
		assert.Equal(t, "Weekly Sync", r.Room)
		assert.Equal(t, "2026-11-22T09:03:12Z", r.Start.Format(time.RFC3339))
		assert.Empty(t, r.CutShort)
		assert.Equal(t, "all of it", d.object(video))
		assert.JSONEq(t, meeting, d.object(recording.MetadataFile))
		assert.Empty(t, d.left())
		load := d.spool.Load()
		assert.Equal(t, 0, load.Recordings)
		assert.Equal(t, int64(1), load.Uploaded)
		assert.Equal(t, int64(len("all of it")+len(meeting)), load.UploadedBytes)
	})
}

func TestFailingUploadsAndAnnouncementsAreRepeatedUntilBothSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.bucket.fail = func(call int) error {
			if call < 9 {
				return errors.New("slow down")
			}
			return nil
		}
		d.queue.fail = func(call int) error {
			if call%3 != 0 {
				return errors.New("throttled")
			}
			return nil
		}
		d.start()
		defer d.stop()
		d.write("abc", video, "v")
		d.finalize("abc")
		wait4(4 * poll)
		assert.Contains(t, d.spool.Load().Trouble, "slow down")
		assert.NotEmpty(t, d.left())
		wait4(8 * quiet)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Empty(t, d.left())
		assert.Equal(t, 9, d.bucket.calls, "a pause is doubled up to Quiet, not forever")
		assert.Empty(t, d.spool.Load().Recordings)
	})
}

func TestAnAgentThatIsKilledInMidUploadGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		d.bucket.hang = true
		d.write("abc", video, "v")
		d.finalize("abc")
		wait4(3 * poll)
		id := d.queue.last().ID
		d.stop()
		assert.Equal(t, recording.Uploading, d.queue.last().State)
		assert.NotEmpty(t, d.queue.last().Files[0].CRC64NVME, "the catalogue can find what arrives")
		d.bucket.hang = false
		d.start()
		defer d.stop()
		wait4(3 * poll)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Equal(t, id, d.queue.last().ID)
		assert.Empty(t, d.left())
	})
}

func TestWhatVanishesWhileNoAgentRunsIsAnnouncedAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		d.busy.Store("abc", true)
		d.write("abc", video, "v")
		wait4(2 * poll)
		d.stop()
		require.NoError(t, os.RemoveAll(filepath.Join(d.folder, "abc")))
		d.busy.Store("abc", false)
		d.start()
		defer d.stop()
		wait4(2 * poll)
		assert.Equal(t, []recording.State{recording.Started, recording.Failed}, d.queue.states())
	})
}

func TestWhatIsWrittenAfterTheUploadIsNotDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.queue.fail = func(int) error {
			if time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) < quiet {
				return errors.New("throttled")
			}
			return nil
		}
		d.start()
		defer d.stop()
		d.write("abc", video, "first")
		d.finalize("abc")
		wait4(quiet / 2)
		assert.Equal(t, "first", d.object(video))
		d.write("abc", video, "first and more")
		wait4(4 * quiet)
		assert.Equal(t, "first and more", d.object(video))
		assert.Empty(t, d.left())
	})
}

func TestAnUploadThatHangsIsBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		d.bucket.hang = true
		d.write("abc", video, "v")
		d.finalize("abc")
		wait4(quiet)
		d.bucket.mu.Lock()
		d.bucket.hang = false
		d.bucket.mu.Unlock()
		wait4(3 * quiet)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
	})
}

func TestAnotherChecksumIsNoConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.bucket.spoil = func(call int) string {
			if call == 1 {
				return "AAAAAAAAAAA="
			}
			return ""
		}
		d.start()
		defer d.stop()
		d.write("abc", video, "v")
		d.finalize("abc")
		wait4(2 * quiet)
		assert.Equal(t, 2, d.bucket.calls)
		assert.Equal(t, "v", d.object(video))
		assert.Empty(t, d.left())
	})
}

func TestAnOrphanIsSweptOnceItIsQuietAndNobodyIsAtIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		d.busy.Store("abc", true)
		d.write("abc", video, "v")
		wait4(2 * quiet)
		assert.Equal(t, []recording.State{recording.Started}, d.queue.states(), "a stalled encoder is still at it")
		d.busy.Store("abc", false)
		d.write("abc", video, "vv")
		wait4(quiet - 2*poll)
		assert.Equal(t, []recording.State{recording.Started}, d.queue.states(), "not quiet for long enough")
		wait4(5 * poll)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Equal(t, cutShort, d.queue.last().CutShort)
		assert.Equal(t, "weekly", d.queue.last().Room)
		assert.Equal(t, "vv", d.object(video))
		assert.Empty(t, d.left())
	})
}

func TestARecordingWhoseFinalizeProgramWasKilledIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		d.write("abc", video, "v")
		d.write("abc", recording.MetadataFile, meeting)
		wait4(quiet + 5*poll)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Empty(t, d.queue.last().CutShort)
		assert.Equal(t, "acme", d.queue.last().Tenant)
	})
}

func TestASessionWithoutMediaIsAnnouncedAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		d.busy.Store("abc", true)
		d.write("abc", video, "")
		wait4(2 * poll)
		require.NoError(t, os.RemoveAll(filepath.Join(d.folder, "abc")))
		d.busy.Store("abc", false)
		wait4(2 * poll)
		assert.Equal(t, []recording.State{recording.Started, recording.Failed}, d.queue.states())
		assert.Equal(t, vanished, d.queue.last().Reason)
		assert.Empty(t, d.left())
		assert.Equal(t, 0, d.spool.Load().Recordings)
	})
}

func TestFilesThatVanishBeforeTheyAreInS3FailTheRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.bucket.fail = func(int) error { return errors.New("no") }
		d.start()
		defer d.stop()
		d.write("abc", video, "v")
		d.write("abc", "second.mp4", "w")
		d.write("abc", recording.MetadataFile, meeting)
		d.finalize("abc")
		wait4(3 * poll)
		require.NoError(t, os.Remove(filepath.Join(d.folder, "abc", "second.mp4")))
		wait4(2 * quiet)
		require.NoError(t, os.Remove(filepath.Join(d.folder, "abc", video)))
		wait4(2 * quiet)
		assert.Equal(t, recording.Failed, d.queue.last().State)
		assert.Equal(t, lost, d.queue.last().Reason)
		assert.Equal(t, 0, d.spool.Load().Recordings)
		assert.Equal(t, []string{"abc", "abc/metadata.json"}, d.left(), "what is not in S3 stays")
	})
}

func TestNamesThatNoMessageCanCarryAreMadeSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		for _, name := range []string{"a\nb_2026-11-22-09-03-12.mp4", "\xff\xfe.mp4", "größe & ü.mp4", strings.Repeat("ä", 127)} {
			d.write("abc", name, name)
		}
		require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(d.folder, "abc", "link.mp4")))
		d.finalize("abc")
		wait4(5 * poll)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Len(t, d.bucket.objects, 4, "a link is nobody's recording")
		assert.Len(t, d.queue.last().Files, 4)
		for key, content := range d.bucket.objects {
			assert.LessOrEqual(t, len(key), recording.MaxKey)
			assert.NotContains(t, content, "localhost")
		}
		assert.Equal(t, []string{"abc", "abc/link.mp4"}, d.left(), "what is not ours stays")
	})
}

func TestAnUnreadableManifestIsWrittenByTheDiskItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.start()
		defer d.stop()
		d.write("abc", video, "v")
		d.write("abc", recording.ManifestFile, `{"id": `)
		wait4(quiet + 5*poll)
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Empty(t, d.left())
	})
}

func TestASecondRecordingInTheSameFolderIsARecordingOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		var once sync.Once
		d.queue.fail = func(int) error {
			if d.queue.sentState(recording.Uploaded) {
				once.Do(func() { d.write("abc", "weekly_2026-11-22-10-00-00.mp4", "second") })
			}
			return nil
		}
		d.start()
		defer d.stop()
		d.write("abc", video, "first")
		d.finalize("abc")
		wait4(3 * poll)
		d.write("abc", "weekly_2026-11-22-10-00-00.mp4", "second")
		d.finalize("abc")
		d.finalize("abc")
		wait4(5 * poll)
		assert.Equal(t, "first", d.object(video))
		assert.Equal(t, "second", d.object("weekly_2026-11-22-10-00-00.mp4"))
		assert.Empty(t, d.left())
	})
}

func (q *queue) sentState(s recording.State) bool {
	for _, r := range q.sent {
		if r.State == s {
			return true
		}
	}
	return false
}

func TestAFullDiskStopsNoUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.write("abc", video, "v")
		d.finalize("abc")
		d.start()
		defer d.stop()
		require.NoError(t, os.RemoveAll(filepath.Join(d.folder, stateFolder))) // no state can be written any more
		wait4(5 * poll)
		assert.Equal(t, "v", d.object(video))
		assert.Equal(t, recording.Uploaded, d.queue.last().State)
		assert.Empty(t, d.left())
	})
}

func TestASpoolIsEmptyOnlyOnceItWasLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.write("abc", video, "v")
		d.busy.Store("abc", true)
		s, err := New(Config{
			Folder: d.folder, Instance: "i-1", Store: d.bucket, Queue: d.queue, Poll: poll, Quiet: quiet, Now: time.Now,
			Busy: func(string) bool { return true }, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		assert.Equal(t, 1, s.Load().Recordings)
		assert.Positive(t, s.Load().FreeBytes, "the disk itself says what it has left")
		s.Look(t.Context())
		synctest.Wait() // for the announcement
		assert.Equal(t, 1, s.Load().Recordings)
		require.NoError(t, os.RemoveAll(d.folder))
		s.Look(t.Context())
		assert.Equal(t, 2, s.Load().Recordings, "a disk that cannot be read may hold more")
		assert.Contains(t, s.Load().Trouble, "no such file")
	})
}

func TestAnIncompleteConfigurationIsRefused(t *testing.T) {
	_, err := New(Config{Folder: t.TempDir()})
	assert.ErrorContains(t, err, "the spool is not opened: its configuration lacks")
}

func TestASessionsStartIsAnnouncedWhateverIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t)
		d.queue.hangs = map[string]bool{"first": true}
		d.start()
		defer func() { d.stop() }()
		d.write("first", video, "nobody answers its announcement")
		wait4(2 * poll)
		d.busy.Store("second", true)
		d.write("second", video, "v")
		wait4(poll)
		require.Equal(t, []recording.State{recording.Started}, d.queue.states(), "its machine may be taken away at any moment")
		assert.Equal(t, "second", d.queue.last().Session)
		assert.Equal(t, 2, d.spool.Load().Recordings)
	})
}
