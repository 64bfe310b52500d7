package assembly

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

const edge = `{"Resources": {
  "Https":  {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": {"Port": 443}},
  "Plain":  {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": {"Port": 80}},
  "Queue":  {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "<&>"}}
 }, "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}}}`

const plain = `{ "Resources" : { "Queue": {"Type": "AWS::SQS::Queue"} } }`

// assemblyOf is a folder as cdk synth leaves one, with a stack that is edited and one that is not.
func assemblyOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fleet-edge" + templateSuffix: edge, "fleet-control" + templateSuffix: plain,
		"manifest.json": `{"version": "1"}`, "asset.0/bootstrap": "an asset",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// contents are a folder's files by their paths in it.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(raw)
		return err
	}))
	return files
}

func TestEditingACopyLeavesTheOriginalAlone(t *testing.T) {
	from, to := assemblyOf(t), filepath.Join(t.TempDir(), "copy")
	before := contents(t, from)
	applied, err := Copy(from, to)
	require.NoError(t, err)
	assert.Equal(t, before, contents(t, from))

	after := contents(t, to)
	assert.Equal(t, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)), "every file is in the copy")
	for name := range before {
		if name != "fleet-edge"+templateSuffix {
			assert.Equal(t, before[name], after[name], "%s is copied byte by byte", name)
		}
	}
	assert.JSONEq(t, `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "<&>"}}}, "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}}}`,
		after["fleet-edge"+templateSuffix])

	require.Len(t, applied, 2)
	assert.Equal(t, []string{"Https", "Plain"}, []string{applied[0].LogicalID, applied[1].LogicalID})
	assert.Equal(t, "fleet-edge: AWS::ElasticLoadBalancingV2::Listener Https is taken out: "+Edits[0].Reason, applied[0].String())
}

func TestACopyReplacesAnOlderOne(t *testing.T) {
	from, to := assemblyOf(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(to, "old"+templateSuffix), []byte("{}"), 0o600))
	_, err := Copy(from, to)
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(to, "old"+templateSuffix))
}

func TestATemplateThatIsNoJSONIsAnError(t *testing.T) {
	from := assemblyOf(t)
	require.NoError(t, os.WriteFile(filepath.Join(from, "bad"+templateSuffix), []byte("Resources:"), 0o600))
	_, err := Copy(from, filepath.Join(t.TempDir(), "copy"))
	assert.ErrorContains(t, err, "bad.template.json is not edited")
	_, err = Copy(filepath.Join(from, "missing"), filepath.Join(t.TempDir(), "copy"))
	assert.ErrorContains(t, err, "missing is not copied")
}

func TestEveryEntryOfTheListsSaysWhy(t *testing.T) {
	for _, e := range Edits {
		assert.NotEmpty(t, e.What, e.Type)
		assert.NotEmpty(t, e.Reason, e.Type)
	}
	for name, s := range PassedOver {
		assert.Contains(t, []How{Made, Emulated, NotNeeded}, s.How, name)
		assert.NotEmpty(t, s.Detail, name)
	}
}

// synthesize runs the CDK app on the sandbox's own settings, as the CDK CLI would, and returns the assembly.
func synthesize(t *testing.T) string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	fleet, err := os.ReadFile(filepath.Join(root, "test", "sandbox", "fleet.json"))
	require.NoError(t, err)
	parsed, err := settings.Parse(fleet)
	require.NoError(t, err)
	require.NotEmpty(t, parsed.Alerts.Email, "the sandbox's settings have every kind of resource")
	var context bytes.Buffer
	require.NoError(t, json.NewEncoder(&context).Encode(map[string]any{"fleet": json.RawMessage(fleet)}))
	out := t.TempDir()
	app := exec.CommandContext(t.Context(), "go", "run", "./cdk")
	app.Dir = root
	app.Env = append(os.Environ(), "CDK_CONTEXT_JSON="+context.String(), "CDK_OUTDIR="+out, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1")
	said, err := app.CombinedOutput()
	require.NoError(t, err, string(said))
	return out
}

// types counts the resources of an assembly's templates by type.
func types(t *testing.T, dir string) map[string]int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+templateSuffix))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	counts := map[string]int{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var template map[string]any
		require.NoError(t, json.Unmarshal(raw, &template))
		for _, kind := range typesOf(template) {
			counts[kind]++
		}
	}
	return counts
}

func TestTheEditsHideNothingThatIsNotListed(t *testing.T) {
	from, to := synthesize(t), filepath.Join(t.TempDir(), "copy")
	applied, err := Copy(from, to)
	require.NoError(t, err)
	before, after := types(t, from), types(t, to)
	for _, a := range applied {
		before[a.Edit.Type]--
		if before[a.Edit.Type] == 0 {
			delete(before, a.Edit.Type)
		}
	}
	assert.Equal(t, before, after, "what is not in the copy is a listed edit")
	var used []string
	for _, a := range applied {
		used = append(used, a.Edit.Type)
	}
	for _, e := range Edits {
		assert.Contains(t, used, e.Type, "no template needs this edit: take it out")
	}
	for name := range PassedOver {
		assert.Contains(t, before, name, "no template has this type: take it out of PassedOver")
	}
}
