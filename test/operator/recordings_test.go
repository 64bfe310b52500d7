package operator

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recordings runs scripts/recordings where the AWS CLI and Go are programs that say what they were asked.
func recordings(t *testing.T, cli string, arguments ...string) (output string, err error) {
	t.Helper()
	folder := t.TempDir()
	for name, body := range map[string]string{"aws": cli, "go": "#!/usr/bin/env bash\necho \"go $*\"\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(body), 0o700))
	}
	command := exec.Command(filepath.Join("..", "..", "scripts", "recordings"), arguments...)
	command.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	raw, err := command.CombinedOutput()
	return string(raw), err
}

const deployed = `#!/usr/bin/env bash
case "$1 $2 $4" in
  'lambda get-function-configuration jitsi-recordings' | 'lambda get-function-configuration meet-recordings') printf 'table\tbucket\n' ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
`

func TestRecordingsAreLookedForWhereTheFleetKeepsThem(t *testing.T) {
	for queue, arguments := range map[string][]string{"jitsi-recordings": {"list", "--since", "36h"}, "meet-recordings": {"-f", "meet", "list", "--since", "36h"}} {
		output, err := recordings(t, deployed, arguments...)
		require.NoError(t, err, output)
		assert.Equal(t, "go run ./scripts/catalogue -table table -bucket bucket -queue "+queue+" list --since 36h\n", output)
	}
}

func TestNoRecordingIsLookedForWith(t *testing.T) {
	refusing := "#!/usr/bin/env bash\nexit 254\n"
	for name, c := range map[string]struct {
		cli       string
		arguments []string
		told      string
	}{
		"no command":                    {deployed, nil, "Usage:"},
		"a command that is not known":   {deployed, []string{"delete", "x"}, "unknown command delete"},
		"an option that is not known":   {deployed, []string{"-x", "list"}, "Usage:"},
		"a fleet that is not deployed":  {refusing, []string{"list"}, "the fleet jitsi has no Lambda recordings"},
		"a fleet that has another name": {deployed, []string{"-f", "other", "list"}, "the fleet other has no Lambda recordings"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := recordings(t, c.cli, c.arguments...)
			require.Error(t, err)
			assert.Contains(t, output, c.told)
			assert.NotContains(t, output, "go run")
		})
	}
}
