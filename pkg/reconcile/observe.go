package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Observer reads the truth of groups from Auto Scaling, EC2 and the node agents.
type Observer struct {
	Fleet    string
	Groups   Groups
	Machines Machines
	Agents   Agents
	// AgentTimeout bounds the question to one agent. All agents are asked side by side.
	AgentTimeout time.Duration
	// OnlyInService leaves out the agents of machines that boot or leave, for a loop that has no time to lose: one that
	// boots does not answer, which takes all of AgentTimeout to learn.
	OnlyInService bool
	// Concurrency is how many agents are asked at once; 0 means 256.
	Concurrency int
	Now         func() time.Time
	Log         *slog.Logger
}

const defaultConcurrency = 256

var errNoAddress = errors.New("EC2 tells no address")

// Observe observes the groups of a scope. A silent agent costs its own report only; the error is of Auto Scaling
// or EC2, without which nothing is known.
func (o Observer) Observe(ctx context.Context, scope fleet.Scope) ([]fleet.Observation, error) {
	// Groups of every role are listed, since a bridge is judged with its shard's signal node beside it, and a recorder
	// with those of all shards.
	groups, err := o.list(ctx, fleet.Scope{Shards: scope.Shards})
	if err != nil {
		return nil, err
	}
	return o.observe(ctx, groups, scope)
}

// observe observes those of the listed groups that are in the scope.
func (o Observer) observe(ctx context.Context, groups []fleet.Group, scope fleet.Scope) ([]fleet.Observation, error) {
	machines, err := o.Machines.List(ctx, o.Fleet)
	if err != nil {
		return nil, fmt.Errorf("the machines of fleet %s are not known: %w", o.Fleet, err)
	}
	locate(groups, machines)
	wanted := selectGroups(groups, scope)
	reports := o.ask(ctx, o.nodesToAsk(groups, wanted))
	now := o.Now()
	observations := make([]fleet.Observation, len(wanted))
	for i, g := range wanted {
		observations[i] = fleet.Observation{At: now, Group: g, Nodes: reportsOf(g, reports)}
		if g.Role == fleet.RoleJibri {
			observations[i].Signals = signalsOf(groups, reports)
		} else {
			observations[i].Signal = signalOf(g.Shard, groups, reports)
		}
	}
	return observations, nil
}

// list describes the fleet's groups of a scope. A group of bridges or signal nodes that carries no shard's tag belongs
// to nobody: it is named in the log and left alone.
func (o Observer) list(ctx context.Context, scope fleet.Scope) ([]fleet.Group, error) {
	scope.Fleet = o.Fleet
	groups, err := o.Groups.List(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("the groups of fleet %s are not known: %w", o.Fleet, err)
	}
	return slices.DeleteFunc(groups, func(g fleet.Group) bool {
		stray := g.Shard == "" && g.Role != fleet.RoleEdge && g.Role != fleet.RoleJibri
		if stray {
			o.Log.Error("a group is left alone: give it the tag "+fleet.TagShard, "group", g.Name, "role", g.Role)
		}
		return stray
	}), nil
}

func locate(groups []fleet.Group, machines map[fleet.InstanceID]fleet.Machine) {
	for _, g := range groups {
		for i := range g.Instances {
			if m, ok := machines[g.Instances[i].ID]; ok {
				g.Instances[i].Address, g.Instances[i].Launched, g.Instances[i].Stopped = m.Address, m.Launched, m.Stopped
			}
		}
	}
}

func selectGroups(groups []fleet.Group, scope fleet.Scope) []fleet.Group {
	var wanted []fleet.Group
	for _, g := range groups {
		if scope.Includes(g) {
			wanted = append(wanted, g)
		}
	}
	return wanted
}

// nodesToAsk are the nodes of the wanted groups and the signal nodes of their shards; recorders are all shards'.
func (o Observer) nodesToAsk(groups, wanted []fleet.Group) []fleet.Instance {
	shards := map[string]bool{}
	names := map[string]bool{}
	every := slices.ContainsFunc(wanted, func(g fleet.Group) bool { return g.Role == fleet.RoleJibri })
	for _, g := range wanted {
		shards[g.Shard], names[g.Name] = true, true
	}
	var nodes []fleet.Instance
	for _, g := range groups {
		if !(names[g.Name] || g.Role == fleet.RoleSignal && (every || shards[g.Shard])) {
			continue
		}
		for _, i := range g.Instances {
			inScope := !o.OnlyInService || i.Lifecycle == fleet.StateInService
			if inScope && !i.Stopped && i.Lifecycle != fleet.StateTerminated {
				nodes = append(nodes, i)
			}
		}
	}
	return nodes
}

func (o Observer) ask(ctx context.Context, nodes []fleet.Instance) map[fleet.InstanceID]fleet.Report {
	answers := make([]fleet.Report, len(nodes))
	var group errgroup.Group
	group.SetLimit(o.concurrency())
	for i, node := range nodes {
		group.Go(func() error {
			answers[i] = o.askOne(ctx, node)
			return nil
		})
	}
	_ = group.Wait() // the goroutines return no error: a silent agent is a report
	reports := make(map[fleet.InstanceID]fleet.Report, len(nodes))
	for i, node := range nodes {
		reports[node.ID] = answers[i]
	}
	return reports
}

func (o Observer) askOne(ctx context.Context, node fleet.Instance) fleet.Report {
	if !node.Address.IsValid() {
		return fleet.Report{Err: errNoAddress}
	}
	ctx, cancel := context.WithTimeout(ctx, o.AgentTimeout)
	defer cancel()
	status, err := o.Agents.Status(ctx, node.Address)
	if err == nil && status.Instance != node.ID {
		err = fmt.Errorf("the agent at %s says that it is %q", node.Address, status.Instance)
	}
	return fleet.Report{Status: status, Err: err}
}

func (o Observer) concurrency() int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return defaultConcurrency
}

func reportsOf(g fleet.Group, reports map[fleet.InstanceID]fleet.Report) map[fleet.InstanceID]fleet.Report {
	own := make(map[fleet.InstanceID]fleet.Report, len(g.Instances))
	for _, i := range g.Instances {
		if r, ok := reports[i.ID]; ok {
			own[i.ID] = r
		}
	}
	return own
}

var errNoSignalNode = errors.New("the shard has no signal node in service")

// signalOf is what a shard's signal node in service said.
func signalOf(shard string, groups []fleet.Group, reports map[fleet.InstanceID]fleet.Report) fleet.Report {
	for _, g := range groups {
		if g.Role != fleet.RoleSignal || g.Shard != shard {
			continue
		}
		for _, i := range g.Instances {
			if r, ok := reports[i.ID]; ok && i.Lifecycle == fleet.StateInService {
				return r
			}
		}
	}
	return fleet.Report{Err: errNoSignalNode}
}

// signalsOf is what the signal nodes in service of all shards said.
func signalsOf(groups []fleet.Group, reports map[fleet.InstanceID]fleet.Report) map[string]fleet.Report {
	signals := map[string]fleet.Report{}
	for _, g := range groups {
		if g.Role == fleet.RoleSignal {
			signals[g.Shard] = signalOf(g.Shard, groups, reports)
		}
	}
	return signals
}
