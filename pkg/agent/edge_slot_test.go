package agent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

const (
	slotAddress = "127.232.0.1"
	front       = slotAddress + ":18080"
	otherFront  = "127.232.0.2:18080"
)

// rendered is the slot's configuration for a number of shards, the first of which is at 127.232.1.1.
func rendered(t *testing.T, shards int) string {
	t.Helper()
	c := routing.Config{
		Self: "slot-1", Slots: []routing.Slot{{Name: "slot-1", Address: netip.MustParseAddr(slotAddress)}, {Name: "slot-2", Address: netip.MustParseAddr("127.232.0.2")}},
		Resolver: netip.MustParseAddrPort("127.232.0.9:53"), ClientPort: 18080, StatsPort: 18404, PeersPort: 11000, WebPort: 18000,
		CheckPort: 17071, Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TableSize: 1000, TableExpiry: time.Hour, ConnectionRate: 1e6,
	}
	for i := range shards {
		c.Shards = append(c.Shards, routing.Shard{Name: fmt.Sprint("shard-", i+1), ID: i + 1, Host: fmt.Sprint("127.232.1.", i+1)})
	}
	text, err := routing.Render(c)
	require.NoError(t, err)
	return text
}

// slotNode is an edge node whose HAProxy is a real one; what is deployed is a map that the test makes.
type slotNode struct {
	*Edge
	dir      string
	where    string
	deployed map[string]string
	fetched  int
}

var errSilent = errors.New("SSM is silent")

func newSlotNode(t *testing.T) *slotNode {
	t.Helper()
	_, err := exec.LookPath("haproxy")
	require.NoError(t, err, "scripts/setup haproxy installs it")
	dir, err := os.MkdirTemp("", "slot") //nolint:usetesting // a socket's path must be short, the test's name is not
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &slotNode{dir: dir, deployed: map[string]string{}}
	n.Edge = &Edge{Admin: haproxy.NewAdmin(n.path("admin.sock"), patience), WarmUp: time.Hour}
	n.Slot = Slot{
		Where: func(context.Context) (string, error) {
			if n.where == "" {
				return "", errSilent
			}
			return n.where, nil
		},
		Fetch: func(_ context.Context, where string) (string, error) {
			n.fetched++
			text, ok := n.deployed[where]
			if !ok {
				return "", errors.New("AccessDenied")
			}
			return text, nil
		},
		Check: func(ctx context.Context, file string) error {
			command := exec.CommandContext(ctx, "haproxy", "-c", "-q", "-f", file)
			command.Env = n.environment()
			return command.Run()
		},
		Poll: time.Second, Master: haproxy.NewMaster(n.path("master.sock"), patience),
		Configuration: n.path("conf/haproxy.cfg"), Servers: n.path("servers"), Name: "slot-1", Now: func() time.Time { return time.Unix(0, 0) }, Log: slog.New(slog.DiscardHandler),
	}
	return n
}

func (n *slotNode) path(name string) string { return filepath.Join(n.dir, name) }

func (n *slotNode) environment() []string {
	return append(os.Environ(), HAProxyEnvironment(n.path("admin.sock"), n.path("servers"))...)
}

// start starts HAProxy as its unit does, beside another slot.
func (n *slotNode) start(t *testing.T) {
	t.Helper()
	otherSlot(t)
	command := exec.Command("haproxy", "-W", "-db", "-S", n.path("master.sock")+",mode,600", "-f", n.Slot.Configuration)
	command.Env = n.environment()
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Signal(syscall.SIGTERM); _ = command.Wait(); t.Log(log.String()) })
	require.Eventually(t, func() bool { _, err := n.Admin.Process(t.Context()); return err == nil }, 5*time.Second, 10*time.Millisecond)
}

func (n *slotNode) deploy(digest, text string) {
	n.where = "s3://assets/" + digest + ".zip"
	n.deployed[n.where] = text
}

// listen serves every connection at an address until the test ends.
func listen(t *testing.T, address string, serve func(net.Conn)) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = c.Close() }(); serve(c) }()
		}
	}()
}

// shardOne is a shard that is drained when the test wants, whose web server says 101 to everything and echoes what comes.
func shardOne(t *testing.T) (drained *atomic.Bool) {
	t.Helper()
	drained = &atomic.Bool{}
	listen(t, "127.232.1.1:17071", func(c net.Conn) {
		_, _ = io.WriteString(c, map[bool]string{false: "up ready\n", true: "up drain\n"}[drained.Load()])
	})
	listen(t, "127.232.1.1:18000", func(c net.Conn) {
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
		_, _ = io.Copy(c, r)
	})
	return drained
}

// otherSlot is a second slot that is healthy and has no rooms.
func otherSlot(t *testing.T) {
	t.Helper()
	listen(t, otherFront, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
	})
}

const proxied = "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"

// balancer asks for the node's health as the load balancer does.
func balancer() string {
	c, err := net.DialTimeout("tcp", front, time.Second)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, proxied+"GET "+routing.HealthPath+" HTTP/1.0\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

const healthy = "HTTP/1.1 200 OK"

func TestARunningSlotTakesANewConfigurationOverAndStaysInTheLoadBalancer(t *testing.T) {
	drained := shardOne(t)
	n := newSlotNode(t)
	n.deploy("aaaaaaaaaaaaaaaa", rendered(t, 1))
	require.NoError(t, n.step(t.Context()), "HAProxy does not run yet")
	n.start(t)
	n.WarmUp = 0 // there is no peer to wait for

	c := configOf(t, nil, nil)
	c.Role, c.Shard, c.Component = fleet.RoleEdge, "", n.Edge
	a, err := New(c)
	require.NoError(t, err)
	checks := func(c net.Conn) { _, _ = io.WriteString(c, a.Check()+"\n") }
	listen(t, slotAddress+":17071", checks)
	a.Look(t.Context())
	n.WarmUp = time.Hour // a process that is cold stays so
	require.Equal(t, "up ready", a.Check())
	require.Eventually(t, func() bool { return balancer() == healthy }, 15*time.Second, 50*time.Millisecond)
	call, err := net.Dial("tcp", front)
	require.NoError(t, err)
	defer func() { _ = call.Close() }()
	_, err = io.WriteString(call, proxied+"GET /xmpp-websocket?room=r HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	require.NoError(t, err)
	answer := bufio.NewReader(call)
	response, err := http.ReadResponse(answer, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	drained.Store(true)
	require.Eventually(t, func() bool {
		a.Look(t.Context())
		return a.Status().Edge.Shards["shard-1"].State == fleet.ServerDrain
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, "aaaaaaaaaaaa", a.Status().Edge.Configuration)

	watched, stop := context.WithCancel(t.Context())
	var watchers sync.WaitGroup
	var first, last time.Time // health checks that failed
	watchers.Go(func() {
		for pause(watched, 20*time.Millisecond) {
			if balancer() != healthy {
				last = time.Now()
				if first.IsZero() {
					first = last
				}
			}
		}
	})
	watchers.Go(func() {
		for pause(watched, 50*time.Millisecond) {
			a.Look(watched)
		}
	})
	n.deploy("bbbbbbbbbbbbbbbb", rendered(t, 2))
	began := time.Now()
	require.NoError(t, n.step(t.Context()))
	took := time.Since(began)
	a.Look(t.Context())
	after := a.Status().Edge
	assert.Equal(t, "bbbbbbbbbbbb", after.Configuration)
	assert.Equal(t, fleet.ServerDrain, after.Shards["shard-1"].State, "what the shard was is not forgotten")
	assert.Equal(t, fleet.ServerMaintenance, after.Shards["shard-2"].State, "a new shard waits for its agent")
	process, err := n.Admin.Process(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return balancer() == healthy }, 5*time.Second, 20*time.Millisecond)
	stop()
	watchers.Wait()
	t.Logf("taken over in %s; health checks failed for %s", took, last.Sub(first))
	assert.NoFileExists(t, n.Slot.Servers, "no process begins with states of long ago")
	require.NoError(t, n.step(t.Context()))
	again, err := n.Admin.Process(t.Context())
	require.NoError(t, err)
	assert.Equal(t, process.PID, again.PID, "nothing is new, so nothing is reloaded")
	assert.Equal(t, 2, n.fetched)

	_, err = io.WriteString(call, "ping\n")
	require.NoError(t, err)
	require.NoError(t, call.SetReadDeadline(time.Now().Add(patience)))
	line, err := answer.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "ping\n", line, "the WebSocket goes on in the process before")
}

func TestAConfigurationThatHAProxyRefusesChangesNothing(t *testing.T) {
	n := newSlotNode(t)
	require.ErrorIs(t, n.step(t.Context()), errSilent, "before anything is known")
	n.deploy("aaaa", rendered(t, 1))
	require.NoError(t, n.step(t.Context()))
	n.start(t)
	good, err := os.ReadFile(n.Slot.Configuration)
	require.NoError(t, err)
	process, err := n.Admin.Process(t.Context())
	require.NoError(t, err)
	unchanged := func() {
		t.Helper()
		text, err := os.ReadFile(n.Slot.Configuration)
		require.NoError(t, err)
		assert.Equal(t, string(good), string(text))
		now, err := n.Admin.Process(t.Context())
		require.NoError(t, err)
		assert.Equal(t, process.PID, now.PID)
		assert.Equal(t, "aaaa", now.Description)
	}

	n.deploy("bad", "nonsense\n")
	require.ErrorContains(t, n.step(t.Context()), "HAProxy refuses the configuration bad")
	require.ErrorContains(t, n.step(t.Context()), "HAProxy refuses the configuration bad", "it is said as long as it is so")
	assert.Equal(t, 2, n.fetched, "and not tried again")
	unchanged()
	for _, c := range []struct{ name, where, says string }{
		{"silence", "", "SSM is silent"},
		{"an address that may not be read", "s3://assets/other.zip", "other is not to be had: AccessDenied"},
		{"no address", "s3://assets/two words.zip", "no address"},
	} {
		n.where = c.where
		require.ErrorContains(t, n.step(t.Context()), c.says, c.name)
		unchanged()
	}
	n.deploy("cccc", rendered(t, 2))
	require.NoError(t, n.step(t.Context()), "the next good one is taken")
	now, err := n.Admin.Process(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "cccc", now.Description)
}

func TestAnAgentThatEndedBeforeTheReloadIsMadeUpForByTheNext(t *testing.T) {
	n := newSlotNode(t)
	n.deploy("aaaa", rendered(t, 1))
	require.NoError(t, n.step(t.Context()))
	n.start(t)
	n.deploy("bbbb", rendered(t, 2))
	require.NoError(t, n.learn(t.Context()), "the file is there, HAProxy was not told")
	next := newSlotNode(t)
	next.dir, next.where, next.deployed = n.dir, n.where, n.deployed
	next.Admin, next.Slot.Master = n.Admin, n.Slot.Master
	next.Slot.Configuration, next.Slot.Servers = n.Slot.Configuration, n.Slot.Servers
	require.NoError(t, next.step(t.Context()))
	now, err := n.Admin.Process(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "bbbb", now.Description)
}

func TestAReloadThatFailsIsSaidAndTriedAgain(t *testing.T) {
	n := newSlotNode(t)
	n.deploy("aaaa", rendered(t, 1))
	require.NoError(t, n.step(t.Context()))
	n.start(t)
	master := n.Slot.Master
	n.Slot.Master = haproxy.NewMaster(n.path("absent.sock"), patience)
	n.deploy("bbbb", rendered(t, 2))
	require.ErrorContains(t, n.step(t.Context()), `keeps the configuration "aaaa", not "bbbb"`)
	n.note(t.Context(), n.step(t.Context()))
	assert.Contains(t, n.Look(t.Context()).Trouble, `keeps the configuration "aaaa"`)
	n.Slot.Master = master
	require.NoError(t, n.step(t.Context()))
}

func TestSlotsReloadOneAfterTheOther(t *testing.T) {
	stat := func(others ...haproxy.Server) haproxy.Stat { return haproxy.Stat{Servers: others} }
	up := func(name string) haproxy.Server {
		return haproxy.Server{Backend: routing.NeighboursBackend, Name: name, Status: haproxy.Up}
	}
	down := func(name string) haproxy.Server {
		return haproxy.Server{Backend: routing.NeighboursBackend, Name: name, Status: haproxy.Down}
	}
	slot := func(name string, at int64) *Edge {
		return &Edge{Slot: Slot{Name: name, Now: func() time.Time { return time.Unix(at, 0) }}}
	}
	for second := range int64(200) {
		var allowed []string
		for i, name := range []string{"slot-1", "slot-2", "slot-3"} {
			others := []haproxy.Server{up("slot-1"), up("slot-2"), up("slot-3")}
			if slot(name, second).turnOf(stat(slices.Delete(others, i, i+1)...)) == nil {
				allowed = append(allowed, name)
			}
		}
		require.Equal(t, []string{fmt.Sprintf("slot-%d", second/30%3+1)}, allowed)
	}
	require.NoError(t, slot("slot-1", 7).turnOf(stat()), "a slot without others need not wait")
	require.NoError(t, slot("slot-1", 0).turnOf(stat(up("slot-2"), haproxy.Server{Backend: RoomsBackend, Name: "shard-1"})), "only slots count")
	require.ErrorContains(t, slot("slot-1", 0).turnOf(stat(down("slot-2"))), "slot-2 is not there")
}
