package visit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// behind takes connections that begin with the PROXY protocol, as HAProxy does with accept-proxy, and refuses
// others. Each request's remote address is the client's that the header names.
type behind struct{ net.Listener }

type named struct {
	net.Conn
	rest   *bufio.Reader
	client net.Addr
}

func (n named) Read(p []byte) (int, error) { return n.rest.Read(p) }
func (n named) RemoteAddr() net.Addr       { return n.client }

// Accept reads the header at once: its sender writes it before anything else.
func (b behind) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	rest := bufio.NewReader(conn)
	head := make([]byte, len(signature)+4+addressLength)
	if _, err := io.ReadFull(rest, head); err != nil || !bytes.HasPrefix(head, signature) {
		_ = conn.Close()
		return b.Accept()
	}
	source := head[len(signature)+4:]
	client := netip.AddrPortFrom(netip.AddrFrom4([4]byte(source[:4])), uint16(source[8])<<8|uint16(source[9]))
	return named{conn, rest, net.TCPAddrFromAddrPort(client)}, nil
}

// shard answers as a shard's web server behind HAProxy does.
type shard struct {
	mu      sync.Mutex
	name    string // in the body, by the shard itself
	header  string // in X-Jitsi-Shard, by HAProxy
	seats   int    // free ones; who comes when there are none is refused
	down    bool   // HAProxy has no server for it
	given   uint64
	present map[uint64]string // the room of each ticket
	clients map[string]bool   // who asked, by the PROXY protocol
}

func (s *shard) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// forget ends every session in a room, as a node does that dies.
func (s *shard) forget(room string) {
	maps.DeleteFunc(s.present, func(_ uint64, r string) bool { return r == room })
}

// ServeHTTP lets people in and out.
func (s *shard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[r.RemoteAddr] = true
	if s.down {
		http.Error(w, "<html>503 Service Unavailable</html>", http.StatusServiceUnavailable)
		return
	}
	seats := standin.Seats{Shard: s.name}
	n, _ := strconv.Atoi(r.Header.Get(standin.HeaderJoin))
	for range min(n, s.seats) {
		s.given++
		s.seats--
		s.present[s.given] = r.URL.Query().Get("room")
		seats.Tickets = append(seats.Tickets, standin.Ticket(s.given))
	}
	for ticket := range strings.SplitSeq(r.Header.Get(standin.HeaderLeave), ",") {
		id, _ := strconv.ParseUint(ticket, 10, 64)
		if s.present[id] == r.URL.Query().Get("room") {
			delete(s.present, id)
			seats.Left++
		}
	}
	for ticket := range strings.SplitSeq(r.Header.Get(standin.HeaderStay), ",") {
		if id, err := strconv.ParseUint(ticket, 10, 64); err == nil && s.present[id] == "" {
			seats.Gone = append(seats.Gone, standin.Ticket(id))
		}
	}
	w.Header().Set(standin.HeaderShard, s.header)
	_ = json.NewEncoder(w).Encode(seats)
}

// open is a shard with free seats and the door to it.
func open(t *testing.T, seats int) (*shard, *Door) {
	t.Helper()
	s := &shard{name: "a", header: "a", seats: seats, present: map[uint64]string{}, clients: map[string]bool{}}
	server := httptest.NewUnstartedServer(s)
	server.Listener = behind{server.Listener}
	server.Start()
	t.Cleanup(server.Close)
	return s, NewDoor([]netip.AddrPort{netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://"))})
}

// there is who is in a room, by the shard's own count.
func (s *shard) there(t *testing.T, room string) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, r := range s.present {
		require.NotZero(t, id)
		if r == room {
			n++
		}
	}
	return n
}
