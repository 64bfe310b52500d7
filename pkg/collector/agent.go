package collector

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

var errNoSignal = errors.New("no Jicofo and no signal node of this shard was asked")

// Statuses are node agents that tell their status; *agent.Client is such a client.
type Statuses interface {
	Status(ctx context.Context, address netip.Addr) (fleet.Status, error)
}

// agentTarget is a node agent. What it said of itself last is remembered, so that its silence is its own and not that
// of an unknown node.
type agentTarget struct {
	client  Statuses
	address netip.Addr

	mu   sync.Mutex
	last Node // its name, role and shard
}

// NewAgent makes a target of the agent at an address.
func NewAgent(client Statuses, address netip.Addr) Target {
	name := address.String()
	return &agentTarget{client: client, address: address, last: Node{Name: name, Kind: kindAgent, Address: name}}
}

func (a *agentTarget) Ask(ctx context.Context) Node {
	status, err := a.client.Status(ctx, a.address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.last.Role, a.last.Shard = status.Role, status.Shard
		if status.Instance != "" {
			a.last.Name = string(status.Instance)
		}
	}
	n := a.last
	n.Status, n.Err = status, err
	return n
}
