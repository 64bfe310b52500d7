package refusals

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// app is the CDK app, built once.
var app string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "refusals")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	app = filepath.Join(dir, "cdk")
	if out, err := exec.Command("go", "build", "-o", app, "../../cdk").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the CDK app is not built: %v: %s\n", err, out)
		return 1
	}
	return m.Run()
}

// synth runs the app in the repository's folder as the CDK CLI does, with a context, and returns its exit status,
// what it said and the names of what it synthesized.
func synth(t *testing.T, context string) (status int, said string, made []string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cdk.out")
	command := exec.CommandContext(t.Context(), app)
	command.Dir = filepath.Join("..", "..")
	command.Env = append(os.Environ(), "CDK_CONTEXT_JSON="+context, "CDK_OUTDIR="+out, "TMPDIR="+t.TempDir())
	text, err := command.CombinedOutput()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), "%s", text)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	for _, e := range entries {
		made = append(made, e.Name())
	}
	return command.ProcessState.ExitCode(), string(text), made
}

// fleet is settings that are right, as the CDK's context, with some members replaced; nil takes one out.
func fleet(t *testing.T, replaced map[string]any) string {
	t.Helper()
	members := map[string]any{
		"fleet": "jitsi", "domain": "meet.example.org", "hostedZone": map[string]any{"id": "Z0EXAMPLE", "name": "example.org"},
		"shards": []any{map[string]any{"name": "one", "id": 1}, map[string]any{"name": "two", "id": 2}},
	}
	for name, value := range replaced {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	raw, err := json.Marshal(map[string]any{"fleet": members})
	require.NoError(t, err)
	return string(raw)
}

// problem is what a line about one wrong setting has in it: where it is, what it is and what to write.
type problem struct{ path, value, mend string }

// refused holds that settings are refused, each problem on a line of its own, and nothing is synthesized.
func refused(t *testing.T, context string, problems ...problem) {
	t.Helper()
	status, said, made := synth(t, context)
	assert.Equal(t, 1, status)
	assert.Empty(t, made, "nothing is synthesized")
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, p := range problems {
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(line, p.path+" ") && strings.Contains(line, p.value) && strings.Contains(line, p.mend)
		}
		assert.True(t, found, "no line names %q, %q and %q in:\n%s", p.path, p.value, p.mend, said)
	}
	about := 0
	for _, line := range lines {
		if strings.Contains(line, "fleet.") || strings.Contains(line, "fleet:") {
			about++
		}
	}
	assert.Equal(t, len(problems), about, "one line for each problem, and no other:\n%s", said)
}

type object = map[string]any

func TestEachKindOfWrongSettingIsRefused(t *testing.T) {
	shards := func(list ...any) object { return object{"shards": list} }
	for name, c := range map[string]struct {
		replaced object
		problem  problem
	}{
		"an unknown key":                        {object{"bridgs": object{"min": 3}}, problem{"fleet.bridgs", "min", `did you mean "bridges"`}},
		"an unknown key inside":                 {object{"bridges": object{"mini": 3}}, problem{"fleet.bridges.mini", "3", `did you mean "min"`}},
		"a minimum above the maximum":           {object{"bridges": object{"min": 7, "max": 5}}, problem{"fleet.bridges.min", "7", "5"}},
		"a shard's minimum above its maximum":   {shards(object{"name": "one", "id": 1, "minBridges": 9, "maxBridges": 4}), problem{"fleet.shards[0].minBridges", "9", "write at most 4"}},
		"thresholds that overlap":               {object{"bridges": object{"slack": 0.05, "target": 0.1}}, problem{"fleet.bridges.slack", "0.05", "shrink and grow the group"}},
		"a threshold that is never reached":     {object{"bridges": object{"target": 0.85}}, problem{"fleet.bridges.target", "0.85", "below 0.8"}},
		"thresholds that never let a bridge go": {object{"bridges": object{"spare": 4, "min": 2, "max": 5}}, problem{"fleet.bridges.spare", "4", "nothing is ever drained"}},
		"a grace shorter than a boot":           {object{"bridges": object{"bootTime": "5m", "admissionGrace": "4m"}}, problem{"fleet.bridges.admissionGrace", "4m", `write at least "5m"`}},
		"a name that is given twice":            {shards(object{"name": "one", "id": 1}, object{"name": "one", "id": 2}), problem{"fleet.shards[1].name", `"one"`, "fleet.shards[0].name"}},
		"an id that is given twice":             {shards(object{"name": "one", "id": 1}, object{"name": "two", "id": 1}), problem{"fleet.shards[1].id", "1", "fleet.shards[0].id"}},
		"a fleet's name that is none":           {object{"fleet": "Jitsi Fleet"}, problem{"fleet.fleet", "Jitsi Fleet", "lower-case"}},
		"a shard's name that is none":           {shards(object{"name": "-one", "id": 1}), problem{"fleet.shards[0].name", "-one", "lower-case letters"}},
		"a peer's CIDR that clashes":            {object{"network": object{"cidr": "10.0.0.0/16", "peers": []any{"10.0.8.0/24"}}}, problem{"fleet.network.peers[0]", "10.0.8.0/24", "apart from 10.0.0.0/16"}},
		"a CIDR that clashes with Docker's":     {object{"network": object{"cidr": "172.17.0.0/16"}}, problem{"fleet.network.cidr", "172.17.0.0/16", "apart from 172.17.0.0/16"}},
		"a recorder that is kept free in none":  {object{"jibris": object{"max": 0, "min": 0}}, problem{"fleet.jibris.free", "2", "nothing of recorders is deployed"}},
		"recorders of two architectures":        {object{"jibris": object{"instanceTypes": []any{"c7i.xlarge", "c7g.xlarge"}}}, problem{"fleet.jibris.instanceTypes[1]", "c7g.xlarge", "x86_64"}},
		"a disk that is mostly floor":           {object{"jibris": object{"volumeGiB": 40, "diskFloorGiB": 30}}, problem{"fleet.jibris.diskFloorGiB", "30", "from 1 to 20"}},
		"recordings that expire too early":      {object{"recordings": object{"expireAfterDays": 20}}, problem{"fleet.recordings.expireAfterDays", "20", "from 31"}},
		"a drain that no lifecycle hook holds":  {object{"bridges": object{"hookTimeout": "3m", "drainLimit": "6h"}}, problem{"fleet.bridges.drainLimit", "6h", "100 heartbeat timeouts"}},
		"a drain longer than two days":          {object{"bridges": object{"drainLimit": "49h"}}, problem{"fleet.bridges.drainLimit", "49h", "48h"}},
		"a type that is another":                {object{"bridges": object{"min": "two"}}, problem{"fleet.bridges.min", "two", "whole number"}},
		"a setting that is missing":             {object{"domain": nil}, problem{"fleet.domain", "is missing", "meet.example.org"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, fleet(t, c.replaced), c.problem) })
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	refused(t, fleet(t, object{
		"domian":  "meet.example.org",
		"fleet":   "x",
		"bridges": object{"min": 9, "max": 4, "target": 0.9, "bootTime": "20m"},
		"network": object{"cidr": "172.17.0.0/16"},
	}),
		problem{"fleet.domian", "meet.example.org", `did you mean "domain"`},
		problem{"fleet.fleet", `"x"`, "2 to 20"},
		problem{"fleet.bridges.min", "9", "4"},
		problem{"fleet.bridges.target", "0.9", "below 0.8"},
		problem{"fleet.bridges.admissionGrace", "10m", `write at least "20m"`},
		problem{"fleet.network.cidr", "172.17.0.0/16", "apart from 172.17.0.0/16"},
	)
}

func TestSettingsInAFileAreHeldToTheSameRules(t *testing.T) {
	var context struct{ Fleet json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(fleet(t, object{"bridges": object{"min": 7, "max": 5}})), &context))
	file := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(file, context.Fleet, 0o600))
	raw, err := json.Marshal(map[string]any{"settings": file, "fleet": json.RawMessage(`{"fleet": "unread"}`)})
	require.NoError(t, err)
	refused(t, string(raw), problem{"fleet.bridges.min", "7", "5"})
}

func TestWhatIsNoContextIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ context, says string }{
		"no context at all":         {"", "run this through the CDK CLI"},
		"a context that is no JSON": {"{", "the CDK context was not read"},
		"a context without a fleet": {"{}", `the context of cdk.json has no object "fleet"`},
		"a file that is not there":  {`{"settings": "/nowhere/fleet.json"}`, "settings were not read: open /nowhere/fleet.json"},
		"a fleet that is a list":    {`{"fleet": []}`, "fleet"},
	} {
		t.Run(name, func(t *testing.T) {
			status, said, made := synth(t, c.context)
			assert.Equal(t, 1, status)
			assert.Contains(t, said, c.says)
			assert.Empty(t, made)
		})
	}
}
