package haproxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
)

const patience = 2 * time.Second

// configuration is a node of two, with what this package speaks of: a table that peers share, and servers that
// their agents enable.
const configuration = `
global
    localpeer n%[1]d
    stats socket %[2]s mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
peers slots
    peer n1 127.231.0.1:10000
    peer n2 127.231.0.2:10000
frontend clients
    bind 127.231.0.%[1]d:8080
    default_backend rooms
backend rooms
    balance hash url_param(room)
    hash-type consistent
    stick-table type string len 64 size 1000 expire 600s peers slots
    stick match url_param(room)
    stick store-request url_param(room)
    default-server disabled agent-check agent-port 7071 agent-inter 100ms
    server a 127.231.1.1:8000 id 3
    server b 127.231.1.2:8000 id 7
`

// shard answers the agent-check with what the test says, and every request with its name.
type shard struct {
	mu   sync.Mutex
	says string
}

func (s *shard) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = text
}

func newShard(t *testing.T, address, name string) (*shard, io.Closer) {
	t.Helper()
	s := &shard{says: "up ready"}
	checks, err := net.Listen("tcp", address+":7071")
	require.NoError(t, err)
	t.Cleanup(func() { _ = checks.Close() })
	go func() {
		for {
			c, err := checks.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			_, _ = io.WriteString(c, s.says+"\n")
			s.mu.Unlock()
			_ = c.Close()
		}
	}()
	web, err := net.Listen("tcp", address+":8000")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(web) }()
	return s, checks
}

// node is one HAProxy process.
type node struct {
	*haproxy.Admin

	n       int
	command *exec.Cmd
}

func start(t *testing.T, n int) *node {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed")
	}
	dir := t.TempDir()
	path, socket := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "admin.sock")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, configuration, n, socket), 0o600))
	var log bytes.Buffer
	command := exec.Command("haproxy", "-db", "-f", path)
	command.Stdout, command.Stderr = &log, &log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, command.Start())
	one := &node{haproxy.NewAdmin(socket, patience), n, command}
	t.Cleanup(func() { one.stop(); t.Log(log.String()) })
	require.Eventually(t, func() bool { _, err := one.Process(t.Context()); return err == nil }, 5*time.Second, 10*time.Millisecond)
	return one
}

func (n *node) stop() {
	_ = n.command.Process.Kill()
	_ = n.command.Wait()
}

// visit is a user's request for a room; it answers the shard's name.
func (n *node) visit(t *testing.T, room string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.231.0.%d:8080/x?room=%s", n.n, room), http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func (n *node) servers(t *testing.T) map[string]haproxy.Server {
	t.Helper()
	stat, err := n.Stat(t.Context())
	require.NoError(t, err)
	servers := map[string]haproxy.Server{}
	for _, s := range stat.Servers {
		servers[s.Name] = s
	}
	return servers
}

func (n *node) eventually(t *testing.T, name string, status haproxy.Status, heard bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := n.servers(t)[name]
		return s.Status == status && s.Heard == heard
	}, 5*time.Second, 20*time.Millisecond, "%s at %d", name, n.n)
}

func (n *node) where(t *testing.T, room string) int {
	t.Helper()
	id, err := n.Where(t.Context(), "rooms", room)
	require.NoError(t, err)
	return id
}

var ids = map[string]int{"a": 3, "b": 7}

func TestARoomIsMendedByForgettingItEverywhereAndPlacingItOnce(t *testing.T) {
	newShard(t, "127.231.1.1", "a")
	newShard(t, "127.231.1.2", "b")
	one, two := start(t, 1), start(t, 2)
	for _, n := range []*node{one, two} {
		n.eventually(t, "a", haproxy.Up, true)
		n.eventually(t, "b", haproxy.Up, true)
	}
	was := ids[one.visit(t, "R")]
	other := ids["a"] + ids["b"] - was
	require.Eventually(t, func() bool { return two.where(t, "R") == was }, patience, 10*time.Millisecond, "peers share what traffic taught")

	err := one.Place(t.Context(), "rooms", "R", other)
	require.ErrorIs(t, err, haproxy.ErrPinned)
	require.NoError(t, one.Place(t.Context(), "rooms", "R", was), "where it is already")
	require.NoError(t, one.Forget(t.Context(), "rooms", "R"))
	assert.Zero(t, one.where(t, "R"))
	assert.Equal(t, was, two.where(t, "R"), "to forget is not replicated")
	require.NoError(t, two.Forget(t.Context(), "rooms", "R"))
	require.NoError(t, two.Forget(t.Context(), "rooms", "R"), "again")
	require.NoError(t, one.Place(t.Context(), "rooms", "R", other))
	require.Eventually(t, func() bool { return two.where(t, "R") == other }, patience, 10*time.Millisecond, "to place is")
	assert.Equal(t, other, ids[one.visit(t, "R")])
	assert.Equal(t, other, ids[two.visit(t, "R")])
	require.NoError(t, two.Place(t.Context(), "rooms", "R", other), "what a peer has placed already")

	table, err := two.Table(t.Context(), "rooms")
	require.NoError(t, err)
	assert.Equal(t, haproxy.Table{Used: 1, Size: 1000}, table)
	require.ErrorContains(t, one.Forget(t.Context(), "absent", "R"), "No such table")
}

func TestAProcessThatStartsBesideAnotherLearnsItsTable(t *testing.T) {
	newShard(t, "127.231.1.1", "a")
	newShard(t, "127.231.1.2", "b")
	one := start(t, 1)
	one.eventually(t, "b", haproxy.Up, true)
	synced, err := one.Synced(t.Context())
	require.NoError(t, err)
	assert.False(t, synced, "nobody was there to learn from")
	was := one.visit(t, "R")
	two := start(t, 2)
	require.Eventually(t, func() bool {
		synced, err := two.Synced(t.Context())
		return err == nil && synced
	}, 15*time.Second, 50*time.Millisecond)
	assert.Equal(t, ids[was], two.where(t, "R"))
	p, err := two.Process(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, two.command.Process.Pid, p.PID)
	two.stop()
	_, err = two.Process(t.Context())
	require.ErrorIs(t, err, haproxy.ErrGone)
}

func TestServersFollowTheirAgentsAndStayAsTheyWereWhenAnAgentIsGone(t *testing.T) {
	a, checks := newShard(t, "127.231.1.1", "a")
	a.say("up drain")
	one := start(t, 1)
	one.eventually(t, "a", haproxy.Drain, true)
	one.eventually(t, "b", haproxy.Maintenance, false)
	for _, step := range []struct {
		says   string
		status haproxy.Status
	}{{"up maint", haproxy.Maintenance}, {"up ready", haproxy.Up}, {"down", haproxy.Down}, {"up ready", haproxy.Up}} {
		a.say(step.says)
		one.eventually(t, "a", step.status, true)
	}
	require.NoError(t, checks.Close())
	one.eventually(t, "a", haproxy.Up, false)
}

func TestAnAnswerThatDoesNotEndIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write(bytes.Repeat([]byte("x"), 65<<10))
		c2, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, c2)
	}()
	admin := haproxy.NewAdmin(path, 300*time.Millisecond)
	_, err = admin.Process(t.Context())
	require.ErrorIs(t, err, haproxy.ErrAnswer)
	begin := time.Now()
	_, err = admin.Process(t.Context())
	require.ErrorContains(t, err, "did not answer")
	assert.Less(t, time.Since(begin), patience)
}
