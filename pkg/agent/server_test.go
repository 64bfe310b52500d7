package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// subject answers as the test says.
type subject struct {
	mu     sync.Mutex
	status fleet.Status
	err    error
	verb   fleet.Verb
	order  fleet.Order
	hold   chan struct{} // Obey waits for it when it is not nil
	census fleet.Census
}

func (s *subject) Status() fleet.Status { return s.status }

func (s *subject) Obey(ctx context.Context, verb fleet.Verb, order fleet.Order) (fleet.Status, error) {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verb, s.order = verb, order
	return s.status, s.err
}

func (s *subject) Census(context.Context) (fleet.Census, error) { return s.census, s.err }

func clockAt(at time.Time) func() time.Time { return func() time.Time { return at } }

// serving is a subject's server on loopback until the test ends.
func serving(t *testing.T, s Subject) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, listener, Handler(s, secret, clockAt(noon), slog.New(slog.DiscardHandler)))
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return netip.MustParseAddrPort(listener.Addr().String())
}

func clientOf(t *testing.T, at netip.AddrPort, key []byte) *Client {
	t.Helper()
	c := NewClient(key, int(at.Port()), clockAt(noon))
	t.Cleanup(c.Close)
	return c
}

func TestClientAndServerSpeakTheSame(t *testing.T) {
	s := &subject{status: fleet.Status{
		Instance: "i-1", Role: fleet.RoleBridge, Shard: "a", Sequence: 3, Phase: fleet.PhaseServing, PhaseSeconds: 1.5,
		AgeSeconds: 0.5, Admitted: true, Detail: "d", Version: "2.3", Bridge: &fleet.BridgeLoad{Stress: 0.25, LocalEndpoints: 7},
		Host: fleet.HostLoad{CPU: 0.5},
	}}
	s.census = fleet.Census{Instance: "i-1", Shard: "a", AgeSeconds: 0.1, Rooms: []fleet.CensusRoom{{Key: "AB", Room: "[t]r", Participants: 2}}}
	at := serving(t, s)
	c := clientOf(t, at, secret)
	got, err := c.Status(t.Context(), at.Addr())
	require.NoError(t, err)
	assert.Equal(t, s.status, got)
	census, err := c.Census(t.Context(), at.Addr())
	require.NoError(t, err)
	assert.Equal(t, s.census, census)
	for _, verb := range verbs {
		order := fleet.Order{Fence: 1 << 60, Key: "AB", ShardID: 7, Reason: "it is time for " + string(verb)}
		got, err = c.Order(t.Context(), at.Addr(), verb, order)
		require.NoError(t, err)
		assert.Equal(t, s.status, got)
		assert.Equal(t, verb, s.verb)
		assert.Equal(t, order, s.order)
	}
}

func TestErrorsKeepTheirKindOnTheWay(t *testing.T) {
	s := &subject{}
	at := serving(t, s)
	c := clientOf(t, at, secret)
	s.err = &Refusal{Why: "it has 4 participants", Occupied: true}
	_, err := c.Order(t.Context(), at.Addr(), fleet.VerbRetire, fleet.Order{})
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "it has 4 participants", refusal.Why)
	require.ErrorIs(t, err, fleet.ErrOccupied)
	s.err = &Refusal{Why: "its fence is old"}
	_, err = c.Order(t.Context(), at.Addr(), fleet.VerbRetire, fleet.Order{})
	require.ErrorAs(t, err, &refusal)
	require.NotErrorIs(t, err, fleet.ErrOccupied)
	_, err = c.Census(t.Context(), at.Addr())
	require.ErrorAs(t, err, &refusal)
	s.err = errors.New("disk full")
	_, err = c.Order(t.Context(), at.Addr(), fleet.VerbDrain, fleet.Order{})
	require.ErrorContains(t, err, "answered 500: disk full")
	_, err = c.Order(t.Context(), at.Addr(), "explode", fleet.Order{})
	require.ErrorContains(t, err, "answered 404")
	_, err = clientOf(t, at, []byte("another secret of another fleet")).Status(t.Context(), at.Addr())
	require.ErrorIs(t, err, ErrUnauthorized)
	_, err = c.Status(t.Context(), netip.Addr{})
	require.ErrorContains(t, err, "not known")
	_, err = c.Status(t.Context(), netip.MustParseAddr("127.255.255.1"))
	require.ErrorContains(t, err, "does not answer")
}

func TestClientGivesUpWithItsContext(t *testing.T) {
	s := &subject{hold: make(chan struct{})}
	at := serving(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := clientOf(t, at, secret).Order(ctx, at.Addr(), fleet.VerbDrain, fleet.Order{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(s.hold)
}

func TestOnlyHealthIsForEverybody(t *testing.T) {
	at := serving(t, &subject{status: fleet.Status{Instance: "i-secret"}})
	for _, c := range []struct {
		name, method, path string
		status             int
		body               string
	}{
		{"health", "GET", "/healthz", 200, "ok"},
		{"status", "GET", "/status", 401, "not signed with the fleet secret\n"},
		{"an order", "POST", "/retire", 401, "not signed with the fleet secret\n"},
		{"an order by GET", "GET", "/retire", 405, "Method Not Allowed\n"},
		{"anything else", "GET", "/", 404, "404 page not found\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, fmt.Sprintf("http://%s%s", at, c.path), http.NoBody)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, c.status, resp.StatusCode)
			assert.Equal(t, c.body, string(body))
		})
	}
}

func TestBodiesAreBounded(t *testing.T) {
	at := serving(t, &subject{})
	c := clientOf(t, at, secret)
	_, err := c.Order(t.Context(), at.Addr(), fleet.VerbDrain, fleet.Order{Reason: strings.Repeat("x", maxOrderBytes)})
	require.ErrorContains(t, err, "answered 413")
}

func TestBodyThatIsNoOrderIsRefused(t *testing.T) {
	at := serving(t, &subject{})
	err := clientOf(t, at, secret).ask(t.Context(), http.MethodPost, at.Addr(), "drain", []byte(`{"fence": -1}`), maxStatusBytes, &fleet.Status{})
	require.ErrorContains(t, err, "answered 400")
}

func TestRequestsAtOnceAreBounded(t *testing.T) {
	s := &subject{hold: make(chan struct{})}
	at := serving(t, s)
	results := make(chan error, maxAtOnce+8)
	clients := make([]*Client, 0, maxAtOnce/4+2)
	for range cap(clients) {
		clients = append(clients, clientOf(t, at, secret)) // each has at most four connections to one agent
	}
	for i := range cap(results) {
		go func() {
			_, err := clients[i/4].Order(t.Context(), at.Addr(), fleet.VerbDrain, fleet.Order{})
			results <- err
		}()
	}
	for range cap(results) - maxAtOnce {
		require.ErrorContains(t, <-results, "answered 503")
	}
	close(s.hold)
	for range maxAtOnce {
		require.NoError(t, <-results)
	}
}

// answering listens and answers every request with a fixed text.
func answering(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}()
	return netip.MustParseAddrPort(listener.Addr().String())
}

func TestAnswersThatAreNoStatusAreErrors(t *testing.T) {
	long := strings.Repeat(" ", maxStatusBytes+1)
	for name, c := range map[string]struct{ answer, want string }{
		"no JSON":           {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "cannot be understood"},
		"too long":          {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long), "longer than"},
		"broken off":        {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "broke off"},
		"a redirect":        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "answered 302"},
		"another component": {"SSH-2.0-OpenSSH_9.2\r\n", "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			at := answering(t, c.answer)
			_, err := clientOf(t, at, secret).Status(t.Context(), at.Addr())
			require.ErrorContains(t, err, c.want)
		})
	}
}
