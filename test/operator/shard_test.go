package operator

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cli answers as the AWS CLI does to what scripts/shard asks. Files in $FLEET_STATE are the shards' parameters;
// "calls" is what changed something; "node" is the signal node in service.
const cli = `#!/usr/bin/env bash
set -eu
cd "$FLEET_STATE"
case "$1 $2" in
  'ssm get-parameter') cat "parameters/${4##*/}" ;;
  'ssm put-parameter')
    printf '%s %s\n' "$4" "$6" >> calls
    printf '%s' "$6" > "parameters/${4##*/}"
    ;;
  'ssm get-parameters-by-path') for p in parameters/*; do printf '%s\t%s\n' "$4${p##*/}" "$(cat "$p")"; done ;;
  'cloudwatch get-metric-statistics')
    if [ "$6" = ShardEmpty ] && [ ! -e asked ]; then
      touch asked
      echo 0.0
    elif [ "$6" = ShardEmpty ]; then
      echo 1.0
    elif [ "$6" = ShardDown ]; then
      echo 0.0
    else
      echo None
    fi
    ;;
  'autoscaling describe-auto-scaling-groups') printf '%s\t%s\n' "$(cat node)" InService ;;
  'autoscaling terminate-instance-in-auto-scaling-group')
    printf 'terminate %s %s\n' "$4" "$5" >> calls
    echo i-2 > node
    ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
`

// fleet is a folder with a fleet's state and the CLI that plays AWS.
type fleet struct {
	t      *testing.T
	folder string
}

func newFleet(t *testing.T) fleet {
	f := fleet{t, t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(f.folder, "parameters"), 0o700))
	f.write("parameters/shard-1", "ready")
	f.write("parameters/shard-2", "drain")
	f.write("node", "i-1\n")
	f.write("calls", "")
	f.write("aws", cli)
	require.NoError(t, os.Chmod(filepath.Join(f.folder, "aws"), 0o700))
	return f
}

func (f fleet) write(name, content string) {
	require.NoError(f.t, os.WriteFile(filepath.Join(f.folder, name), []byte(content), 0o600))
}

func (f fleet) read(name string) string {
	raw, err := os.ReadFile(filepath.Join(f.folder, name))
	require.NoError(f.t, err)
	return string(raw)
}

// shard runs the script as an operator would, who then types something.
func (f fleet) shard(typed string, arguments ...string) (output string, err error) {
	command := exec.Command(filepath.Join("..", "..", "scripts", "shard"), arguments...)
	command.Env = append(os.Environ(), "PATH="+f.folder+":"+os.Getenv("PATH"), "FLEET_STATE="+f.folder)
	command.Stdin = strings.NewReader(typed)
	raw, err := command.CombinedOutput()
	return string(raw), err
}

func TestShardsAreListedWithTheirStates(t *testing.T) {
	output, err := newFleet(t).shard("", "list")
	require.NoError(t, err, output)
	assert.Equal(t, "shard-1               ready\nshard-2               drain\n", output)
}

func TestAShardsStateIsWrittenToItsParameter(t *testing.T) {
	for _, state := range []string{"ready", "drain", "maintenance"} {
		f := newFleet(t)
		output, err := f.shard("y\n", "-f", "meet", state, "shard-2")
		require.NoError(t, err, output)
		assert.Equal(t, "/meet/shard/shard-2 "+state+"\n", f.read("calls"))
		assert.Contains(t, output, "shard-2: "+state+" (it was drain)")
	}
}

func TestNothingIsWrittenFor(t *testing.T) {
	for name, c := range map[string]struct {
		typed     string
		arguments []string
		told      string
	}{
		"a shard that is not there":        {"", []string{"drain", "shard-9"}, "there is no shard shard-9 in the fleet jitsi"},
		"maintenance without a yes":        {"\n", []string{"maintenance", "shard-1"}, "nothing further was done"},
		"a replacement without a yes":      {"n\n", []string{"replace", "shard-1"}, "nothing further was done"},
		"a command that is not known":      {"", []string{"remove", "shard-1"}, "unknown command remove"},
		"a state of no shard":              {"", []string{"ready"}, "takes the name of one shard"},
		"a replacement that is not there":  {"", []string{"-y", "replace", "shard-9"}, "there is no shard shard-9"},
		"a list of a shard":                {"", []string{"list", "shard-1"}, "list takes no name"},
		"nothing at all, which is no word": {"", nil, "Usage:"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			output, err := f.shard(c.typed, c.arguments...)
			require.Error(t, err)
			assert.Contains(t, output, c.told)
			assert.Empty(t, f.read("calls"))
		})
	}
}

func TestAReplacementDrainsWaitsEndsAndMakesReady(t *testing.T) {
	f := newFleet(t)
	output, err := f.shard(strings.Repeat("y\n", 3), "-w", "0.1", "replace", "shard-1")
	require.NoError(t, err, output)
	assert.Equal(t, "/jitsi/shard/shard-1 drain\nterminate i-1 --no-should-decrement-desired-capacity\n/jitsi/shard/shard-1 ready\n", f.read("calls"))
	assert.Contains(t, output, "waiting until shard-1 is empty. yes", "it looked more than once")
}

func TestAReplacementThatIsStoppedLeavesTheShardDraining(t *testing.T) {
	f := newFleet(t)
	_, err := f.shard("y\nn\n", "-w", "0.1", "replace", "shard-1")
	require.Error(t, err)
	assert.Equal(t, "/jitsi/shard/shard-1 drain\n", f.read("calls"))
}

func TestAShardIsShownWithItsNodeAndFigures(t *testing.T) {
	output, err := newFleet(t).shard("", "show", "shard-1")
	require.NoError(t, err, output)
	for _, line := range []string{"state              ready", "signal node        i-1 InService", "ShardDown          0.0"} {
		assert.Contains(t, output, line)
	}
}
