package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

// withScenario writes settings with the scenario's number of shards and its pool of recorders beside the sandbox's
// folder, for the CDK app reads a file, and returns its path and what is in it.
func withScenario(raw []byte, plan scenario.Scenario, dir string) (string, []byte, error) {
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return "", nil, fmt.Errorf("the settings are not readable: %w", err)
	}
	var shards []map[string]any
	for i := range plan.Shards {
		shards = append(shards, map[string]any{"name": scenario.ShardName(i + 1), "id": i + 1})
	}
	if plan.Shards > 0 {
		members["shards"] = shards
	}
	if plan.Jibris != nil {
		members["jibris"] = plan.Jibris
	}
	raw, err := json.MarshalIndent(members, "", "  ")
	if err != nil {
		return "", nil, err
	}
	path := filepath.Clean(dir) + ".settings.json"
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", nil, err
	}
	return path, raw, os.WriteFile(path, raw, 0o600)
}

// setState does what an operator does: it writes a shard's state into its SSM parameter.
func (s *stage) setState(ctx context.Context, shard string, state fleet.ShardState) error {
	cfg, err := s.aws(ctx)
	if err != nil {
		return err
	}
	_, err = ssm.NewFromConfig(cfg).PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(settings.ShardParameter(s.settings.Fleet, shard)), Value: aws.String(string(state)), Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("shard %s is not made %s: %w", shard, state, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[shard] = state
	return nil
}

// signalNode is a shard's signal node in service; empty when there is none.
func (s *stage) signalNode(shard string) string {
	for _, i := range s.cloud.Instances() {
		if i.State == scaling.InService && i.Tags[fleet.TagRole] == string(fleet.RoleSignal) && i.Tags[fleet.TagShard] == shard {
			return i.ID
		}
	}
	return ""
}

// killSignal lets EC2 lose an instance: what ran on it is gone with its connections, and nobody was told before.
func (s *stage) killSignal(ctx context.Context, id string) error {
	cfg, err := s.aws(ctx)
	if err != nil {
		return err
	}
	s.world.KillSignal(fleet.InstanceID(id))
	s.machines.terminate(id)
	_, err = ec2.NewFromConfig(cfg).TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	return err
}

// shardRow is one shard at one moment.
type shardRow struct {
	Name         string `json:"name"`
	State        string `json:"state"` // as the operator wrote it, or "no node"
	Rooms        int    `json:"rooms"`
	Participants int    `json:"participants"`
}

func (r shardRow) String() string {
	return fmt.Sprintf("%s %s, %d in %d rooms", r.Name, r.State, r.Participants, r.Rooms)
}

// noNode is the state of a shard without a signal node in service.
const noNode = "no node"

// lookAtShards is how the shards really are; nothing for a fleet of one.
func (s *stage) lookAtShards() []shardRow {
	if len(s.settings.Shards) < 2 {
		return nil
	}
	var rows []shardRow
	for _, shard := range s.settings.Shards {
		r := shardRow{Name: shard.Name, State: noNode}
		if s.signalNode(shard.Name) != "" {
			s.mu.Lock()
			r.State = string(s.states[shard.Name])
			s.mu.Unlock()
		}
		for _, size := range s.world.Rooms(shard.Name) {
			r.Rooms++
			r.Participants += size
		}
		rows = append(rows, r)
	}
	return rows
}

func shardsLine(rows []shardRow) string {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = r.String()
	}
	return strings.Join(texts, "; ")
}

// splitRoom is a room that had participants on two shards at once.
type splitRoom struct {
	Room  string
	Since time.Time
	Last  time.Time // when it was last seen so
	Over  bool
}

// splits are all the times at which rooms were split, in the order of their beginnings.
type splits []splitRoom

// look takes in which rooms are split now. A room that was whole in between begins anew.
func (s splits) look(now time.Time, split []string) splits {
	open := map[string]bool{}
	for i := range s {
		switch {
		case s[i].Over:
		case slices.Contains(split, s[i].Room):
			s[i].Last, open[s[i].Room] = now, true
		default:
			s[i].Last, s[i].Over = now, true
		}
	}
	for _, room := range split {
		if !open[room] {
			s = append(s, splitRoom{Room: room, Since: now, Last: now})
		}
	}
	return s
}

// stayStep is the wall time between two signs of life of every client. The real one pings each ten seconds; here it
// stands for the WebSocket that is cut when its node dies, too.
const stayStep = 300 * time.Millisecond

// watchShards keeps clients' connections alive and looks after the shards, in scenarios in which something happens to
// them.
func (p *performance) watchShards(ctx context.Context) {
	if p.plan.Shards == 0 {
		return
	}
	now := time.Now()
	p.splits = p.splits.look(now, p.stage.world.SplitRooms())
	if now.Sub(p.stayed) >= stayStep {
		p.stayed = now
		p.crowd.Stay(ctx)
	}
	for i := range p.pending {
		f := &p.pending[i]
		if f.Kind != scenario.KillShard || !f.begun || f.over {
			continue
		}
		p.watchSuccessor(ctx, f)
	}
}

// watchSuccessor sees the new signal node of a lost shard come into service, and then into use by every HAProxy.
func (p *performance) watchSuccessor(ctx context.Context, f *fault) {
	node := p.stage.signalNode(f.Shard)
	switch {
	case node == "" || node == string(f.victim):
	case f.back.IsZero():
		f.back = time.Now()
		p.say(fmt.Sprintf("%s serves as the signal node of %s, %.1f s after %s was lost", node, f.Shard, f.back.Sub(f.at).Seconds(), f.victim), nil)
	case p.stage.machines.everyProxyUses(ctx, f.Shard):
		f.over, f.taken = true, time.Now()
		p.say(fmt.Sprintf("every HAProxy uses %s again, %.1f s after it was lost", f.Shard, f.taken.Sub(f.at).Seconds()), nil)
	}
}

// beginOnShard begins a fault of one shard.
func (p *performance) beginOnShard(f *fault) {
	ctx := p.stage.ctx
	for room, size := range p.stage.world.Rooms(f.Shard) {
		f.rooms = append(f.rooms, room)
		f.people += size
	}
	switch f.Kind {
	case scenario.DrainShard:
		p.say(f.Shard+" drains from now on", p.stage.setState(ctx, f.Shard, fleet.ShardDrain))
	case scenario.ReadyShard:
		p.say(f.Shard+" is ready for new rooms again", p.stage.setState(ctx, f.Shard, fleet.ShardReady))
	case scenario.KillShard:
		f.victim = fleet.InstanceID(p.stage.signalNode(f.Shard))
		p.say(fmt.Sprintf("EC2 loses %s, the signal node of %s, with %d participants in %d rooms", f.victim, f.Shard, f.people, len(f.rooms)),
			p.stage.killSignal(ctx, string(f.victim)))
	case scenario.SilenceAgents, scenario.KillBridge: // of no one shard
	}
}
