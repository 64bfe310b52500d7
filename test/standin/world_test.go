package standin_test

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// stage is a World with a clock in the test's hand. Addresses are of this process alone, so that test binaries can
// run side by side.
type stage struct {
	*standin.World
	t     *testing.T
	clock *clock
	next  int
	// patience is how long the clients of components wait for an answer.
	patience time.Duration
	at       map[fleet.InstanceID]netip.Addr
}

var start = time.Date(2026, 9, 14, 9, 0, 0, 0, time.UTC)

func newStage(t *testing.T, o standin.Options) *stage {
	t.Helper()
	c := &clock{now: start}
	if o.Clock == nil {
		o.Clock = c.Now
	}
	s := &stage{World: standin.New(o), t: t, clock: c, at: map[fleet.InstanceID]netip.Addr{}, patience: 2 * time.Second}
	t.Cleanup(s.Close)
	return s
}

func (s *stage) address(id fleet.InstanceID) netip.Addr {
	s.next++
	pid := os.Getpid()
	s.at[id] = netip.AddrFrom4([4]byte{127, byte(64 + pid%64), byte(pid / 64), byte(s.next)})
	return s.at[id]
}

func (s *stage) pass(d time.Duration) {
	s.clock.add(d)
	s.Advance()
}

func (s *stage) signal(shard string) fleet.InstanceID {
	s.t.Helper()
	id := fleet.InstanceID(fmt.Sprintf("i-5%07x", s.next))
	require.NoError(s.t, s.StartSignal(id, shard, s.address(id)))
	return id
}

// bridge starts a bridge of shard a, waits until it has joined, and lets it take work.
func (s *stage) bridge() fleet.InstanceID {
	s.t.Helper()
	id := s.newBridge()
	s.pass(6 * time.Second)
	s.drain(id, false)
	return id
}

func (s *stage) newBridge() fleet.InstanceID {
	s.t.Helper()
	id := fleet.InstanceID(fmt.Sprintf("i-b%07x", s.next))
	require.NoError(s.t, s.StartBridge(id, "a", s.address(id)))
	return id
}

// drain switches drain mode and waits until Jicofo has seen it.
func (s *stage) drain(id fleet.InstanceID, on bool) {
	s.t.Helper()
	require.NoError(s.t, s.jvb(id).SetDrain(s.t.Context(), on))
	s.pass(5 * time.Second)
}

func (s *stage) join(room string, n int) []standin.Ticket {
	s.t.Helper()
	tickets := make([]standin.Ticket, 0, n)
	for range n {
		ticket, err := s.Join("a", room)
		require.NoError(s.t, err)
		tickets = append(tickets, ticket)
	}
	return tickets
}

// on is how many participants each bridge really has.
func (s *stage) on(id fleet.InstanceID) int { return s.state(id).LocalEndpoints }

func (s *stage) state(id fleet.InstanceID) standin.BridgeState {
	s.t.Helper()
	for _, b := range s.Bridges() {
		if b.ID == id {
			return b
		}
	}
	s.t.Fatalf("no bridge %s", id)
	return standin.BridgeState{}
}
