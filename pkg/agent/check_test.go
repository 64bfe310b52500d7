package agent

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// shardView is a look at a signal node with so many people and operational bridges.
func shardView(ready bool, people, bridges int64) View {
	return View{Answer: Answered, Ready: ready, Signal: &fleet.SignalLoad{Participants: people, BridgesOK: bridges}}
}

func TestWhatASignalNodeSaysToHAProxy(t *testing.T) {
	well, sick := standing{}, standing{Sick: belief{Held: true}}
	for _, c := range []struct {
		name     string
		standing standing
		state    fleet.ShardState
		says     string
	}{
		{"a ready shard that is well takes rooms", well, fleet.ShardReady, "up ready"},
		{"a drained shard keeps its rooms", well, fleet.ShardDrain, "up drain"},
		{"a shard in maintenance gives up its rooms", well, fleet.ShardMaintenance, "up maint"},
		{"a sick shard is down, whatever its state", sick, fleet.ShardReady, "down"},
		{"a sick shard in maintenance is down", sick, fleet.ShardMaintenance, "down"},
		{"a full shard keeps its rooms", standing{Full: true}, fleet.ShardReady, "up drain"},
		{"a full shard in maintenance gives up its rooms", standing{Full: true}, fleet.ShardMaintenance, "up maint"},
		{"a shard without a bridge gets no rooms", standing{Bridgeless: belief{Held: true}}, fleet.ShardReady, "up drain"},
		{"a state that is none takes no rooms", well, "open", "up drain"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.says, c.standing.says(c.state)) })
	}
}

// look is one look at the moment after a wait.
type look struct {
	wait time.Duration
	view View
	says string
}

func TestAShardIsDownAfterAGraceAndUpAfterAProof(t *testing.T) {
	ready, failing := shardView(true, 5, 2), shardView(false, 5, 2)
	for _, c := range []struct {
		name  string
		first standing
		looks []look
	}{
		{"a failure that passes is none", standing{}, []look{
			{0, ready, "up ready"}, {2 * time.Second, failing, "up ready"}, {12 * time.Second, failing, "up ready"}, {2 * time.Second, ready, "up ready"},
			{2 * time.Second, failing, "up ready"}, {14 * time.Second, failing, "up ready"},
		}},
		{"a failure that lasts is one", standing{}, []look{
			{0, failing, "up ready"}, {7 * time.Second, failing, "up ready"}, {7 * time.Second, failing, "up ready"}, {time.Second, failing, "down"},
		}},
		{"two slow answers a long time apart are no failure", standing{}, []look{{0, failing, "up ready"}, {time.Hour, failing, "up ready"}}},
		{"a recovery must last as long", standing{Sick: belief{Held: true}}, []look{
			{0, ready, "down"}, {14 * time.Second, ready, "down"}, {time.Second, failing, "down"},
			{time.Second, ready, "down"}, {8 * time.Second, ready, "down"}, {7 * time.Second, ready, "up ready"},
		}},
		{"a shard that loses its bridges takes no rooms after a grace", standing{}, []look{
			{0, shardView(true, 5, 0), "up ready"}, {14 * time.Second, shardView(true, 5, 0), "up ready"}, {time.Second, shardView(true, 5, 0), "up drain"},
			{time.Second, shardView(true, 5, 1), "up drain"}, {14 * time.Second, shardView(true, 5, 1), "up drain"}, {time.Second, shardView(true, 5, 1), "up ready"},
		}},
		{"a shard above its limit takes no rooms until it is at nine tenths", standing{}, []look{
			{0, shardView(true, 100, 1), "up ready"}, {1, shardView(true, 101, 1), "up drain"}, {1, shardView(true, 91, 1), "up drain"},
			{1, shardView(true, 90, 1), "up ready"}, {1, shardView(true, 100, 1), "up ready"},
		}},
		{"a silent Jicofo's old figures fill no shard", standing{}, []look{
			{0, View{Answer: Silent, Signal: &fleet.SignalLoad{Participants: 900}}, "up ready"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, now := c.first, noon
			for i, l := range c.looks {
				now = now.Add(l.wait)
				s = s.after(l.view, 100, now, sickAfter)
				assert.Equal(t, l.says, s.says(fleet.ShardReady), "look %d", i)
			}
		})
	}
}

func TestWithoutALimitNoShardIsFull(t *testing.T) {
	s := standing{Full: true}.after(shardView(true, 1<<40, 1), 0, noon, sickAfter)
	assert.Equal(t, "up ready", s.says(fleet.ShardReady))
}

func TestABeliefChangesAtMostOnceInItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, now, changed := belief{Held: rapid.Bool().Draw(t, "held")}, noon, time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			now = now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
			found := rapid.Bool().Draw(t, "found")
			next := b.after(found, now, sickAfter)
			if next.Held != b.Held {
				if next.Held != found {
					t.Fatal("it changed to what was not found")
				}
				if !changed.IsZero() && now.Sub(changed) < sickAfter {
					t.Fatalf("it changed twice within %s", now.Sub(changed))
				}
				changed = now
			}
			b = next
		}
	})
}

func TestANewNodeIsDownUntilProvenAndAServingOneStaysUpWhenItsAgentRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{answer: Answered, joined: true}
		c := configOf(t, p, nil)
		c.Role, c.StatePoll = fleet.RoleSignal, 4*time.Second
		c.State = func(context.Context) (string, error) { return "ready", nil }
		a := running(t, c)
		time.Sleep(time.Second)
		assert.Equal(t, "down", a.Check())
		time.Sleep(20 * time.Second)
		assert.Equal(t, "up ready", a.Check())
		obey(t, a, fleet.VerbAdmit, 1)
		p.now(func(p *puppet) { p.answer = Silent })
		again := running(t, c)
		time.Sleep(time.Second)
		assert.Equal(t, "up ready", again.Check(), "one failed look is no failure, and the state is remembered")
		time.Sleep(20 * time.Second)
		assert.Equal(t, "down", again.Check())
	})
}

func TestEveryConnectionIsAnsweredWithOneLine(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- ServeChecks(ctx, listener, func() string { return "up drain" }, slog.New(slog.DiscardHandler))
	}()
	for range 20 {
		connection, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, connection.SetDeadline(time.Now().Add(5*time.Second)))
		answer, err := io.ReadAll(bufio.NewReader(connection))
		require.NoError(t, err)
		assert.Equal(t, "up drain\n", string(answer))
		require.NoError(t, connection.Close())
	}
	cancel()
	require.NoError(t, <-ended)
}

func TestChecksThatCannotBeAnsweredAnyMoreAreAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	err = ServeChecks(t.Context(), listener, func() string { return "down" }, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestTheStateOfTheShardIsFollowedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type written struct {
			text string
			err  error
		}
		var now atomic.Pointer[written]
		c := configOf(t, &puppet{answer: Silent}, nil)
		c.Role, c.StatePoll = fleet.RoleSignal, 4*time.Second
		c.State = func(context.Context) (string, error) { w := now.Load(); return w.text, w.err }
		a, err := New(c)
		require.NoError(t, err)
		assert.Equal(t, fleet.ShardDrain, a.knownState(), "before it heard of any")
		for _, step := range []struct {
			text   string
			err    error
			state  fleet.ShardState
			detail string
		}{
			{"", errors.New("throttled"), fleet.ShardDrain, "the shard's state is kept as it was, drain: throttled"},
			{"ready\n", nil, fleet.ShardReady, ""},
			{"raedy", nil, fleet.ShardReady, `the shard's state is kept as it was, ready: shard state "raedy" is none`},
			{"", errors.New("no route"), fleet.ShardReady, "no route"},
			{"maintenance", nil, fleet.ShardMaintenance, ""},
		} {
			now.Store(&written{step.text, step.err})
			a.learnState(t.Context())
			assert.Equal(t, step.state, a.knownState())
			assert.Contains(t, a.stateTrouble, step.detail)
			assert.Equal(t, step.detail == "", a.stateTrouble == "")
			again, err := New(c)
			require.NoError(t, err)
			assert.Equal(t, step.state, again.knownState(), "across a restart of the agent")
		}
		now.Store(&written{text: "ready"})
		running(t, c)
		time.Sleep(time.Second)
		now.Store(&written{text: "drain"})
		time.Sleep(4 * time.Second)
		again, err := New(c)
		require.NoError(t, err)
		assert.Equal(t, fleet.ShardDrain, again.knownState(), "followed within one poll")
	})
}

func TestAStateThatCannotBeRememberedIsFollowedAllTheSame(t *testing.T) {
	c := configOf(t, &puppet{}, nil)
	c.State = func(context.Context) (string, error) { return "maintenance", nil }
	a, err := New(c)
	require.NoError(t, err)
	a.config.StateFile = t.TempDir() + "/absent/state.json"
	a.learnState(t.Context())
	assert.Equal(t, fleet.ShardMaintenance, a.knownState())
	assert.Contains(t, a.Status().Detail, "cannot be remembered")
}
