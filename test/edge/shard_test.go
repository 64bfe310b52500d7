package edge

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// shard is a stand-in: a web server that says who it is and opens WebSockets, and the agent of a signal node.
type shard struct {
	f       *stage
	name    string
	id      int
	address netip.Addr
	says    atomic.Value // what its agent answers
	asked   atomic.Int64 // requests
	opened  atomic.Int64 // WebSockets

	mu    sync.Mutex
	stop  context.CancelFunc
	conns map[net.Conn]bool
	web   net.Listener
}

func (f *stage) newShard(name string, id int, says string) *shard {
	f.t.Helper()
	s := &shard{f: f, name: name, id: id, address: f.address(shardAddress, slices.Index(everyShard, name))}
	s.says.Store(says)
	s.start()
	f.t.Cleanup(s.kill)
	return s
}

// start lets the shard's node run.
func (s *shard) start() {
	s.f.t.Helper()
	web := s.listen(settings.WebPort)
	checks := s.listen(settings.CheckPort)
	ctx, stop := context.WithCancel(context.Background())
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ConnState: func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch state {
		case http.StateNew:
			s.conns[c] = true
		case http.StateClosed:
			delete(s.conns, c)
		}
	}}
	s.mu.Lock()
	s.web, s.stop, s.conns = web, stop, map[net.Conn]bool{}
	s.mu.Unlock()
	go func() { _ = server.Serve(web) }()
	go func() {
		_ = agent.ServeChecks(ctx, checks, func() string { return s.says.Load().(string) }, slog.New(slog.DiscardHandler))
	}()
}

// listen waits for an address that the shard's last life may still hold.
func (s *shard) listen(port int) net.Listener {
	s.f.t.Helper()
	var l net.Listener
	await(s.f.t, 10*time.Second, "the shard's address", func() bool {
		var err error
		l, err = net.Listen("tcp", net.JoinHostPort(s.address.String(), strconv.Itoa(port)))
		return err == nil
	})
	return l
}

// kill ends the shard's node as a crash does: nothing listens any more and every connection is reset.
func (s *shard) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	_ = s.web.Close()
	for c := range s.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	clear(s.conns)
}

func (s *shard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	if r.Header.Get("Upgrade") == "websocket" {
		s.tunnel(w, r)
		return
	}
	_, _ = io.WriteString(w, s.name)
}

// accept is the answer to a WebSocket's key: https://www.rfc-editor.org/rfc/rfc6455#section-1.3
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// tunnel opens a WebSocket and sends back whatever comes, until either side ends.
func (s *shard) tunnel(w http.ResponseWriter, r *http.Request) {
	conn, pending, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.opened.Add(1)
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	s.echo(conn, pending.Reader)
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

func (s *shard) echo(conn net.Conn, from *bufio.Reader) {
	defer func() { _ = conn.Close() }()
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return
		}
		if _, err := conn.Write(line); err != nil {
			return
		}
	}
}

// says tells the shard's agent what to answer from now on.
func (s *shard) say(text string) *shard {
	require.NotEmpty(s.f.t, text)
	s.says.Store(text)
	return s
}
