package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// capacityCauses are what keeps a shard from the bridges that it needs, or from getting rid of those that it does not.
func capacityCauses() []cause {
	crowded := []string{"SHARD-short-of-bridges", "SHARD-above-limit"}
	return []cause{
		{
			name: "more people than a shard's limit meet", alarms: []string{"SHARD-above-limit"}, tells: []string{"SHARD-above-limit"},
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return g.crowded(25, ending())
			},
		},
		{
			name: "more people than a shard's bridges carry meet", alarms: []string{"SHARD-bridges-at-maximum", "SHARD-room-missing"}, tells: crowded,
			begin: flooding,
		},
		{
			name: "EC2 has no capacity for bridges", alarms: []string{"SHARD-launches-pending"}, tells: crowded,
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				return g.crowded(25, ending(g.stage.cloud.Disturb(emulator.Trouble{Services: []string{"ec2"}, Action: "RunInstances", Callers: []string{g.group(fleet.RoleBridge)}})))
			},
		},
		{
			name: "the bridges' image is broken", alarms: []string{"SHARD-launches-fail"}, tells: crowded,
			begin: func(_ context.Context, g *ground) (func(context.Context) error, error) {
				g.stage.machines.breakImage(fleet.RoleBridge)
				return g.crowded(25, ending(func() { g.stage.machines.breakImage("") }))
			},
		},
		{
			name: "nobody leaves a draining bridge", alarms: []string{"SHARD-drains-overdue"}, tells: []string{"SHARD-drains-overdue"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				rooms, err := g.crowd(23, 5) // a stress of 1.15, which leaves less room on two bridges than is to stand
				if err != nil {
					return nil, err
				}
				var late [][]standin.Ticket
				var failed error
				err = lookUntil(ctx, glanceAtAlarms, longestDrive, "a conference begins on a third bridge", func() bool {
					if failed != nil || g.carrying() > 2 {
						return true
					}
					g.leave(late, 0)
					late, failed = g.crowdOf("late", 1, 1)
					return false
				})
				g.leave(rooms, 1)
				return ending(func() { g.leave(rooms, 0); g.leave(late, 0) }), errors.Join(err, failed)
			},
		},
		{
			name:   "the Lambda lifecycle is down while a bridge and a recorder that carry something are ended by hand",
			alarms: []string{"SHARD-retained", "jibris-retained"}, tells: []string{"control-plane-failing", "SHARD-retained", "jibris-retained"},
			may: []string{"control-plane-ailing", "recordings-stuck", "recordings-failed"}, begin: retaining,
		},
	}
}

// crowded lets five people join each of so many rooms of the driven shard.
func (g *ground) crowded(rooms int, end func(context.Context) error) (func(context.Context) error, error) {
	all, err := g.crowd(rooms, 5)
	return func(ctx context.Context) error {
		err := end(ctx)
		g.leave(all, 0)
		return err
	}, err
}

const (
	// floodRooms of five people are a stress of 3.2 in a shard whose bridges are filled to 2.88 at most.
	floodRooms = 64
	// floodPace is from one room to the next: slow enough for bridges to boot and to be taken back meanwhile.
	floodPace = time.Second
)

// flooding lets people come as fast as bridges do: a crowd that comes at once makes bridges hot that no other relieves, and
// those are no lack of bridges.
func flooding(ctx context.Context, g *ground) (func(context.Context) error, error) {
	var all [][]standin.Ticket
	var failed error
	err := lookUntil(ctx, floodPace, longestDrive, "the crowd has come", func() bool {
		rooms, err := g.crowdOf(fmt.Sprintf("flood-%d", len(all)), 1, 5)
		all, failed = append(all, rooms...), err
		return failed != nil || len(all) == floodRooms
	})
	return ending(func() { g.leave(all, 0) }), errors.Join(err, failed)
}

// group is the name of the driven shard's group of bridges, or of the recorders'.
func (g *ground) group(role fleet.Role) string {
	for _, i := range g.stage.cloud.Instances() {
		if i.Tags[fleet.TagRole] == string(role) && (role != fleet.RoleBridge || i.Tags[fleet.TagShard] == drivenShard) {
			return i.Group
		}
	}
	return ""
}

func retaining(ctx context.Context, g *ground) (func(context.Context) error, error) {
	rooms, err := g.crowd(20, 2)
	if err != nil {
		return nil, err
	}
	recorder, err := g.record(ctx, "crowd-0")
	if err != nil {
		return nil, err
	}
	bridge := g.busiestBridge()
	down := g.stage.cloud.Disturb(emulator.Trouble{Services: []string{"lambda"}, Callers: []string{g.full("lifecycle")}})
	for _, id := range []string{bridge, recorder} {
		_, failed := autoscaling.NewFromConfig(g.aws).TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(false),
		})
		err = errors.Join(err, failed)
	}
	if err == nil {
		err = lookUntil(ctx, glanceAtAlarms, longestDrive, "both are retained", func() bool {
			n := 0
			for _, i := range g.stage.cloud.Instances() {
				if i.State == scaling.Retained {
					n++
				}
			}
			return n == 2
		})
	}
	down()
	return func(ctx context.Context) error {
		g.leave(rooms, 0)
		return errors.Join(g.stage.world.StopRecording("crowd-0"), g.purge(ctx, "lifecycle-dead"))
	}, err
}

// carrying is how many bridges of the driven shard carry somebody.
func (g *ground) carrying() int {
	n := 0
	for _, b := range g.stage.world.Bridges() {
		if b.Shard == drivenShard && b.LocalEndpoints > 0 {
			n++
		}
	}
	return n
}

func (g *ground) busiestBridge() string {
	busiest, most := "", -1
	for _, id := range g.serving(fleet.RoleBridge) {
		for _, b := range g.stage.world.Bridges() {
			if string(b.ID) == id && b.LocalEndpoints > most {
				busiest, most = id, b.LocalEndpoints
			}
		}
	}
	return busiest
}
