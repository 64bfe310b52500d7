package agent

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// slowSubject answers after a time, as an agent across a network does.
type slowSubject struct {
	subject
	after time.Duration
}

func (s *slowSubject) Status() fleet.Status {
	time.Sleep(s.after)
	return s.status
}

// countingListener counts the connections that it accepts.
type countingListener struct {
	net.Listener
	mu       *sync.Mutex
	accepted *int
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		*l.accepted++
		l.mu.Unlock()
	}
	return c, err
}

// fleetOf serves agents at addresses of their own and one port, and counts their connections.
func fleetOf(t testing.TB, n int, after time.Duration) (addrs []netip.Addr, port int, accepted func() int) {
	t.Helper()
	s := &slowSubject{subject: subject{status: bridgeStatus(fleet.PhaseServing, 0.5, 50)}, after: after}
	var mu sync.Mutex
	count := 0
	for i := range n {
		addr := netip.AddrFrom4([4]byte{127, 200, byte(i / 250), byte(i%250 + 1)})
		listener, err := net.Listen("tcp", netip.AddrPortFrom(addr, uint16(port)).String())
		require.NoError(t, err)
		port = int(netip.MustParseAddrPort(listener.Addr().String()).Port())
		addrs = append(addrs, addr)
		server := &http.Server{
			Handler:           Handler(s, secret, clockAt(noon), slog.New(slog.DiscardHandler)),
			ReadHeaderTimeout: readTimeout,
			IdleTimeout:       idleTimeout,
		}
		t.Cleanup(func() { _ = server.Close() })
		go func() { _ = server.Serve(countingListener{listener, &mu, &count}) }()
	}
	return addrs, port, func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}
}

func askAll(t testing.TB, c *Client, addrs []netip.Addr) {
	t.Helper()
	var group errgroup.Group
	for _, addr := range addrs {
		group.Go(func() error {
			_, err := c.Status(t.Context(), addr)
			return err
		})
	}
	require.NoError(t, group.Wait())
}

func TestConnectionsAreKeptFromOneRoundToTheNext(t *testing.T) {
	addrs, port, accepted := fleetOf(t, 20, 0)
	c := NewClient(secret, port, clockAt(noon))
	t.Cleanup(c.Close)
	for range 5 {
		askAll(t, c, addrs)
	}
	require.Equal(t, 20, accepted())
}

// BenchmarkThousandAgents asks a thousand agents, each of which answers in 20 ms, all at once over kept connections.
func BenchmarkThousandAgents(b *testing.B) {
	addrs, port, _ := fleetOf(b, 1000, 20*time.Millisecond)
	c := NewClient(secret, port, clockAt(noon))
	b.Cleanup(c.Close)
	b.ReportAllocs()
	for b.Loop() {
		askAll(b, c, addrs)
	}
}
