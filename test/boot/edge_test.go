package boot

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

const dropIn = "etc/systemd/system/haproxy.service.d/jitsi-fleet.conf"

func TestAnEdgeNodeTakesItsAddressAndStartsHAProxy(t *testing.T) {
	every(t, fleet.RoleEdge, func(t *testing.T, _ node, m machine) {
		assert.Equal(t, instance+"\n", m.read("machine/holder"), "the slot's interface is here")
		calls := m.calls()
		assert.Contains(t, calls, "systemctl enable haproxy.service")
		assert.Equal(t, []string{"systemctl restart --no-block haproxy.service", "systemctl daemon-reload", "systemctl enable --now jitsi-fleet-agent.service"},
			calls[len(calls)-3:], "the boot does not wait for HAProxy, which waits for the agent's configuration")
		var told settings.Node
		require.NoError(t, json.Unmarshal([]byte(m.read(settings.NodePath)), &told))
		u := units(m.read(dropIn))
		environment := u.environment()
		assert.Equal(t, told.Configuration, environment["CONFIG"], "HAProxy reads what the agent writes")
		assert.Equal(t, told.HAProxy, environment[routing.SocketVariable])
		assert.Equal(t, told.Servers, environment[routing.StateVariable])
		assert.Equal(t, "-S "+told.Master+",mode,600", environment["EXTRAOPTS"])
		assert.Equal(t, "/run/"+u.last("RuntimeDirectory"), filepath.Dir(told.Servers), "what the servers were is gone with the process")
		assert.Equal(t, []string{"0"}, u["Unit.StartLimitIntervalSec"], "it is started until the configuration is there")
		agent := units(m.read("etc/systemd/system/jitsi-fleet-agent.service"), m.read("etc/systemd/system/jitsi-fleet-agent.service.d/edge.conf"))
		assert.Equal(t, "/var/lib/"+agent.last("StateDirectory"), filepath.Dir(told.Configuration), "the agent may write there")
		assert.Equal(t, u.last("User"), agent.last("User"), "each reads the other's files")
	})
}

func TestDebiansHAProxyUnitRunsWithTheDropIn(t *testing.T) {
	every(t, fleet.RoleEdge, func(t *testing.T, _ node, m machine) {
		debian, err := os.ReadFile("/lib/systemd/system/haproxy.service")
		require.NoError(t, err, "Debian's haproxy package is installed by scripts/setup")
		u := units(string(debian), m.read(dropIn))
		require.Equal(t, "haproxy", u.last("User"), "HAProxy never runs as root")

		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		door := listener.Addr().String()
		require.NoError(t, listener.Close())
		require.NoError(t, os.MkdirAll(m.path("var/lib/jitsi-fleet"), 0o755))
		m.write(u.environment()["CONFIG"], "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"+
			"frontend door\n bind "+door+"\n http-request return status 200\n")
		prepare := "true"
		if folder := u.last("RuntimeDirectory"); folder != "" {
			prepare = "mkdir /run/" + folder + " && chown " + u.last("User") + ":" + u.last("Group") + " /run/" + folder
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		// The shell stays as the namespace's first process: the kernel forgets who else dies with unshare at a change of user.
		script := prepare + ` && setpriv --reuid=` + u.last("User") + ` --regid=` + u.last("Group") + ` --clear-groups --no-new-privs -- "$@"; exit $?`
		haproxy := m.command(ctx, true, append([]string{"bash", "-c", script, "start"}, u.start()...)...)
		said, err := os.Create(filepath.Join(t.TempDir(), "said"))
		require.NoError(t, err)
		defer func() { _ = said.Close() }()
		haproxy.Stdout, haproxy.Stderr = said, said
		require.NoError(t, haproxy.Start())
		ended := make(chan error, 1)
		go func() { ended <- haproxy.Wait() }()
		answered := answers(ctx, door, ended)
		text, err := os.ReadFile(said.Name())
		require.NoError(t, err)
		require.True(t, answered, "HAProxy does not come up: %s", text)
		assert.NotEmpty(t, strings.TrimSpace(m.read(u.environment()["PIDFILE"])), "systemd and a reload find the process")
		cancel()
		<-ended
		assert.Eventually(t, func() bool {
			c, err := net.Dial("tcp", door)
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		}, 5*time.Second, 20*time.Millisecond, "nothing of it runs on")
	})
}

// answers tells whether HAProxy answers a request before it or the context ends.
func answers(ctx context.Context, door string, ended <-chan error) bool {
	for {
		if c, err := net.Dial("tcp", door); err == nil {
			_, _ = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			answer := make([]byte, 12)
			n, _ := c.Read(answer)
			_ = c.Close()
			if strings.HasSuffix(string(answer[:n]), " 200") {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}
