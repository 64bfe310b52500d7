package elastic

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestASpillIsAQueueThatForgetsItsOldest(t *testing.T) {
	root, folders := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		folders++
		folder := filepath.Join(root, strconv.Itoa(folders))
		const limit = 2000
		spill, err := OpenSpill(folder, limit)
		require.NoError(t, err)
		var model [][]string // the ids of each batch that should wait
		number, added, gone := 0, 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				var ids []string
				for range rapid.IntRange(1, 8).Draw(t, "documents") {
					number++
					ids = append(ids, strconv.Itoa(number))
				}
				dropped, err := spill.Add(some(ids...))
				require.NoError(t, err)
				added, gone, model = added+len(ids), gone+dropped, append(model, ids)
				for dropped > 0 {
					dropped, model = dropped-len(model[0]), model[1:]
				}
				require.Zero(t, dropped, "whole batches are dropped")
			},
			"take the oldest": func(t *rapid.T) {
				documents, lost, err := spill.Oldest()
				require.NoError(t, err)
				require.Zero(t, lost)
				if len(model) == 0 {
					require.Empty(t, documents)
					return
				}
				require.Equal(t, model[0], idsIn(documents))
				require.JSONEq(t, `{"a": 1}`, string(documents[0].Body))
				require.NoError(t, spill.Forget())
				gone, model = gone+len(model[0]), model[1:]
			},
			"restart": func(t *rapid.T) {
				spill, err = OpenSpill(folder, limit)
				require.NoError(t, err)
			},
			"": func(t *rapid.T) {
				documents, bytes := spill.Waiting()
				require.Len(t, slices.Concat(model...), documents)
				require.LessOrEqual(t, bytes, int64(limit))
				require.Equal(t, added, documents+gone, "every document is waiting, taken or counted as dropped")
			},
		})
	})
}

func TestWhatIsNoWholeBatchIsPassedOver(t *testing.T) {
	folder := t.TempDir()
	spill, err := OpenSpill(folder, 1<<20)
	require.NoError(t, err)
	_, err = spill.Add(some("a", "b", "c"))
	require.NoError(t, err)
	path := filepath.Join(folder, fileName(0, 3))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw[:len(raw)-10], 0o600), "the disk has lost the end of the last document")
	require.NoError(t, os.WriteFile(filepath.Join(folder, fileName(7, 1)+partial), raw, 0o600), "the machine stopped while it wrote")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "README"), nil, 0o600), "somebody else's")
	spill, err = OpenSpill(folder, 1<<20)
	require.NoError(t, err)
	documents, lost, err := spill.Oldest()
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, idsIn(documents))
	assert.Equal(t, 1, lost)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "the part of a file is removed, what is not ours stays")
}

func TestADiskThatTakesNothingIsTold(t *testing.T) {
	folder := t.TempDir()
	spill, err := OpenSpill(folder, 1<<20)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(folder))
	dropped, err := spill.Add(some("a", "b"))
	require.ErrorContains(t, err, "documents cannot be kept")
	assert.Equal(t, 2, dropped)
	waiting, _ := spill.Waiting()
	assert.Zero(t, waiting)
}

func TestABatchLargerThanTheLimitIsDropped(t *testing.T) {
	spill, err := OpenSpill(t.TempDir(), 100)
	require.NoError(t, err)
	_, err = spill.Add(some("a"))
	require.NoError(t, err)
	dropped, err := spill.Add([]Document{{ID: "b", Body: json.RawMessage(`{"a":"` + fmt.Sprintf("%0100d", 0) + `"}`)}})
	require.ErrorContains(t, err, "100 is the limit")
	assert.Equal(t, 1, dropped)
	waiting, _ := spill.Waiting()
	assert.Equal(t, 1, waiting, "nothing made room for what does not fit")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"a","body":{"a":1}}` + "\n"))
	f.Add([]byte("\n{}\n{\"id\":\"a\",\"body\":[]}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, d := range parse(raw) {
			if _, err := lines([]Document{d}); err != nil {
				t.Fatalf("what was read cannot be sent: %v", err)
			}
		}
	})
}
