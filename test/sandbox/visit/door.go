package visit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// Door is the way in: the HAProxy nodes, used in turn, as a load balancer uses them.
type Door struct {
	nodes   []netip.AddrPort
	clients []*http.Client
	next    atomic.Uint64
}

// anyClient is the address that all of the sandbox's users come from, a documentation address of RFC 5737.
var anyClient = netip.MustParseAddrPort("203.0.113.7:40000")

// requestTime bounds one request. A user who waits longer tries again.
const requestTime = 5 * time.Second

// largestAnswer bounds what is read of an answer.
const largestAnswer = 1 << 20

// NewDoor opens a door through HAProxy nodes.
func NewDoor(nodes []netip.AddrPort) *Door {
	d := &Door{nodes: nodes}
	for _, node := range nodes {
		d.clients = append(d.clients, &http.Client{
			Timeout: requestTime,
			Transport: &http.Transport{
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, anyClient, node) },
				// HAProxy closes what is idle for 30s. A browser repeats a request that such an end crosses; this client does not.
				IdleConnTimeout: 10 * time.Second,
			},
		})
	}
	return d
}

// Join brings n participants into a room and returns their seats, fewer than n when some were refused.
func (d *Door) Join(ctx context.Context, room string, n int) (standin.Seats, error) {
	return d.ask(ctx, room, standin.HeaderJoin, strconv.Itoa(n))
}

// Leave lets participants of a room go.
func (d *Door) Leave(ctx context.Context, room string, tickets []standin.Ticket) (standin.Seats, error) {
	return d.ask(ctx, room, standin.HeaderLeave, listed(tickets))
}

// Stay keeps participants' connections alive and returns which of their sessions have ended.
func (d *Door) Stay(ctx context.Context, room string, tickets []standin.Ticket) (standin.Seats, error) {
	return d.ask(ctx, room, standin.HeaderStay, listed(tickets))
}

func listed(tickets []standin.Ticket) string {
	texts := make([]string, len(tickets))
	for i, t := range tickets {
		texts[i] = strconv.FormatUint(uint64(t), 10)
	}
	return strings.Join(texts, ",")
}

func (d *Door) ask(ctx context.Context, room, header, value string) (standin.Seats, error) {
	i := d.next.Add(1) % uint64(len(d.nodes))
	address := "http://" + d.nodes[i].String() + "/http-bind?room=" + url.QueryEscape(room)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return standin.Seats{}, err
	}
	request.Header.Set(header, value)
	response, err := d.clients[i].Do(request)
	if err != nil {
		return standin.Seats{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	if err != nil {
		return standin.Seats{}, err
	}
	var seats standin.Seats
	if err := json.Unmarshal(body, &seats); err != nil {
		return standin.Seats{}, fmt.Errorf("room %s: HAProxy answers %s: %.120q", room, response.Status, body)
	}
	if shard := response.Header.Get(standin.HeaderShard); shard != seats.Shard {
		return seats, fmt.Errorf("room %s: HAProxy names shard %q, shard %q answered", room, shard, seats.Shard)
	}
	return seats, nil
}

// Open reports whether every node serves rooms.
func (d *Door) Open(ctx context.Context) bool {
	for i, node := range d.nodes {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+node.String()+"/_unlock?room=open", http.NoBody)
		if err != nil {
			return false
		}
		response, err := d.clients[i].Do(request)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}
