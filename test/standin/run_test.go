package standin_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// TestAnHourWithManyAtOnce runs on the wall clock at a high factor: people come and go from many sides while bridges
// are asked, killed and ended, and at the end everybody is accounted for.
func TestAnHourWithManyAtOnce(t *testing.T) {
	s := newStage(t, standin.Options{Clock: time.Now, Factor: 3600, BridgeBoot: 4 * time.Minute})
	w := s.World
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	s.signal("a")
	var bridges []fleet.InstanceID
	for range 4 {
		bridges = append(bridges, s.newBridge())
	}
	require.Eventually(t, func() bool {
		joined := 0
		for _, b := range w.Bridges() {
			if b.Joined {
				joined++
			}
		}
		return joined == len(bridges)
	}, 5*time.Second, 5*time.Millisecond)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 40 {
				ticket, err := w.Join("a", fmt.Sprintf("room-%d", (i+n)%10))
				if err == nil && n%2 == 0 {
					w.Leave(ticket)
				}
			}
		})
	}
	all.Go(func() { w.KillBridge(bridges[0]) })
	all.Go(func() { w.HangBridge(bridges[1], true); w.HangBridge(bridges[1], false) })
	all.Go(func() {
		for range 20 {
			_, err := s.jvb(bridges[2]).Stats(t.Context())
			assert.NoError(t, err)
		}
	})
	all.Wait()
	require.Eventually(t, func() bool {
		on := 0
		for _, b := range w.Bridges() {
			on += b.LocalEndpoints
		}
		return on == w.Participants("a")
	}, 5*time.Second, 5*time.Millisecond, "who lost a bridge gets another")
	c := w.Counters()
	assert.EqualValues(t, w.Participants("a"), c.Joined-c.Left)
	assert.EqualValues(t, 320, c.Joined+c.Refused)
	assert.Zero(t, c.Dropped)
}
