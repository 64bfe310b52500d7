package jitsi

import (
	"context"
	"fmt"
	"time"
)

// Bridge is a client of one videobridge's private HTTP interface.
type Bridge struct{ component }

// NewBridge makes a client of the bridge at base, "http://127.0.0.1:8080".
func NewBridge(base string, timeout time.Duration) *Bridge {
	return &Bridge{newComponent("JVB", base, timeout)}
}

// Stats asks GET /colibri/stats, which needs videobridge.apis.rest.enabled.
func (b *Bridge) Stats(ctx context.Context) (BridgeStats, error) {
	raw, err := b.get(ctx, "/colibri/stats", maxStatsBytes)
	if err != nil {
		return BridgeStats{}, err
	}
	return DecodeBridgeStats(raw)
}

// Health asks GET /about/health: nil when the bridge says that it is healthy.
func (b *Bridge) Health(ctx context.Context) error { return b.health(ctx) }

// Drain asks whether the bridge is in drain mode.
func (b *Bridge) Drain(ctx context.Context) (bool, error) {
	raw, err := b.get(ctx, "/colibri/drain", maxTextBytes)
	if err != nil {
		return false, err
	}
	return DecodeDrain(raw)
}

// SetDrain switches drain mode. The bridge goes on accepting what it is given; Jicofo sees the change with the
// bridge's next presence, up to 5 s later, and from then on prefers others.
func (b *Bridge) SetDrain(ctx context.Context, on bool) error {
	if on {
		return b.post(ctx, "/colibri/drain/enable", "")
	}
	return b.post(ctx, "/colibri/drain/disable", "")
}

// Shutdown ends the bridge for good, which needs videobridge.rest.shutdown.enabled. Graceful, it waits until it
// has no local endpoints; otherwise Jicofo moves its participants to other bridges at once. In both ways the
// process exits a shutting-down-delay (1 min) after the last one has left or was moved.
func (b *Bridge) Shutdown(ctx context.Context, graceful bool) error {
	return b.post(ctx, "/colibri/shutdown", fmt.Sprintf(`{"graceful-shutdown": %t}`, graceful))
}
