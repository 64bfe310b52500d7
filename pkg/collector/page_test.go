package collector

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the fields into assets/collector/README.md anew")

const (
	page       = "../../assets/collector/README.md"
	tableBegin = "| field | type | meaning |\n|---|---|---|\n"
)

// table is the reference of all fields but the metrics', which have a page of their own.
func table() string {
	var text strings.Builder
	text.WriteString(tableBegin)
	for _, f := range Fields() {
		if !strings.HasPrefix(f.Path, "jitsi.metrics.") {
			fmt.Fprintf(&text, "| `%s` | %s | %s |\n", f.Path, f.Type, f.Meaning)
		}
	}
	return text.String()
}

func TestThePageHasEveryField(t *testing.T) {
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), tableBegin)
	require.True(t, found)
	_, after, found := strings.Cut(rest, "\n\n")
	require.True(t, found)
	want := before + table() + "\n" + after
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
	}
	assert.Equal(t, want, string(raw), "go test ./pkg/collector -run Page -update mends it")
}
