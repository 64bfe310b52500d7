package routing

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// example is a fleet of two slots and three shards.
func example() Config {
	return Config{
		Self:  "slot-1",
		Slots: []Slot{{"slot-1", netip.MustParseAddr("127.16.128.10")}, {"slot-2", netip.MustParseAddr("127.16.144.10")}},
		Shards: []Shard{
			{"alpha", 1, "alpha.test.internal"}, {"beta", 2, "beta.test.internal"}, {"gamma", 7, "gamma.test.internal"},
		},
		Resolver:   netip.MustParseAddrPort("127.0.0.1:9"),
		ClientPort: 8080, StatsPort: 8404, PeersPort: 10000, WebPort: 8000,
		CheckPort: 7071, Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("203.0.113.0/24")}, ConnectionRate: 100000,
		TableSize: 1000, TableExpiry: 10 * time.Minute,
	}
}

// accepted is whether HAProxy's own check takes a configuration.
func accepted(t *testing.T, configuration string) {
	t.Helper()
	check := exec.Command("haproxy", "-c", "-f", "/dev/stdin")
	check.Stdin = strings.NewReader(configuration)
	check.Env = paths(t)
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "WARNING")
}

// paths are the environment that the configuration wants: a socket of the test's own and the state of no servers.
func paths(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	state := filepath.Join(dir, "servers")
	require.NoError(t, os.WriteFile(state, []byte("1\n"), 0o600))
	return []string{SocketVariable + "=" + filepath.Join(dir, "admin.sock"), StateVariable + "=" + state}
}

// start runs HAProxy with a configuration until the test ends.
func start(t *testing.T, configuration string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	proxy := exec.Command("haproxy", "-db", "-f", file)
	proxy.Env = paths(t)
	proxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also when the test is ended by a signal
	var log strings.Builder
	proxy.Stdout, proxy.Stderr = &log, &log
	require.NoError(t, proxy.Start())
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		_ = proxy.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// freePort is a port that nothing listens on.
func freePort(t *testing.T, address string) int {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	return port
}

// fleetOf renders the example with real loopback servers in the shards' places and free ports. Names are replaced by
// addresses, since there is no resolver.
func fleetOf(t *testing.T, c Config, shards map[string]*httptest.Server) string {
	t.Helper()
	configuration, err := Render(c)
	require.NoError(t, err)
	configuration = strings.ReplaceAll(configuration, "resolvers vpc resolve-prefer ipv4 init-addr none", "")
	for _, s := range c.Shards {
		configuration = strings.ReplaceAll(configuration, fmt.Sprintf("%s:%d", s.Host, c.WebPort), shards[s.Name].Listener.Addr().String())
	}
	return strings.ReplaceAll(configuration, "inter 2s fall 3 rise 2", "inter 100ms fall 2 rise 1")
}

// shard is a web server that only says that it is there.
func shard(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Client", r.Header.Get("X-Forwarded-For"))
		w.Header().Set("X-Jitsi-Shard", "whatever the shard's own web server says")
		w.Header().Set("Access-Control-Expose-Headers", "X-Jitsi-Release")
	}))
	t.Cleanup(s.Close)
	return s
}

// client speaks to a slot as the load balancer does: each connection begins with a PROXY protocol header.
func client(slot string) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, slot)
		if err != nil {
			return nil, err
		}
		_, err = conn.Write([]byte("PROXY TCP4 203.0.113.9 127.0.0.1 40000 443\r\n"))
		return conn, err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 5 * time.Second}
}

func get(t *testing.T, c *http.Client, path string) *http.Response {
	t.Helper()
	r, err := c.Get("http://meet.test" + path)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	return r
}

// ready waits until a slot serves.
func ready(t *testing.T, c *http.Client) {
	t.Helper()
	require.Eventually(t, func() bool {
		r, err := c.Get("http://meet.test" + HealthPath)
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, 10*time.Second, 20*time.Millisecond)
}

// agents answers HAProxy's agent-check on one port of several addresses with what say holds.
func agents(t *testing.T, say *atomic.Value, addresses ...string) int {
	t.Helper()
	port := freePort(t, addresses[0])
	for _, address := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				word, _ := say.Load().(string)
				_, _ = io.WriteString(conn, word+"\n")
				_ = conn.Close()
			}
		}()
	}
	return port
}

// pair is two peered slots before three shards.
type pair struct {
	slots  [2]*http.Client
	shards map[string]*httptest.Server
	say    *atomic.Value // what every agent answers
	stats  string        // the first slot's metrics
}

func newPair(t *testing.T) pair {
	t.Helper()
	c := example()
	c.ClientPort, c.StatsPort, c.PeersPort = freePort(t, "127.16.128.10"), freePort(t, "127.16.128.10"), freePort(t, "127.16.128.10")
	p := pair{shards: map[string]*httptest.Server{"alpha": shard(t), "beta": shard(t), "gamma": shard(t)}, say: &atomic.Value{}}
	p.say.Store("up ready")
	c.CheckPort = agents(t, p.say, "127.0.0.1", c.Slots[0].Address.String(), c.Slots[1].Address.String())
	p.stats = fmt.Sprintf("http://%s:%d/metrics", c.Slots[0].Address, c.StatsPort)
	for i, s := range c.Slots {
		c.Self = s.Name
		start(t, fleetOf(t, c, p.shards))
		p.slots[i] = client(net.JoinHostPort(s.Address.String(), strconv.Itoa(c.ClientPort)))
	}
	ready(t, p.slots[0])
	ready(t, p.slots[1])
	for _, s := range c.Slots {
		allHeard(t, fmt.Sprintf("http://%s:%d/metrics", s.Address, c.StatsPort), len(c.Shards))
	}
	return p
}

// allHeard waits until a slot has heard every shard's agent.
func allHeard(t *testing.T, stats string, shards int) {
	t.Helper()
	require.Eventually(t, func() bool {
		r, err := http.Get(stats)
		if err != nil {
			return false
		}
		defer func() { _ = r.Body.Close() }()
		metrics, err := io.ReadAll(r.Body)
		return err == nil && strings.Contains(string(metrics), fmt.Sprintf("haproxy_backend_active_servers{proxy=\"rooms\"} %d\n", shards))
	}, 10*time.Second, 20*time.Millisecond)
}

// remembered is how many rooms the first slot's table holds.
func (p pair) remembered(t *testing.T) string {
	t.Helper()
	r, err := http.Get(p.stats)
	require.NoError(t, err)
	metrics, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	for line := range strings.Lines(string(metrics)) {
		if rest, ok := strings.CutPrefix(line, `haproxy_sticktable_used{name="rooms",`); ok {
			return strings.Fields(rest)[1]
		}
	}
	require.Fail(t, "no metric of the table", string(metrics))
	return ""
}
