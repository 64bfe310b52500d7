package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHAProxyAcceptsEveryContender(t *testing.T) {
	for i, c := range contenders {
		t.Run(string(c), func(t *testing.T) {
			text, err := Setting{Contender: c, Index: i, Threads: 2, Table: 1000}.render()
			require.NoError(t, err)
			state := filepath.Join(t.TempDir(), "state")
			require.NoError(t, os.WriteFile(state, []byte("1\n"), 0o600))
			check := exec.CommandContext(t.Context(), "haproxy", "-c", "-f", "/dev/stdin")
			check.Stdin = strings.NewReader(text)
			check.Env = []string{"ADMIN_SOCKET=" + filepath.Join(t.TempDir(), "socket"), "SERVER_STATE=" + state}
			out, err := check.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.NotContains(t, string(out), "WARNING")
		})
	}
}

func TestContendersDifferInRoutingAlone(t *testing.T) {
	texts := map[Contender]string{}
	for _, c := range contenders {
		text, err := Setting{Contender: c, Threads: 1, Table: 1000}.render()
		require.NoError(t, err)
		texts[c] = text
		for _, common := range []string{"nbthread 1\n", "option forwardfor\n", "set-header X-Forwarded-Proto https\n", "sc0_conn_rate(sources)", "peer slot-2 ", "agent-check"} {
			assert.Contains(t, text, common, c)
		}
		assert.NotContains(t, text, "accept-proxy", "%s: wrk does not speak it", c)
	}
	assert.Contains(t, texts[Ours], "txn.tenant")
	assert.Contains(t, texts[Usual], "stick on url_param(room)")
	assert.NotContains(t, texts[Usual], "X-Jitsi")
	assert.NotContains(t, texts[Plain], "\n    stick on")
}

func TestAMedianIsTheMiddleSample(t *testing.T) {
	of := Throughput{Samples: []Sample{{Rate: 5}, {Rate: 1}, {Rate: 3}}}
	median, least, most := of.middle(rate)
	assert.Equal(t, []float64{3, 1, 5}, []float64{median, least, most})
}
