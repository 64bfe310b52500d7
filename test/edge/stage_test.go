package edge

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/resolver"
)

const zone = "fleet.internal"

// shape is how a fleet is built.
type shape struct {
	nodes int
	// relays lets the nodes reach each other through relays, which can be cut.
	relays bool
}

// stage is some HAProxy nodes before some shards, on loopback addresses of its own.
type stage struct {
	t      *testing.T
	block  byte // all addresses are 127.block.0.0/16
	nodes  []*node
	shards []*shard // as configured, in this order
	relays []*relay
}

// names of the shards that a fleet begins with. The ids are not in a row, as they are not after some years.
var firstShards = []struct {
	name string
	id   int
}{{"alpha", 1}, {"beta", 2}, {"gamma", 3}, {"delta", 7}}

// newStage starts a fleet and waits until every node takes clients and has heard every shard.
func newStage(t *testing.T, s shape) *stage {
	t.Helper()
	f := &stage{t: t}
	f.resolve()
	for _, s := range firstShards {
		f.shards = append(f.shards, f.newShard(s.name, s.id, "up ready"))
	}
	for i := range s.nodes {
		f.nodes = append(f.nodes, f.newNode(i))
	}
	if s.relays {
		f.relay()
	}
	for _, n := range f.nodes {
		n.start()
	}
	for _, n := range f.nodes {
		n.awaitServing()
	}
	f.awaitStatus(haproxy.Up, f.shards...)
	return f
}

// address is one of the fleet's own.
func (f *stage) address(kind, i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, f.block, byte(kind), byte(10 + i)})
}

// The kinds of addresses.
const (
	nodeAddress = iota + 1
	shardAddress
	relayAddress
)

const resolverPort = 5353

// resolve starts the DNS server, whose address is the claim on the whole block: two fleets never share one.
func (f *stage) resolve() {
	f.t.Helper()
	for f.block = 64; f.block < 128; f.block++ {
		server, err := resolver.Listen(f.resolver().String(), f, []string{zone}, func(err error) { f.t.Error(err) })
		if err == nil {
			f.t.Cleanup(func() { _ = server.Close() })
			return
		}
	}
	require.FailNow(f.t, "no block of loopback addresses is free")
}

func (f *stage) resolver() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, f.block, 0, 2}), resolverPort)
}

// everyShard is where each shard that a fleet can have lives, also one that is not configured yet.
var everyShard = []string{"alpha", "beta", "gamma", "delta", "epsilon"}

// Addresses are the records of the private zone.
func (f *stage) Addresses(context.Context) (map[string]resolver.Record, error) {
	records := map[string]resolver.Record{}
	for i, name := range everyShard {
		records[name+"."+zone+"."] = resolver.Record{Addresses: []netip.Addr{f.address(shardAddress, i)}, TTL: 2}
	}
	return records, nil
}

// config is what one node is told: the deployed ports, limits and sizes.
func (f *stage) config(self *node) routing.Config {
	c := routing.Config{
		Self: self.name, Resolver: f.resolver(),
		ClientPort: settings.EdgePort, StatsPort: settings.StatsPort, PeersPort: settings.PeersPort, WebPort: settings.WebPort,
		CheckPort: settings.CheckPort, ConnectionRate: 2_000, TableSize: 200_000, TableExpiry: 10 * time.Minute,
	}
	for _, n := range f.nodes {
		address := n.address
		if at := slices.IndexFunc(f.relays, func(r *relay) bool { return r.from == self && r.to == n }); at >= 0 {
			address = f.relays[at].address
		}
		c.Slots = append(c.Slots, routing.Slot{Name: n.name, Address: address})
	}
	for _, s := range f.shards {
		c.Shards = append(c.Shards, routing.Shard{Name: s.name, ID: s.id, Host: s.name + "." + zone})
	}
	return c
}

func (f *stage) shard(name string) *shard {
	f.t.Helper()
	at := slices.IndexFunc(f.shards, func(s *shard) bool { return s.name == name })
	require.GreaterOrEqual(f.t, at, 0, name)
	return f.shards[at]
}

// awaitStatus waits until every running node sees shards so, and answers how long that took.
func (f *stage) awaitStatus(status haproxy.Status, shards ...*shard) time.Duration {
	f.t.Helper()
	return await(f.t, 30*time.Second, fmt.Sprintf("shards in status %d on every node", status), func() bool {
		for _, n := range f.nodes {
			for _, s := range shards {
				if n.runs() && n.status(s) != status {
					return false
				}
			}
		}
		return true
	})
}

// await polls until something is so, and answers how long that took.
func await(t *testing.T, limit time.Duration, what string, so func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !so() {
		if time.Since(began) > limit {
			require.FailNow(t, "waited in vain", "%s: not within %s", what, limit)
		}
		pause(10 * time.Millisecond)
	}
	return time.Since(began)
}

func pause(d time.Duration) { <-time.After(d) }

// each does something for many at once, a bounded number at a time.
func each[T any](all []T, atOnce int, do func(T)) {
	var wait sync.WaitGroup
	next := make(chan T)
	for range min(atOnce, len(all)) {
		wait.Go(func() {
			for one := range next {
				do(one)
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	wait.Wait()
}
