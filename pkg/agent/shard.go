package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// stateTimeout bounds one question for the shard's state.
const stateTimeout = 3 * time.Second

// follow asks for the shard's state until the context ends.
func (a *Agent) follow(ctx context.Context) {
	for {
		a.learnState(ctx)
		if !pause(ctx, a.config.StatePoll) {
			return
		}
	}
}

// learnState asks once. What was known stays known when there is no answer, or none that is a state: a shard
// neither opens nor closes because a parameter cannot be read.
func (a *Agent) learnState(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, stateTimeout)
	text, err := a.config.State(limited)
	cancel()
	if ctx.Err() != nil {
		return
	}
	state, known := a.knownState(), false
	if err != nil {
		err = fmt.Errorf("the shard's state is kept as it was, %s: %w", state, err)
	} else if heard, wrong := fleet.ParseShardState(strings.TrimSpace(text)); wrong != nil {
		err = fmt.Errorf("the shard's state is kept as it was, %s: %w", state, wrong)
	} else {
		state, known = heard, true
	}
	if known {
		err = a.keepState(ctx, state)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble != a.stateTrouble {
		a.config.Log.Warn("shard state", "trouble", trouble)
		a.stateTrouble = trouble
	}
}

func (a *Agent) knownState() fleet.ShardState {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.shardState
}

// keepState makes a state the node's, and remembers it on disk where it is a new one. A disk that fails keeps
// nobody from draining a shard.
func (a *Agent) keepState(ctx context.Context, state fleet.ShardState) error {
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.release()
	a.mu.Lock()
	if a.shardState != state {
		a.config.Log.Info("shard state", "from", a.shardState, "to", state)
		a.shardState = state
	}
	a.mu.Unlock()
	if a.memory.ShardState == state {
		return nil
	}
	next := a.memory
	next.ShardState = state
	if err := next.save(a.config.StateFile); err != nil {
		return err
	}
	a.memory = next
	return nil
}

// firstState is the state that a node begins with: the one that it remembers, else drain, since a shard that
// nobody has spoken of yet must get no rooms.
func (m Memory) firstState() fleet.ShardState {
	if _, err := fleet.ParseShardState(string(m.ShardState)); err != nil {
		return fleet.ShardDrain
	}
	return m.ShardState
}
