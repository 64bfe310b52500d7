package elastic

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cluster is a server that does as it is told, and remembers what it has.
type cluster struct {
	has      map[string]int
	bulks    int
	prepares int
	// next tells how to fail the coming requests, oldest first; nil is success.
	next []func(documents []Document) (Outcome, error)
}

func (c *cluster) Prepare(context.Context) error {
	c.prepares++
	return nil
}

func (c *cluster) Bulk(_ context.Context, documents []Document) (Outcome, error) {
	c.bulks++
	var fail func([]Document) (Outcome, error)
	if len(c.next) > 0 {
		fail, c.next = c.next[0], c.next[1:]
	}
	if fail != nil {
		return fail(documents)
	}
	for _, d := range documents {
		c.has[d.ID]++
	}
	return Outcome{Kept: len(documents)}, nil
}

func answer(status int) func([]Document) (Outcome, error) {
	return func(documents []Document) (Outcome, error) {
		return Outcome{Again: documents}, &Failure{Status: status, Said: "because"}
	}
}

func unreachable(documents []Document) (Outcome, error) {
	return Outcome{Again: documents}, errors.New("connection refused")
}

func busyForTheLast(documents []Document) (Outcome, error) {
	last := len(documents) - 1
	return Outcome{Again: documents[last:], Kept: last, Why: "status 429"}, nil
}

func newSink(t *testing.T, c *cluster) *Sink {
	t.Helper()
	c.has = map[string]int{}
	spill, err := OpenSpill(t.TempDir(), 1<<20)
	require.NoError(t, err)
	return NewSink(c, spill)
}

func TestPutTriesAgainWhatMayPass(t *testing.T) {
	for name, c := range map[string]struct {
		next    []func([]Document) (Outcome, error)
		bulks   int
		took    time.Duration
		waiting int
	}{
		"success at once":                                     {nil, 1, 0, 0},
		"a server that is busy once":                          {[]func([]Document) (Outcome, error){answer(429)}, 2, 500 * time.Millisecond, 0},
		"one document that is not taken at first":             {[]func([]Document) (Outcome, error){busyForTheLast}, 2, 500 * time.Millisecond, 0},
		"a server that comes back at the last try":            {[]func([]Document) (Outcome, error){unreachable, answer(503), answer(500)}, 4, 3500 * time.Millisecond, 0},
		"a server that stays away":                            {[]func([]Document) (Outcome, error){unreachable, unreachable, unreachable, unreachable}, 4, 3500 * time.Millisecond, 2},
		"a refused login is not tried again, and not dropped": {[]func([]Document) (Outcome, error){answer(401)}, 1, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &cluster{next: c.next}
				sink := newSink(t, server)
				began := time.Now()
				err := sink.Put(t.Context(), some("a", "b"))
				assert.Equal(t, c.waiting > 0, err != nil, err)
				assert.Equal(t, c.took, time.Since(began))
				assert.Equal(t, c.bulks, server.bulks)
				waiting, _ := sink.Waiting()
				assert.Equal(t, c.waiting, waiting)
				assert.Zero(t, sink.Counts().Dropped)
			})
		})
	}
}

func TestPutCatchesUpOldestFirstAfterTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &cluster{next: []func([]Document) (Outcome, error){answer(401), answer(401)}}
		sink := newSink(t, server)
		require.Error(t, sink.Put(t.Context(), some("a")))
		require.Error(t, sink.Put(t.Context(), some("b")))
		var order []string
		remember := func(documents []Document) (Outcome, error) {
			order = append(order, idsIn(documents)...)
			return Outcome{Kept: len(documents)}, nil
		}
		server.next = []func([]Document) (Outcome, error){remember, remember, remember}
		require.NoError(t, sink.Put(t.Context(), some("c")))
		assert.Equal(t, []string{"c", "a", "b"}, order)
		waiting, _ := sink.Waiting()
		assert.Zero(t, waiting)
		assert.Equal(t, 3, server.prepares, "the stream is made sure of anew after each failure")
	})
}

func TestAPartOfAnOldBatchThatIsNotTakenKeepsTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &cluster{next: []func([]Document) (Outcome, error){answer(401)}}
		sink := newSink(t, server)
		require.Error(t, sink.Put(t.Context(), some("a", "b")))
		server.next = []func([]Document) (Outcome, error){nil, busyForTheLast, busyForTheLast, answer(401)}
		require.Error(t, sink.Put(t.Context(), some("c")))
		waiting, _ := sink.Waiting()
		assert.Equal(t, 2, waiting)
		require.NoError(t, sink.Put(t.Context(), some("d")))
		waiting, _ = sink.Waiting()
		assert.Zero(t, waiting)
	})
}

func TestAStopDuringAPausePutsDocumentsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t, &cluster{next: []func([]Document) (Outcome, error){unreachable, unreachable}})
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, stop)
		require.Error(t, sink.Put(ctx, some("a")))
		waiting, _ := sink.Waiting()
		assert.Equal(t, 1, waiting)
	})
}

func TestRefusedDocumentsAreToldAndGivenUp(t *testing.T) {
	refuse := func(documents []Document) (Outcome, error) {
		return Outcome{Refused: len(documents), Why: "status 400, mapper"}, nil
	}
	sink := newSink(t, &cluster{next: []func([]Document) (Outcome, error){refuse}})
	require.EqualError(t, sink.Put(t.Context(), some("a", "b")), "2 documents are refused for good: status 400, mapper")
	assert.Equal(t, Counts{Refused: 2}, sink.Counts())
}

func TestDocumentsThatAreGivenUpAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &cluster{has: map[string]int{}, next: []func([]Document) (Outcome, error){answer(401), answer(401)}}
		folder := t.TempDir()
		spill, err := OpenSpill(folder, 60) // room for two small documents
		require.NoError(t, err)
		sink := NewSink(server, spill)
		require.Error(t, sink.Put(t.Context(), some("a")))
		require.Error(t, sink.Put(t.Context(), some("b", "c")))
		assert.Equal(t, Counts{Dropped: 1}, sink.Counts(), "the oldest made room")
		require.NoError(t, os.WriteFile(filepath.Join(folder, fileName(1, 2)), []byte(`{"id":"b","body":{"a":1}}`), 0o600))
		require.NoError(t, sink.Put(t.Context(), some("d")))
		assert.Equal(t, Counts{Kept: 2, Dropped: 2}, sink.Counts(), "the disk has lost c")
		assert.Equal(t, map[string]int{"b": 1, "d": 1}, server.has)
	})
}
