package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestMemoryOutlivesTheAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	want := Memory{
		Intent: Intent{Instance: "i-1", Admitted: true, Drained: true},
		Fences: map[string]uint64{"bridges": 1 << 63, "lifecycle": 2}, ShardState: fleet.ShardReady,
	}
	require.NoError(t, Memory{}.save(path))
	require.NoError(t, want.save(path))
	got, err := recall(path, "i-1")
	require.NoError(t, err)
	assert.Equal(t, want, got)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "no temporary file stays behind")
}

func TestMemoryOfAnotherInstanceIsVoid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	image := Memory{
		Intent: Intent{Instance: "i-image", Admitted: true}, Fences: map[string]uint64{"bridges": 7}, ShardState: fleet.ShardReady,
	}
	require.NoError(t, image.save(path))
	got, err := recall(path, "i-1")
	require.NoError(t, err)
	assert.Equal(t, Memory{Intent: Intent{Instance: "i-1"}}, got)
}

func TestNoStateFileIsAFreshNode(t *testing.T) {
	got, err := recall(filepath.Join(t.TempDir(), "state.json"), "i-1")
	require.NoError(t, err)
	assert.Equal(t, Memory{Intent: Intent{Instance: "i-1"}}, got)
}

func TestStateFileThatCannotBeUnderstoodIsNotGuessed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"instance": "i-1", "adm`), 0o600))
	_, err := recall(path, "i-1")
	require.ErrorContains(t, err, "cannot be understood")
}

func TestMemoryThatCannotBeWrittenIsAnError(t *testing.T) {
	require.ErrorContains(t, Memory{}.save(filepath.Join(t.TempDir(), "absent", "state.json")), "cannot be remembered")
}
