package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// node is one slot: a HAProxy process with its master, and the part of its agent that tells the load balancer.
type node struct {
	f       *stage
	name    string
	address netip.Addr
	dir     string
	admin   *haproxy.Admin
	edge    *agent.Edge
	gate    atomic.Value // what the agent says of the node itself
	leaving atomic.Bool
	looking sync.Mutex // one look or one reload at a time
	command *exec.Cmd
	log     strings.Builder
	// keep and fresh are the ways in: connections that are kept, and a new one for every request.
	keep, fresh *http.Client
}

const answerTime = 5 * time.Second

func (f *stage) newNode(i int) *node {
	f.t.Helper()
	n := &node{f: f, name: fmt.Sprintf("slot-%d", i+1), address: f.address(nodeAddress, i), dir: f.t.TempDir()}
	n.admin = haproxy.NewAdmin(n.path("admin.sock"), answerTime)
	n.edge = &agent.Edge{Admin: n.admin, WarmUp: 30 * time.Second}
	n.keep, n.fresh = client(n.door(), true), client(n.door(), false)
	n.gate.Store("up maint")
	require.NoError(f.t, os.WriteFile(n.path("servers"), []byte("1\n"), 0o600))
	n.guard()
	return n
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

// door is where the load balancer's connections are taken.
func (n *node) door() string {
	return net.JoinHostPort(n.address.String(), strconv.Itoa(settings.EdgePort))
}

// guard runs the agent: it looks at HAProxy every second and answers whether the load balancer shall send clients.
func (n *node) guard() {
	n.f.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	n.f.t.Cleanup(stop)
	checks, err := net.Listen("tcp", net.JoinHostPort(n.address.String(), strconv.Itoa(settings.CheckPort)))
	require.NoError(n.f.t, err)
	go func() {
		_ = agent.ServeChecks(ctx, checks, func() string { return n.gate.Load().(string) }, slog.New(slog.DiscardHandler))
	}()
	go func() {
		for ticks := time.NewTicker(time.Second); ctx.Err() == nil; <-ticks.C {
			n.look(ctx)
		}
	}()
}

// look is one look of the agent's at HAProxy.
func (n *node) look(ctx context.Context) {
	n.looking.Lock()
	defer n.looking.Unlock()
	said := "up maint"
	if n.edge.Look(ctx).Ready && !n.leaving.Load() {
		said = "up ready"
	}
	n.gate.Store(said)
}

// write renders the configuration that the fleet has now.
func (n *node) write() {
	n.f.t.Helper()
	configuration, err := routing.Render(n.f.config(n))
	require.NoError(n.f.t, err)
	require.NoError(n.f.t, os.WriteFile(n.path("haproxy.cfg"), []byte(configuration), 0o600))
}

// start runs HAProxy as its systemd unit does. The processes end with the test, also when it fails.
func (n *node) start() {
	n.f.t.Helper()
	n.write()
	n.leaving.Store(false)
	binary, err := exec.LookPath("haproxy") // the master starts itself anew, by this path
	require.NoError(n.f.t, err)
	command := exec.Command(binary, "-W", "-S", n.path("master.sock"), "-f", n.path("haproxy.cfg"))
	command.Env = []string{routing.SocketVariable + "=" + n.path("admin.sock"), routing.StateVariable + "=" + n.path("servers")}
	command.Stdout, command.Stderr = &n.log, &n.log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(n.f.t, command.Start())
	n.command = command
	n.f.t.Cleanup(func() {
		if n.command == command {
			n.crash()
		}
		if n.f.t.Failed() {
			n.f.t.Log(n.name, tail(n.log.String()))
		}
	})
	await(n.f.t, 10*time.Second, n.name+" runs", func() bool { _, err := n.admin.Process(context.Background()); return err == nil })
}

func tail(log string) string { return log[max(0, len(log)-4000):] }

func (n *node) runs() bool { return n.command != nil }

// crash ends all of the node's HAProxy processes at once.
func (n *node) crash() {
	_ = syscall.Kill(-n.command.Process.Pid, syscall.SIGKILL)
	_ = n.command.Wait()
	n.command = nil
}

// leave makes the agent say that the load balancer shall send no more clients, and waits until HAProxy says so.
func (n *node) leave() time.Duration {
	n.f.t.Helper()
	n.leaving.Store(true)
	return await(n.f.t, 20*time.Second, n.name+" leaves the load balancer", func() bool { return !n.serving() })
}

// stop ends HAProxy softly, as its systemd unit does, once the load balancer sends it nobody.
func (n *node) stop() {
	n.f.t.Helper()
	require.NoError(n.f.t, n.command.Process.Signal(syscall.SIGUSR1))
	ended := make(chan error, 1)
	go func() { ended <- n.command.Wait() }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		require.FailNow(n.f.t, "HAProxy does not stop", n.name)
	}
	n.command = nil
}

// reload lets HAProxy read the fleet's present configuration and answers how long it took until the new process had
// learnt where rooms are.
func (n *node) reload() time.Duration {
	n.f.t.Helper()
	n.write()
	began := time.Now()
	n.replace()
	n.awaitServing()
	return time.Since(began)
}

// replace starts a new process in the place of the present one. What the agent knows of the present one is no answer
// about the new one, so it says that the node is not ready until it has looked again.
func (n *node) replace() {
	n.f.t.Helper()
	n.looking.Lock()
	defer n.looking.Unlock()
	n.gate.Store("up maint")
	before, err := n.admin.Process(context.Background())
	require.NoError(n.f.t, err)
	state, err := n.admin.Servers(context.Background())
	require.NoError(n.f.t, err)
	require.NoError(n.f.t, os.WriteFile(n.path("servers"), []byte(state), 0o600))
	require.NoError(n.f.t, haproxy.NewMaster(n.path("master.sock"), answerTime).Reload(context.Background()))
	await(n.f.t, 20*time.Second, n.name+" has a new process", func() bool {
		p, err := n.admin.Process(context.Background())
		return err == nil && p.PID != before.PID
	})
}

// serving asks what the load balancer asks.
func (n *node) serving() bool {
	a := n.ask(context.Background(), n.fresh, routing.HealthPath)
	return a.err == nil && a.status == http.StatusOK
}

func (n *node) awaitServing() time.Duration {
	n.f.t.Helper()
	return await(n.f.t, 45*time.Second, n.name+" serves", n.serving)
}

// status is how the node uses a shard for rooms.
func (n *node) status(s *shard) haproxy.Status {
	stat, err := n.admin.Stat(context.Background())
	if err != nil {
		return haproxy.Down
	}
	for _, server := range stat.Servers {
		if server.Backend == agent.RoomsBackend && server.Name == s.name {
			return server.Status
		}
	}
	return haproxy.Down
}

// where is the id of the shard to which the node has pinned a key, 0 for none.
func (n *node) where(key string) int {
	n.f.t.Helper()
	id, err := n.admin.Where(context.Background(), agent.RoomsBackend, key)
	require.NoError(n.f.t, err)
	return id
}

// rooms is how many rooms the node remembers.
func (n *node) rooms() int64 {
	n.f.t.Helper()
	table, err := n.admin.Table(context.Background(), agent.RoomsBackend)
	require.NoError(n.f.t, err)
	return table.Used
}
