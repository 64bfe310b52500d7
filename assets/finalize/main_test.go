package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// finalize builds the program and runs it as Jibri does.
func finalize(t *testing.T, arguments ...string) (said string, took time.Duration, err error) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "finalize")
	built, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	command := exec.Command(program, arguments...)
	command.Env = []string{"JIBRI_INSTANCE_ID=i-1"}
	began := time.Now()
	raw, err := command.CombinedOutput()
	return string(raw), time.Since(began), err
}

func TestTheManifestTellsOfAWholeSession(t *testing.T) {
	for name, metadata := range map[string]string{
		"with metadata": `{"meeting_url": "https://meet.example.org/acme/weekly"}`, "without metadata": "",
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "abc_def")
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(folder, "weekly_2026-11-22-09-03-12.mp4"), []byte("video"), 0o600))
			tenant, files := "", 1
			if metadata != "" {
				tenant, files = "acme", 2
				require.NoError(t, os.WriteFile(filepath.Join(folder, recording.MetadataFile), []byte(metadata), 0o600))
			}
			said, took, err := finalize(t, folder)
			require.NoError(t, err, said)
			assert.Less(t, took, time.Second, "Jibri is busy as long")
			raw, err := os.ReadFile(filepath.Join(folder, recording.ManifestFile))
			require.NoError(t, err)
			r, err := recording.Parse(raw)
			require.NoError(t, err)
			assert.Equal(t, recording.Spooled, r.State)
			assert.Equal(t, "abc_def", r.Session)
			assert.Equal(t, "weekly", r.Room)
			assert.Equal(t, tenant, r.Tenant)
			assert.Len(t, r.Files, files)
			assert.Equal(t, "i-1", string(r.Instance))
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Len(t, left, files+1, "nothing temporary is left")
		})
	}
}

func TestWhatCannotBeFinalizedIsTold(t *testing.T) {
	empty := t.TempDir()
	for name, c := range map[string]struct {
		arguments []string
		told      string
	}{
		"no folder":                 {nil, "Usage"},
		"a folder that is not here": {[]string{filepath.Join(empty, "none")}, "finalize: no manifest is written"},
		"an empty folder":           {[]string{empty}, "there is no file"},
	} {
		t.Run(name, func(t *testing.T) {
			said, _, err := finalize(t, c.arguments...)
			require.Error(t, err)
			assert.Contains(t, said, c.told)
		})
	}
}
