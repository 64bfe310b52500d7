package reconcile

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// slow is an archive each of whose parts takes its time to answer, and gives up when the caller's is over.
type slow struct {
	*archive
	head     time.Duration
	put      time.Duration            // of the catalogue
	announce map[string]time.Duration // by place
	hangs    map[string]bool          // keys for which S3 does not answer at all
	heads    map[string]int
}

func takes(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (s *slow) Head(ctx context.Context, key string) (recording.Object, error) {
	s.mu.Lock()
	s.heads[key]++
	d := s.head
	if s.hangs[key] {
		d = math.MaxInt64
	}
	s.mu.Unlock()
	if err := takes(ctx, d); err != nil {
		return recording.Object{}, err
	}
	return s.archive.Head(ctx, key)
}

func (s *slow) Get(ctx context.Context, id string) (recording.Entry, error) {
	if err := ctx.Err(); err != nil {
		return recording.Entry{}, err
	}
	return s.archive.Get(ctx, id)
}

func (s *slow) Put(ctx context.Context, e recording.Entry) (bool, error) {
	if err := takes(ctx, s.put); err != nil {
		return false, err
	}
	return s.archive.Put(ctx, e)
}

// slowPlace takes an announcement after a while.
type slowPlace struct {
	place
	s *slow
}

func (p slowPlace) Announce(ctx context.Context, kind string, detail any) error {
	if err := takes(ctx, p.s.announce[p.name]); err != nil {
		return err
	}
	return p.place.Announce(ctx, kind, detail)
}

func newSlow() *slow {
	s := &slow{archive: newArchive(), announce: map[string]time.Duration{}, hangs: map[string]bool{}, heads: map[string]int{}}
	s.now = time.Now()
	return s
}

func (s *slow) loop() Recordings {
	r := s.archive.loop()
	r.Catalogue, r.Objects, r.Now, r.AtOnce = s, s, time.Now, 8
	r.Topic, r.Bus = slowPlace{place{s.archive, "topic"}, s}, slowPlace{place{s.archive, "bus"}, s}
	return r
}

// uploaded is n recordings that are in S3 and whose last messages were lost.
func (s *slow) uploaded(t *testing.T, n int) []recording.Recording {
	t.Helper()
	last := make([]recording.Recording, n)
	for i := range last {
		reports := life(fmt.Sprintf("s-%d", i))
		s.archive.receive(t, reports[:3]...)
		s.upload(reports[3])
		last[i] = reports[3]
	}
	return last
}

// run gives something the time of a Lambda's run, and says whether it kept to it.
func run(t *testing.T, do func(context.Context)) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	do(ctx)
	assert.Less(t, time.Since(began), 50*time.Second, "a run that is ended from outside publishes nothing")
}

func TestASweepAttendsToManyRecordingsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		s.uploaded(t, 80)
		s.head = time.Second
		run(t, func(ctx context.Context) {
			_, err := s.loop().Sweep(ctx)
			require.NoError(t, err)
		})
		assert.Len(t, s.states("bus"), 80, "one after the other they would take 160 s")
	})
}

func TestRecordingsForWhichS3DoesNotAnswerKeepNoneFromBeingFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		all := s.uploaded(t, 60)
		for _, r := range all[:30] {
			s.hangs[r.Files[0].Key] = true
		}
		for range 30 {
			run(t, func(ctx context.Context) {
				record, err := s.loop().Sweep(ctx)
				require.NoError(t, err, "what is left to the next run is no failure")
				require.NotNil(t, record)
			})
			time.Sleep(10 * time.Second) // until the next minute
		}
		assert.Len(t, s.states("bus"), 30, "all that S3 answers for")
		for _, r := range all {
			assert.Positive(t, s.heads[r.Files[0].Key], "%s was never looked at", r.Session)
		}
	})
}

func TestWhatIsAnnouncedIsNotedBeforeTheRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		last := s.uploaded(t, 10)
		messages := make([]Announcement, len(last))
		for i, r := range last {
			messages[i] = message(r)
		}
		s.announce["bus"] = time.Hour // the topic takes all, and the bus nothing until the run's time is over
		run(t, func(ctx context.Context) {
			_, again, err := s.loop().Receive(ctx, messages)
			require.Error(t, err)
			assert.Len(t, again, 10)
		})
		assert.Len(t, s.states("topic"), 8, "as many as are attended to at once")
		s.announce["bus"], s.head = 0, 15*time.Second
		run(t, func(ctx context.Context) {
			_, again, err := s.loop().Receive(ctx, messages)
			require.NoError(t, err)
			assert.Empty(t, again)
		})
		for _, where := range []string{"topic", "bus"} {
			times := map[string]int{}
			for _, r := range s.told[where] {
				times[r.ID]++
			}
			assert.Len(t, times, 10, where)
			assert.Len(t, s.told[where], 10, "%s: none is told twice", where)
		}
	})
}

func TestASlowCatalogueTakesTheNoteOfWhatWasAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		last := s.uploaded(t, 1)[0]
		s.put = 3 * time.Second
		for range 2 {
			run(t, func(ctx context.Context) {
				_, again, err := s.loop().Receive(ctx, []Announcement{message(last)})
				require.NoError(t, err)
				assert.Empty(t, again)
			})
		}
		assert.Len(t, s.told["topic"], 1, "a run that has time left writes down what it told")
	})
}

func TestARunWithLittleTimeLeftLeavesTheRestToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow()
		last := s.uploaded(t, 1)[0]
		before := s.entries[last.ID]
		hasty, cancel := context.WithTimeout(t.Context(), reserve-time.Second)
		defer cancel()
		_, again, err := s.loop().Receive(hasty, []Announcement{message(last)})
		require.ErrorContains(t, err, "left to another run")
		assert.Equal(t, []string{message(last).Message}, again, "it is delivered again")
		record, err := s.loop().Sweep(hasty)
		require.NoError(t, err)
		assert.Equal(t, before, s.entries[last.ID])
		published := metricsOf(t, record)
		assert.EqualValues(t, 1, published[telemetry.RecordingsOpen.Name])
		assert.NotContains(t, published, telemetry.RecordingsLate.Name, "it was not looked at: nobody knows")

		// With time for the entry, and then none for its announcement.
		s.head = time.Second
		short, cancel := context.WithTimeout(t.Context(), reserve+time.Second)
		defer cancel()
		_, again, err = s.loop().Receive(short, []Announcement{message(last)})
		require.ErrorContains(t, err, "left to another run")
		assert.Len(t, again, 1)
		assert.Empty(t, s.states("bus"))
		assert.Zero(t, s.entries[last.ID].Claimed, "nobody has to wait for the end of this run")
		_, err = s.loop().Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []recording.State{recording.Catalogued}, s.states("bus"))
	})
}

func TestRunsThatLookAtAShareOfTheRecordingsLookAtAllInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := make([]string, rapid.IntRange(1, 300).Draw(t, "entries"))
		for i := range ids {
			ids[i] = strconv.Itoa(i)
		}
		share := rapid.IntRange(1, len(ids)).Draw(t, "a run's")
		r := newArchive().loop()
		at := nine.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(t, "minute")) * time.Minute)
		r.Now = func() time.Time { return at }
		seen := map[string]bool{}
		for range 3*len(ids)/share + 1 {
			order := r.turned(ids)
			assert.ElementsMatch(t, ids, order)
			for _, id := range order[:share] {
				seen[id] = true
			}
			at = at.Add(time.Minute)
		}
		assert.Len(t, seen, len(ids))
	})
	assert.Empty(t, newArchive().loop().turned(nil))
}

func TestManyMessagesOfOneRecordingInABatchAreTakenInTogether(t *testing.T) {
	a := newArchive()
	var messages []Announcement
	for range 3 {
		for _, r := range life("abc") {
			a.upload(r)
			messages = append(messages, message(r))
		}
	}
	r := a.loop()
	r.AtOnce = 8
	_, again, err := r.Receive(t.Context(), messages)
	require.NoError(t, err)
	assert.Empty(t, again)
	assert.Zero(t, a.conflicts, "they would only wait for each other")
	assert.Equal(t, []recording.State{recording.Catalogued}, a.states("topic"))
}
