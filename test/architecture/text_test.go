package architecture

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// emulators are names that only scripts and tests may know.
	emulators = regexp.MustCompile(`(?i)\b(moto|moto_server|localstack|emulator|emulated)\b`)
	// registries are hosts that a machine's own configuration chooses.
	registries = regexp.MustCompile(`(?i)(registry\.npmjs\.org|registry\.yarnpkg\.com|pypi\.org|pythonhosted\.org|(proxy|sum)\.golang\.org|goproxy\.io|deb\.debian\.org)`)
)

func TestMentions(t *testing.T) {
	assert.Equal(t, []string{"x:2: Moto: no"}, Mentions("x", "a motor\nis Moto's\n", emulators, "no"))
	assert.Equal(t, []string{"x:1: proxy.golang.org: no"}, Mentions("x", "GOPROXY=https://proxy.golang.org\n", registries, "no"))
	assert.Empty(t, Mentions("x", "golang.org/x/sync v0.22.0", registries, "no"))
}

// eachText reads every committed text of the project.
func eachText(t *testing.T, visit func(path, text string)) {
	t.Helper()
	seen := 0
	require.NoError(t, Texts(root, func(path string) error {
		text, err := os.ReadFile(filepath.Join(root, path))
		seen++
		visit(path, string(text))
		return err
	}))
	require.Greater(t, seen, 100, "the tree is not the whole project")
}

func TestWhatIsDeployedKnowsNothingOfEmulators(t *testing.T) {
	deployed := regexp.MustCompile(`^(assets|cdk|lambdas|pkg)/`)
	eachText(t, func(path, text string) {
		if deployed.MatchString(path) {
			assert.Empty(t, Mentions(path, text, emulators, "only scripts and tests know of emulators"))
		}
	})
}

func TestNoFileNamesARegistry(t *testing.T) {
	eachText(t, func(path, text string) {
		if path != "test/architecture/text_test.go" {
			assert.Empty(t, Mentions(path, text, registries, "a machine's own configuration chooses its registries"))
		}
	})
}

func TestTheTopLevelIsDesigns(t *testing.T) {
	known := regexp.MustCompile(`^(\.[a-z].*|CHANGELOG\.md|LICENSE|README\.md|(assets|cdk|lambdas|pkg|scripts|test)/.*|cdk\.json|go\.(mod|sum)|package(-lock)?\.json)$`)
	require.NoError(t, Texts(root, func(path string) error {
		assert.Regexp(t, known, path, "DESIGN.md fixes the top level")
		return nil
	}))
}

func TestEveryScriptSaysItsUse(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(root, "scripts", "*"))
	require.NoError(t, err)
	for _, script := range scripts {
		if info, err := os.Stat(script); err != nil || !info.Mode().IsRegular() {
			continue
		}
		name := filepath.Base(script)
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			help := exec.CommandContext(ctx, "./scripts/"+name, "-h")
			help.Dir = root
			said, err := help.Output()
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(string(said), "Usage: scripts/"+name), "%s -h says %q", name, said)
		})
	}
}
