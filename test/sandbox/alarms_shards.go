package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// edgeCauses are what goes wrong with HAProxy, and with where rooms are.
func edgeCauses() []cause {
	return []cause{
		{
			name: "every shard is in maintenance", alarms: []string{"no-shard-up"}, tells: []string{"no-shard-up"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return func(ctx context.Context) error { return g.states(ctx, fleet.ShardReady) }, g.states(ctx, fleet.ShardMaintenance)
			},
		},
		{
			name: "a HAProxy node's agent hangs", alarms: []string{"edge-silent"}, tells: []string{"node-silent"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return g.hangOne(fleet.RoleEdge)
			},
		},
		{
			name: "a shard's web server cuts connections", alarms: []string{"edge-errors"}, tells: []string{"edge-failing"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				g.stage.world.OverloadWeb(drivenShard, true)
				stop := g.knock(ctx, 400, func(n int) string { return fmt.Sprintf("knock-%d", n%40) })
				return ending(stop, func() { g.stage.world.OverloadWeb(drivenShard, false) }), nil
			},
		},
		{
			name: "a room's participants sit on two shards and do not join anew", alarms: []string{"split-rooms"}, tells: []string{"split-rooms"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				one, errOne := g.stage.world.Join(drivenShard, "split")
				other, errOther := g.stage.world.Join(otherShard, "split")
				return ending(func() { g.stage.world.Leave(one) }, func() { g.stage.world.Leave(other) }), errors.Join(errOne, errOther)
			},
		},
		{
			name: "a shard's Prosody tells no census", alarms: []string{"censuses-missing"}, tells: []string{"rooms-unwatched"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				g.stage.world.HideCensus(drivenShard, true)
				return ending(func() { g.stage.world.HideCensus(drivenShard, false) }), nil
			},
		},
		{
			name: "somebody makes up rooms", alarms: []string{"table-nearly-full"}, tells: []string{"table-nearly-full"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return ending(g.knock(ctx, 300, func(n int) string { return fmt.Sprintf("made-up-%d", n%(tableSize-20)) })), nil
			},
		},
	}
}

// shardCauses are what goes wrong with one shard.
func shardCauses() []cause {
	return []cause{
		{
			name:   "every bridge of a shard dies, and new ones do not boot",
			alarms: []string{"SHARD-no-bridge-serves", "SHARD-frozen"}, tells: []string{"SHARD-unhealthy"},
			may: []string{"SHARD-short-of-bridges"}, // once the dead ones are back, those that did not boot are still missing
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				ids := g.serving(fleet.RoleBridge)
				g.stage.machines.breakImage(fleet.RoleBridge)
				for _, id := range ids {
					g.stage.world.KillBridge(fleet.InstanceID(id))
				}
				return func(context.Context) error {
					var failed []error
					g.stage.machines.breakImage("")
					for _, id := range ids {
						failed = append(failed, g.stage.world.RestartBridge(fleet.InstanceID(id)))
					}
					return errors.Join(failed...)
				}, nil
			},
		},
		{
			name: "a shard's Jicofo is away", alarms: []string{"SHARD-signal-unhealthy"}, tells: []string{"SHARD-unhealthy"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				g.stage.world.RestartJicofo(drivenShard, time.Hour)
				return ending(func() { g.stage.world.RestartJicofo(drivenShard, 0) }), nil
			},
		},
		{
			name: "EC2 loses a signal node", alarms: []string{"SHARD-down"}, tells: []string{"SHARD-unhealthy"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return ending(), g.stage.killSignal(ctx, g.stage.signalNode(drivenShard))
			},
		},
		{
			name: "a slip of the pen in a shard's state", alarms: []string{"SHARD-state-not-followed"}, tells: []string{"SHARD-state-not-followed"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				name := settings.ShardParameter(g.stage.settings.Fleet, drivenShard)
				return func(ctx context.Context) error { return g.write(ctx, name, string(fleet.ShardReady)) }, g.write(ctx, name, "redy")
			},
		},
		{
			name: "one bridge is hot", alarms: []string{"SHARD-bridges-overloaded"}, tells: []string{"SHARD-bridges-hot"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				id := fleet.InstanceID(g.serving(fleet.RoleBridge)[0])
				g.stage.world.HeatBridge(id, 0.9)
				return ending(func() { g.stage.world.HeatBridge(id, 0) }), nil
			},
		},
	}
}

// states writes every shard's state.
func (g *ground) states(ctx context.Context, state fleet.ShardState) error {
	var failed []error
	for _, shard := range g.stage.settings.Shards {
		failed = append(failed, g.stage.setState(ctx, shard.Name, state))
	}
	return errors.Join(failed...)
}

// knock asks for rooms, so many times a second, until it is stopped.
func (g *ground) knock(ctx context.Context, perSecond int, room func(n int) string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	const knockers = 80 // HAProxy tries what fails again, which takes its time
	var all sync.WaitGroup
	for k := range knockers {
		all.Go(func() {
			for n := k; pace.Wait(ctx, knockers*time.Second/time.Duration(perSecond)) == nil; n += knockers {
				_, _ = g.stage.door.Stay(ctx, room(n), nil) // that it fails is what is driven
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// serving are the nodes of a role in service, of bridges those of the driven shard.
func (g *ground) serving(role fleet.Role) []string {
	var ids []string
	for _, i := range g.stage.cloud.Instances() {
		shard := i.Tags[fleet.TagShard]
		if i.State == scaling.InService && i.Tags[fleet.TagRole] == string(role) && (role != fleet.RoleBridge || shard == drivenShard) {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// crowd lets participants join the driven shard, in rooms of so many, and returns who is in each room.
func (g *ground) crowd(rooms, size int) ([][]standin.Ticket, error) {
	return g.crowdOf("crowd", rooms, size)
}

func (g *ground) crowdOf(name string, rooms, size int) ([][]standin.Ticket, error) {
	var all [][]standin.Ticket
	for r := range rooms {
		var room []standin.Ticket
		for range size {
			ticket, err := g.stage.world.Join(drivenShard, fmt.Sprintf("%s-%d", name, r))
			if err != nil {
				return nil, err
			}
			room = append(room, ticket)
		}
		all = append(all, room)
	}
	return all, nil
}

// leave lets all but a few of each room leave.
func (g *ground) leave(rooms [][]standin.Ticket, keep int) {
	for _, room := range rooms {
		for _, ticket := range room[min(keep, len(room)):] {
			g.stage.world.Leave(ticket)
		}
	}
}
