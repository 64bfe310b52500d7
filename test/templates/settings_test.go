//go:build !race

package templates

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each case is a fleet with one mistake and the path that must be named.
var mistakes = map[string]struct {
	change func(fleet map[string]any)
	path   string
}{
	"an unknown key":              {func(f map[string]any) { f["shrads"] = 1 }, "fleet.shrads"},
	"a minimum above the maximum": {func(f map[string]any) { f["bridges"] = map[string]any{"min": 30, "max": 20} }, "fleet.bridges.m"},
	"an unreachable target":       {func(f map[string]any) { f["bridges"] = map[string]any{"target": 0.9} }, "fleet.bridges.target"},
	"a grace shorter than a boot": {func(f map[string]any) {
		f["bridges"] = map[string]any{"bootTime": "10m", "admissionGrace": "5m"}
	}, "fleet.bridges.admissionGrace"},
	"free recorders where there are none": {func(f map[string]any) { f["jibris"] = map[string]any{"max": 0} }, "fleet.jibris.free"},
	"recordings that expire before they are cheaper": {func(f map[string]any) {
		f["recordings"] = map[string]any{"cheaperAfterDays": 60, "expireAfterDays": 60}
	}, "fleet.recordings.expireAfterDays"},
	"two shards of one name": {func(f map[string]any) {
		f["shards"] = []any{map[string]any{"name": "a", "id": 1}, map[string]any{"name": "a", "id": 2}}
	}, "fleet.shards[1].name"},
	"an invalid name":                {func(f map[string]any) { f["fleet"] = "Jitsi!" }, "fleet.fleet"},
	"a VPC that clashes with a peer": {func(f map[string]any) { f["network"] = map[string]any{"peers": []any{"10.64.8.0/24"}} }, "fleet.network.peers[0]"},
	"a drain limit longer than a lifecycle hook can hold": {func(f map[string]any) {
		f["bridges"] = map[string]any{"hookTimeout": "1m", "drainLimit": "6h"}
	}, "fleet.bridges.drainLimit"},
}

func TestAMistakeInTheSettingsIsNamedAndNothingIsSynthesized(t *testing.T) {
	context, err := cdkContext()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "cdk")
	out, err := exec.Command("go", "build", "-o", program, "../../cdk").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			var fleet map[string]any
			raw, err := json.Marshal(context["fleet"])
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, &fleet))
			mistake.change(fleet)
			folder := t.TempDir()
			message, err := runApp(program, folder, map[string]any{"fleet": fleet})
			assert.Error(t, err)
			assert.Contains(t, message, mistake.path)
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Empty(t, left, "nothing is synthesized")
		})
	}
	t.Run("two mistakes in a file that an option names", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "other.json")
		require.NoError(t, os.WriteFile(file, []byte(`{"fleet": "X", "domain": "?"}`), 0o600))
		message, err := runApp(program, t.TempDir(), map[string]any{"fleet": context["fleet"], "settings": file})
		assert.Error(t, err)
		assert.Contains(t, message, "fleet.fleet")
		assert.Contains(t, message, "fleet.domain")
	})
}

// runApp runs the CDK app as the CLI does.
func runApp(program, folder string, context map[string]any) (string, error) {
	raw, err := json.Marshal(context)
	if err != nil {
		return "", err
	}
	app := exec.Command(program)
	app.Env = append(os.Environ(), "CDK_CONTEXT_JSON="+string(raw), "CDK_OUTDIR="+folder)
	out, err := app.CombinedOutput()
	return string(out), err
}
