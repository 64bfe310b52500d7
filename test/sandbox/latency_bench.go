package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

const (
	// crowd is how many participants join at once: a stress of 0.65, which leaves no room below the target of 0.6.
	crowd = 65
	// glance is how often the desired capacity is looked at, and so the error of a trial.
	glance = 10 * time.Millisecond
	// longestTrial is when a trial is given up: no path takes as long unless it is broken.
	longestTrial = 10 * time.Minute
	// forgotten is how long after the participants have left the agent still may say that they are there: JVB's figures
	// are up to 5 s old, and the agent's look at them 2 s.
	forgotten = 8 * time.Second
	// minute is the interval of every schedule and alarm, over which trials begin at random.
	minute = time.Minute
)

// bench makes the trials of one path on one fleet.
type bench struct {
	stage   *stage
	path    path
	out     *progress
	scaling *autoscaling.Client
	groups  map[string]string // of bridges, by shard
}

// trial is one change of load.
type trial struct {
	Shard   string    `json:"shard"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"` // until the desired capacity was changed
	// Alarmed is when the load alarm fired, in seconds from the beginning; 0 when it did not before the end.
	Alarmed float64 `json:"alarmed,omitempty"`
}

func newBench(ctx context.Context, s *stage, p path, out *progress) (*bench, error) {
	cfg, err := s.aws(ctx)
	if err != nil {
		return nil, err
	}
	b := &bench{stage: s, path: p, out: out, scaling: autoscaling.NewFromConfig(cfg), groups: map[string]string{}}
	for _, i := range s.cloud.Instances() {
		if i.Tags[fleet.TagRole] == string(fleet.RoleBridge) {
			b.groups[i.Tags[fleet.TagShard]] = i.Group
		}
	}
	if len(b.groups) != len(s.settings.Shards) {
		return nil, fmt.Errorf("%d shards have bridges, and there are %d", len(b.groups), len(s.settings.Shards))
	}
	return b, nil
}

// onlyThisPath holds that what the path goes without is not there, and that what it goes by is.
func (b *bench) onlyThisPath() error {
	schedules, alarms := 0, 0
	for _, s := range b.stage.cloud.Schedules() {
		if strings.HasSuffix(s.Rule, "-bridges-minute") {
			schedules++
		}
	}
	for shard := range b.groups {
		if _, err := b.stage.cloud.Alarm(b.alarm(shard)); err == nil {
			alarms++
		}
	}
	wantSchedules, wantAlarms := 1, len(b.groups)
	switch {
	case b.path.without == nil:
	case b.path.metered:
		wantSchedules = 0
	default:
		wantAlarms = 0
	}
	if schedules != wantSchedules || alarms != wantAlarms {
		return fmt.Errorf("there are %d schedules of bridges and %d load alarms, and this path is measured with %d and %d", schedules, alarms, wantSchedules, wantAlarms)
	}
	return nil
}

func (b *bench) alarm(shard string) string {
	return b.stage.settings.Fleet + "-" + shard + "-room-missing"
}

// run makes the trials of every shard. Shards do not wait for each other, but where the times of the minute matter:
// there, each round has others.
func (b *bench) run(ctx context.Context, rounds int) ([]trial, error) {
	if err := b.rest(ctx); err != nil {
		return nil, err
	}
	if !b.path.metered {
		return b.series(ctx, rounds, true)
	}
	var all []trial
	for round := range rounds {
		if round > 0 {
			if err := b.shift(ctx, minute*time.Duration(round)/time.Duration(rounds)); err != nil {
				return all, err
			}
		}
		trials, err := b.series(ctx, 1, round == rounds-1)
		if err != nil {
			return all, err
		}
		all = append(all, trials...)
	}
	return all, nil
}

// rest waits until nothing that the fleet's own beginning gives rise to wakes anybody any more: an alarm's first
// evaluation does, and a bridge's first service.
func (b *bench) rest(ctx context.Context) error {
	err := lookUntil(ctx, time.Second, longestTrial, "no load alarm is on", func() bool {
		for shard := range b.groups {
			if !b.calm(shard) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return pace.Wait(ctx, forgotten)
}

// calm reports whether a shard's load alarm is off, or is not there.
func (b *bench) calm(shard string) bool {
	status, err := b.stage.cloud.Alarm(b.alarm(shard))
	return err != nil || status.State == metrics.OK
}

// shift begins the schedules anew at another time of the minute, by so much after that of the first round. The
// times at which metrics are published and alarms evaluated make a constant part of a fleet's latency that
// differs from fleet to fleet; the rounds spread it evenly.
func (b *bench) shift(ctx context.Context, by time.Duration) error {
	wait := (by - time.Since(b.stage.adopted)) % minute
	if wait < 0 {
		wait += minute
	}
	b.out.line("in %s the schedules begin anew, %s later in the minute", wait.Round(time.Second), by)
	if err := pace.Wait(ctx, wait); err != nil {
		return err
	}
	if err := b.stage.cloud.Adopt(ctx, b.stage.edited()); err != nil {
		return err
	}
	return pace.Wait(ctx, minute) // until all have ticked again
}

// series makes so many trials one after the other in every shard. After the last one nothing needs to be restored.
func (b *bench) series(ctx context.Context, trials int, last bool) ([]trial, error) {
	made := make(chan trial, trials*len(b.groups))
	each, ctx := errgroup.WithContext(ctx)
	for shard := range b.groups {
		each.Go(func() error {
			for n := range trials {
				if err := b.once(ctx, shard, made, last && n == trials-1); err != nil {
					return fmt.Errorf("%s: %w", shard, err)
				}
			}
			return nil
		})
	}
	if err := each.Wait(); err != nil {
		return nil, errors.Join(err, b.stage.explain())
	}
	close(made)
	var all []trial
	for t := range made {
		all = append(all, t)
	}
	return all, nil
}

// once makes one trial at a random time.
func (b *bench) once(ctx context.Context, shard string, made chan<- trial, last bool) error {
	if err := pace.Wait(ctx, rand.N(b.path.pause)); err != nil {
		return err
	}
	t, tickets, err := b.try(ctx, shard)
	if err != nil {
		return err
	}
	made <- t
	b.out.step("%s: %.1f s (trial %d of %d)", shard, t.Seconds, len(made), cap(made))
	if last {
		return nil
	}
	if err := b.restore(ctx, shard, tickets); err != nil {
		return fmt.Errorf("it is not as before the trial: %w", err)
	}
	return nil
}

// try lets participants join and waits for the changed desired capacity.
func (b *bench) try(ctx context.Context, shard string) (trial, []standin.Ticket, error) {
	_, before, _, _ := b.stage.cloud.GroupSize(b.groups[shard])
	if before != 1 || b.stage.world.Participants(shard) != 0 {
		return trial{}, nil, fmt.Errorf("the trial begins with a desired capacity of %d and %d participants", before, b.stage.world.Participants(shard))
	}
	t := trial{Shard: shard, Began: time.Now()}
	var tickets []standin.Ticket
	for range crowd {
		ticket, err := b.stage.world.Join(shard, "crowd")
		if err != nil {
			return t, tickets, err
		}
		tickets = append(tickets, ticket)
	}
	err := lookUntil(ctx, glance, longestTrial, "the desired capacity is changed", func() bool {
		_, desired, _, _ := b.stage.cloud.GroupSize(b.groups[shard])
		return desired != before
	})
	t.Seconds = time.Since(t.Began).Seconds()
	if status, known := b.stage.cloud.Alarm(b.alarm(shard)); known == nil && status.State == metrics.InAlarm && status.Since.After(t.Began) {
		t.Alarmed = status.Since.Sub(t.Began).Seconds()
	}
	return t, tickets, err
}

// restore makes the shard as it was: nobody there, one bridge, no alarm.
func (b *bench) restore(ctx context.Context, shard string, tickets []standin.Ticket) error {
	for _, ticket := range tickets {
		b.stage.world.Leave(ticket)
	}
	if err := pace.Wait(ctx, forgotten); err != nil {
		return err
	}
	if err := b.takeBack(ctx, shard); err != nil {
		return err
	}
	return lookUntil(ctx, time.Second, longestTrial, "the new bridge is gone and the load alarm over", func() bool {
		return len(b.bridges(shard)) == 1 && b.calm(shard)
	})
}

// takeBack ends the bridge that boots.
func (b *bench) takeBack(ctx context.Context, shard string) error {
	var booting string
	err := lookUntil(ctx, glance, longestTrial, "the new bridge is there", func() bool {
		for _, i := range b.bridges(shard) {
			if fleet.LifecycleState(i.State).Booting() {
				booting = i.ID
			}
		}
		return booting != ""
	})
	if err != nil {
		return err
	}
	_, err = b.scaling.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: aws.String(booting), ShouldDecrementDesiredCapacity: aws.Bool(true),
	})
	return err
}

func (b *bench) bridges(shard string) []machine {
	return slices.DeleteFunc(b.stage.cloud.Instances(), func(i machine) bool { return i.Group != b.groups[shard] })
}
