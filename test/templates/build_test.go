//go:build !race

package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What ./scripts/build reads.
var sources = []string{"go.mod", "go.sum", "assets", "lambdas", "pkg", "scripts"}

// buildIn copies the sources to a folder, builds them there, and returns each built file's digest.
func buildIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o750))
	for _, s := range sources {
		out, err := exec.Command("cp", "-r", filepath.Join("..", "..", s), folder).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	out, err := exec.Command(filepath.Join(folder, "scripts", "build"), "arm64").CombinedOutput()
	require.NoError(t, err, string(out))
	digests := map[string]string{}
	built := filepath.Join(folder, "build")
	require.NoError(t, filepath.WalkDir(built, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		sum := sha256.Sum256(content)
		name, _ := filepath.Rel(built, path)
		digests[name] = hex.EncodeToString(sum[:])
		return err
	}))
	return digests
}

func TestTwoCheckoutsBuildTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("builds every program twice")
	}
	one := buildIn(t, filepath.Join(t.TempDir(), "here"))
	other := buildIn(t, filepath.Join(t.TempDir(), "somewhere", "quite", "else"))
	assert.Equal(t, one, other)
	for _, name := range []string{"lambda/arm64/metrics/bootstrap", "lambda/arm64/bridges/bootstrap", "lambda/arm64/lifecycle/bootstrap", "boot/arm64/agent", "boot/arm64/bridge.sh"} {
		assert.Contains(t, one, name)
	}
}
