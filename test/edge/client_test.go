package edge

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// preamble is the PROXY protocol header, version 2, that the load balancer puts before each connection:
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2
func preamble(from, to netip.AddrPort) []byte {
	const addresses = 12 // bytes: two IPv4 addresses and two ports
	h := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x21, 0x11)
	h = binary.BigEndian.AppendUint16(h, addresses)
	h = append(append(h, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	h = binary.BigEndian.AppendUint16(h, from.Port())
	return binary.BigEndian.AppendUint16(h, to.Port())
}

// somebody is a client's address, one of 131,072 of the network for benchmarks, RFC 2544.
func somebody() netip.AddrPort {
	a := netip.AddrFrom4([4]byte{198, byte(18 + rand.IntN(2)), byte(rand.IntN(256)), byte(rand.IntN(256))})
	return netip.AddrPortFrom(a, uint16(1024+rand.IntN(60000)))
}

// dial connects to a node as the load balancer does for a client.
func dial(ctx context.Context, door string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", door)
	if err != nil {
		return nil, err
	}
	_, err = conn.Write(preamble(somebody(), netip.MustParseAddrPort(door)))
	return conn, err
}

// client speaks to one node. With kept connections it does what browsers do when a kept one turns out to be closed:
// it asks again on a new one. Without, every request stands alone and nothing is ever asked again.
func client(door string, keep bool) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, door) },
		DisableKeepAlives:   !keep,
		MaxIdleConnsPerHost: 512,
		DisableCompression:  true,
	}}
}

// answer is what a client got.
type answer struct {
	shard  string // as HAProxy names it
	body   string // whom the shard says that it is
	status int
	err    error
	sent   time.Time
	took   time.Duration
}

// served tells whether a shard answered.
func (a answer) served() bool { return a.err == nil && a.status == http.StatusOK && a.shard != "" }

func (n *node) ask(ctx context.Context, c *http.Client, path string) answer {
	a := answer{sent: time.Now()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://meet.test"+path, http.NoBody)
	if err != nil {
		a.err = err
		return a
	}
	response, err := c.Do(request)
	a.took = time.Since(a.sent)
	if err != nil {
		a.err = err
		return a
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	a.shard, a.status, a.body, a.err = response.Header.Get(routing.ShardHeader), response.StatusCode, string(body), err
	return a
}
