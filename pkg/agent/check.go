package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// What is said to HAProxy's agent-check: a word on health and one on whether there shall be something new. Without
// "ready" HAProxy would keep a drain or a maintenance that it was told of before.
// https://docs.haproxy.org/2.6/configuration.html#5.2-agent-check
const (
	sayReady       = "up ready"
	sayDrain       = "up drain"
	sayMaintenance = "up maint"
	sayDown        = "down"
)

// belief is a finding that must last before it is believed, and must be gone for as long before it is not.
type belief struct {
	Held bool
	// ContrarySince is when the present run of contrary looks began, and Contrary its length.
	ContrarySince time.Time
	Contrary      int
}

// after is the belief once a look has found so or not so.
func (b belief) after(found bool, now time.Time, least time.Duration) belief {
	b.ContrarySince, b.Contrary = extend(b.ContrarySince, b.Contrary, found != b.Held, now)
	if lasting(b.ContrarySince, b.Contrary, now, least) {
		return belief{Held: found}
	}
	return b
}

// standing is what decides a signal node's answer to the agent-check.
type standing struct {
	Sick       belief // its components fail
	Bridgeless belief // Jicofo has no operational bridge: a new room would have no media
	Full       bool   // more participants than the limit, until there are clearly fewer
}

// room returns is the share of the limit below which a full shard takes new rooms again.
const roomReturns = 0.9

// after is the standing once a view at a given time has become part of it. A limit of 0 is none.
func (s standing) after(v View, limit int64, now time.Time, least time.Duration) standing {
	s.Sick = s.Sick.after(!v.Ready, now, least)
	if v.Answer != Answered || v.Signal == nil {
		return s // the figures are old ones
	}
	s.Bridgeless = s.Bridgeless.after(v.Signal.BridgesOK == 0, now, least)
	people := v.Signal.Participants
	switch {
	case limit <= 0:
		s.Full = false
	case people > limit:
		s.Full = true
	case float64(people) <= roomReturns*float64(limit):
		s.Full = false
	}
	return s
}

// says is the answer of a signal node whose shard is in the given state.
func (s standing) says(state fleet.ShardState) string {
	switch {
	case s.Sick.Held:
		return sayDown
	case state == fleet.ShardMaintenance:
		return sayMaintenance
	case state != fleet.ShardReady, s.Full, s.Bridgeless.Held:
		return sayDrain
	default:
		return sayReady
	}
}

// Check is the node's present answer to HAProxy's agent-check, without the end of line. On a signal node it is
// about the shard; on an edge node it is about the node itself: whether the load balancer shall send it clients.
func (a *Agent) Check() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.check()
}

// check needs mu.
func (a *Agent) check() string {
	switch {
	case a.config.Role != fleet.RoleEdge:
		return a.standing.says(a.shardState)
	case a.open():
		return sayReady
	default:
		return sayMaintenance
	}
}

// checkTimeout bounds the writing of one answer, which fits into any socket's buffer.
const checkTimeout = time.Second

// ServeChecks answers every connection to the listener with what say says, and closes it, until the context ends.
// It is to be started after the first look: HAProxy keeps the state of a server whose agent refuses connections,
// while an answer that means nothing yet would change it.
func ServeChecks(ctx context.Context, listener net.Listener, say func() string, log *slog.Logger) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		connection, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("agent-checks are not answered any more: %w", err)
		case err != nil:
			log.Warn("an agent-check was not answered", "why", err)
			pause(ctx, checkTimeout) // too many open files pass
			continue
		}
		answerCheck(connection, say())
	}
}

func answerCheck(connection net.Conn, text string) {
	// Who asks and does not wait for the answer asks again.
	_ = connection.SetDeadline(time.Now().Add(checkTimeout))
	_, _ = connection.Write([]byte(text + "\n"))
	_ = connection.Close()
}
