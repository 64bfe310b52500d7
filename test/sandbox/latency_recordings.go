package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

const (
	// spareRecorders are free when the trials begin, and again for every recording that begins, once they have booted.
	spareRecorders = 10
	// recordingPause and recordingJitter are between two trials: long enough for the pool's replacements to keep up, and
	// at another moment of the agent's second each time.
	recordingPause  = 6 * time.Second
	recordingJitter = time.Second
	// covered is when a trial is over without a launch: one for an earlier start has covered it.
	covered = 20 * time.Second
)

// recordingBench measures from a pressed record button to the raised desired capacity of the pool. Recordings go on, so
// that the pool grows with every trial.
type recordingBench struct {
	stage *stage
	out   *progress
	group string
}

func newRecordingBench(s *stage, out *progress) (*recordingBench, error) {
	for _, i := range s.cloud.Instances() {
		if i.Tags[fleet.TagRole] == string(fleet.RoleJibri) {
			return &recordingBench{stage: s, out: out, group: i.Group}, nil
		}
	}
	return nil, errors.New("there is no recorder")
}

// run makes the trials, one after the other.
func (b *recordingBench) run(ctx context.Context, trials int) ([]trial, error) {
	if err := pace.Wait(ctx, minute); err != nil { // until what the fleet's beginning gives rise to is over
		return nil, err
	}
	var all []trial
	for n := range trials {
		t, launched, err := b.once(ctx, n)
		if err != nil {
			return all, errors.Join(err, b.stage.explain())
		}
		if !launched {
			b.out.step("no launch: one for an earlier recording has covered it (trial %d of %d)", n+1, trials)
			continue
		}
		all = append(all, t)
		b.out.step("%.2f s (trial %d of %d)", t.Seconds, n+1, trials)
		if err := pace.Wait(ctx, recordingPause+rand.N(recordingJitter)); err != nil {
			return all, err
		}
	}
	return all, nil
}

// once has one meeting recorded and waits for the raised desired capacity; false when it is not raised.
func (b *recordingBench) once(ctx context.Context, n int) (trial, bool, error) {
	shard := b.stage.settings.Shards[0].Name
	room := fmt.Sprintf("recorded-%d", n)
	if _, err := b.stage.world.Join(shard, room); err != nil {
		return trial{}, false, err
	}
	_, before, _, _ := b.stage.cloud.GroupSize(b.group)
	t := trial{Shard: shard, Began: time.Now()}
	if _, err := b.stage.world.Record(room); err != nil {
		return t, false, err
	}
	raised := false
	for !raised && time.Since(t.Began) < covered {
		if err := pace.Wait(ctx, glance); err != nil {
			return t, false, err
		}
		_, now, _, _ := b.stage.cloud.GroupSize(b.group)
		raised = now > before
	}
	t.Seconds = time.Since(t.Began).Seconds()
	return t, raised, nil
}
