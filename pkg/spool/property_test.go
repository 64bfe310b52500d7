package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// TestNothingIsDeletedThatS3AndTheQueueHaveNotBothConfirmed plays random days on a disk: recordings begin and end,
// finalize scripts are killed, agents are killed and started again, uploads and announcements fail one time in three.
// rapid cannot run in a synctest bubble, so that the seed is in the test's name.
func TestNothingIsDeletedThatS3AndTheQueueHaveNotBothConfirmed(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playDay(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func playDay(t *testing.T, dice *rand.Rand) {
	d := newDisk(t)
	d.bucket.fail, d.queue.fail = oneInThree(dice.Uint64()), oneInThree(dice.Uint64())
	d.start()
	written := map[string]string{} // session/file: content
	for n := range 12 {
		session := fmt.Sprintf("s%d", n)
		file := fmt.Sprintf("room_2026-11-22-09-03-%02d.mp4", n)
		content := fmt.Sprintf("recording %d", n)
		d.busy.Store(session, true)
		d.write(session, file, content[:3])
		wait4(time.Duration(dice.IntN(5)) * poll)
		d.write(session, file, content)
		written[filepath.Join(session, file)] = content
		switch dice.IntN(4) {
		case 0: // the finalize script is killed
		case 1:
			d.write(session, recording.MetadataFile, meeting)
			fallthrough
		default:
			d.finalize(session)
		}
		d.busy.Store(session, false)
		if dice.IntN(3) == 0 {
			d.stop()
			d.start()
		}
		d.mustHave(written)
	}
	for range 40 {
		wait4(quiet / 4)
		d.mustHave(written)
	}
	d.stop()
	assert.Empty(t, d.left(), "all is in S3 in the end")
	uploaded := map[string]bool{}
	for _, r := range d.queue.sent {
		if r.State == recording.Uploaded {
			uploaded[r.ID] = true
		}
	}
	assert.Len(t, uploaded, 12)
}

// mustHave asserts that each file is on the disk, or in S3 with the queue knowing of it.
func (d *disk) mustHave(written map[string]string) {
	d.t.Helper()
	synctest.Wait()
	known := map[string]bool{}
	d.queue.mu.Lock()
	for _, r := range d.queue.sent {
		if r.State == recording.Uploaded {
			known[r.Session] = true
		}
	}
	d.queue.mu.Unlock()
	for path, content := range written {
		raw, err := os.ReadFile(filepath.Join(d.folder, path))
		if err == nil {
			require.Equal(d.t, content, string(raw))
			continue
		}
		require.True(d.t, known[filepath.Dir(path)], "%s is deleted and the queue does not know", path)
		require.Equal(d.t, content, d.object(filepath.Base(path)), "%s is deleted and not in S3", path)
	}
}

// oneInThree fails one call in three, whoever calls.
func oneInThree(seed uint64) func(int) error {
	dice := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	return func(int) error {
		mu.Lock()
		defer mu.Unlock()
		if dice.IntN(3) == 0 {
			return errors.New("one in three")
		}
		return nil
	}
}
