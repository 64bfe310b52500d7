package collector

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/collector"
)

const proxyConfiguration = `global
  stats socket %[1]s level user
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend page
  bind 127.0.0.1:%[2]d
  stats enable
  stats uri /stats
backend jitsi
  server shard-1 127.0.0.1:%[2]d
  server shard-2 127.0.0.1:%[2]d disabled
backend other
  server x 127.0.0.1:%[2]d
`

func TestARealHAProxyIsUnderstoodOverBothItsInterfaces(t *testing.T) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		program = "/usr/sbin/haproxy" // where a user's path does not look
	}
	folder, port := t.TempDir(), freePort(t)
	socket, file := filepath.Join(folder, "socket"), filepath.Join(folder, "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, proxyConfiguration, socket, port), 0o600))
	process := exec.CommandContext(t.Context(), program, "-db", "-f", file)
	require.NoError(t, process.Start(), "scripts/setup haproxy installs it")
	t.Cleanup(func() { _ = process.Wait() }) // killed with the test's context
	page := fmt.Sprintf("http://127.0.0.1:%d/stats", port)
	require.Eventually(t, func() bool {
		return collector.NewComponent(collector.Component{Kind: collector.KindHAProxy, URL: page}, time.Second).Ask(t.Context()).Err == nil
	}, 10*time.Second, 50*time.Millisecond)
	for name, c := range map[string]struct {
		component collector.Component
		up, total int64
		tells     bool
	}{
		"one backend by the page":    {collector.Component{URL: page, Backend: "jitsi"}, 1, 2, false},
		"all backends by the page":   {collector.Component{URL: page}, 2, 3, false},
		"one backend by the socket":  {collector.Component{Socket: socket, Backend: "jitsi"}, 1, 2, true},
		"all backends by the socket": {collector.Component{Socket: socket}, 2, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.component.Kind = collector.KindHAProxy
			n := collector.NewComponent(c.component, time.Second).Ask(t.Context())
			require.NoError(t, n.Err)
			assert.Equal(t, []int64{c.up, c.total}, []int64{n.Proxy.Up, n.Proxy.Total})
			assert.Equal(t, c.tells, n.Proxy.Connections != nil)
			assert.Equal(t, c.tells, n.Status.Version != "")
		})
	}
}
