package settings

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write README.md anew")

// The page is for people; this test keeps it the same as the code.
func TestThePageIsTheReference(t *testing.T) {
	const page = "README.md"
	want := "# Settings\n\nThe operator's settings, in `cdk.json` under `context.fleet` or in a file that `-c settings=FILE` names. " +
		"Made by `go test ./pkg/settings -run Page -update`.\n\n" + Reference()
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, want, string(have), "run go test ./pkg/settings -run Page -update")
}
