package edge

import (
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// relay is the way from one node to another's peers port. It can be cut.
type relay struct {
	from, to *node
	address  netip.Addr

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// relay puts a relay between every two nodes, in both directions.
func (f *stage) relay() {
	f.t.Helper()
	for i, from := range f.nodes {
		for j, to := range f.nodes {
			if i == j {
				continue
			}
			r := &relay{from: from, to: to, address: f.address(relayAddress, i*len(f.nodes)+j)}
			l, err := net.Listen("tcp", r.port(r.address))
			require.NoError(f.t, err)
			f.t.Cleanup(func() { _ = l.Close(); r.set(true) })
			go r.serve(l)
			f.relays = append(f.relays, r)
		}
	}
}

func (*relay) port(a netip.Addr) string {
	return net.JoinHostPort(a.String(), strconv.Itoa(settings.PeersPort))
}

func (r *relay) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", r.port(r.to.address))
		if err != nil || !r.keeps(in, out) {
			_ = in.Close()
			if out != nil {
				_ = out.Close()
			}
			continue
		}
		go pump(in, out)
		go pump(out, in)
	}
}

// keeps remembers a connection unless the way is cut.
func (r *relay) keeps(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.cut {
		r.conns = append(r.conns, conns...)
	}
	return !r.cut
}

func pump(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = to.Close()
}

// set cuts the way, or opens it again.
func (r *relay) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}
