package standin_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// BenchmarkOneStep is one second of a World with twenty bridges and a thousand participants in a hundred rooms.
func BenchmarkOneStep(b *testing.B) {
	c := &clock{now: start}
	w := standin.New(standin.Options{Clock: c.Now})
	defer w.Close()
	s := &stage{World: w, clock: c, at: map[fleet.InstanceID]netip.Addr{}}
	if err := w.StartSignal("i-s", "a", s.address("i-s")); err != nil {
		b.Fatal(err)
	}
	for i := range 20 {
		id := fleet.InstanceID(fmt.Sprintf("i-%d", i))
		if err := w.StartBridge(id, "a", s.address(id)); err != nil {
			b.Fatal(err)
		}
	}
	s.pass(10 * time.Second)
	for i := range 1000 {
		if _, err := w.Join("a", fmt.Sprintf("room-%d", i%100)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s.pass(time.Second)
	}
}
