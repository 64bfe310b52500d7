package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/page"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/visit"
)

const (
	moment     = 100 * time.Millisecond // wall time between two moments of the play
	sampleStep = 2 * time.Minute        // of the scenario's day, between two samples
	tableStep  = 30 * time.Minute       // of the scenario's day, between two rows of the table
	tableFirst = 15 * time.Minute       // not on the hour, when for minutes half of the meetings are between two
)

// performance is a scenario while it is played.
type performance struct {
	stage   *stage
	plan    scenario.Scenario
	crowd   *visit.Crowd
	out     *progress
	result  *result
	page    *page.Page
	pending []fault
	nextRow time.Duration
	sampled time.Duration
	began   time.Time
	splits  splits
	stayed  time.Time // when clients last gave a sign of life

	asked        []asked // recordings
	catalogued   catalogueWatch
	pool         poolWatch
	unsettled    string        // what is still to come of recordings
	settledAfter time.Duration // the scenario's end, on the wall
}

// fault is a fault of the scenario while it lasts.
type fault struct {
	scenario.Fault
	begun, over bool
	victim      fleet.InstanceID
	at          time.Time
	endings     int // how many instances had been ended when it began
	running     int
	end         func() // of refusals

	back time.Time // when a shard's new signal node was in service, or refusals were over

	// Of a shard:
	rooms  []string  // that it had when it began
	people int       // in them
	taken  time.Time // when every HAProxy used that
}

// play plays a scenario on a stage.
func play(ctx context.Context, s *stage, plan scenario.Scenario, out *progress) (*result, error) {
	p := &performance{stage: s, plan: plan, crowd: visit.NewCrowd(s.door, plan.Visits(), time.Now), out: out, result: newResult(s, plan), nextRow: tableFirst, asked: askedFor(plan)}
	for _, f := range plan.Faults {
		p.pending = append(p.pending, fault{Fault: f})
	}
	var err error
	if p.page, err = s.openPage(s.ctx, plan, out); err != nil {
		return nil, err
	}
	out.step("playing %q: %s in %s, %d visits", plan.Name, plan.Length(), s.clock.Scale(plan.Length()).Round(time.Second), len(plan.Visits()))
	out.line("%s", rowHeader)
	p.began = time.Now()
	if len(p.asked) > 0 {
		s.ended.Go(func() { p.followCatalogue(s.ctx) })
	}
	for offset := time.Duration(0); !p.settled(offset); offset = s.clock.Unscale(time.Since(p.began)) {
		p.crowd.Advance(ctx, offset)
		p.watchShards(ctx)
		p.record(offset)
		p.breakThings(offset)
		p.watchRecorders()
		p.sample(offset)
		if err := pace.Wait(ctx, moment); err != nil {
			return nil, err
		}
	}
	p.nextRow = 0
	p.sample(s.clock.Unscale(time.Since(p.began)))
	p.result.judgeShards(p.evidence())
	evidence, err := p.recordingsEvidence(ctx)
	if err != nil {
		return nil, err
	}
	p.result.judgeRecordings(evidence)
	if evidence != nil && len(p.asked) > 0 {
		p.result.judgeAlarms(p.pending, p.firedInPlay())
	}
	p.result.judge(s, p.crowd.Tally(), p.pending)
	p.page.End(p.result.Failures)
	return p.result, os.WriteFile(filepath.Join(s.options.dir, "journal.log"), []byte(s.journal.all()), 0o600)
}

func (p *performance) sample(offset time.Duration) {
	if offset < p.sampled && offset < p.nextRow {
		return
	}
	r := p.stage.lookAt(p.plan.TimeOfDay(offset), offset)
	p.sampled = offset + sampleStep
	p.result.Rows = append(p.result.Rows, r)
	if offset >= p.nextRow {
		p.out.line("%s", r.line())
		if len(r.Shards) > 0 {
			p.out.line("       %s", shardsLine(r.Shards))
		}
		if r.Recorders != nil {
			p.out.line("       %s", r.Recorders)
		}
		p.nextRow += tableStep
	}
}

// breakThings begins and ends the scenario's faults.
func (p *performance) breakThings(offset time.Duration) {
	for i := range p.pending {
		f := &p.pending[i]
		if !f.begun && offset >= p.plan.Offset(f.At) {
			p.begin(f)
		}
		if f.begun && !f.over && f.Kind.Lasts() && offset >= p.plan.Offset(f.Until) {
			p.end(f)
		}
	}
}

func (p *performance) begin(f *fault) {
	if f.Kind.OfRecorders() {
		f.begun = p.beginOnRecorders(f)
		if f.begun && f.Kind.TakesRecorder() {
			p.pool.pressed = time.Now()
		}
		return
	}
	now := p.stage.look()
	f.begun, f.at, f.endings, f.running = true, time.Now(), p.stage.journal.endings(), now.Running+now.Reserve
	if f.Kind.OfShard() {
		p.beginOnShard(f)
		return
	}
	switch f.Kind {
	case scenario.SilenceAgents:
		p.say("every node agent hangs from now on", p.stage.machines.hang(true))
	case scenario.KillBridge:
		f.victim = p.busiest()
		p.say(fmt.Sprintf("the JVB of %s is killed", f.victim), nil)
		p.stage.world.KillBridge(f.victim)
	}
}

func (p *performance) end(f *fault) {
	f.over = true
	if f.end != nil {
		f.end()
		f.back = time.Now()
		if f.Kind == scenario.RefuseServices {
			p.pool.pressed = f.back
		}
		p.say(fmt.Sprintf("%q is over", f.Kind), nil)
		return
	}
	p.result.silence(p.stage.journal, p.stage.look(), f)
	p.say("the node agents answer again", p.stage.machines.hang(false))
}

func (p *performance) say(what string, err error) {
	if err != nil {
		what += fmt.Sprintf(" (not all: %v)", err)
	}
	p.stage.journal.note("fault", "%s", what)
	p.out.line("%s  %s", p.plan.TimeOfDay(p.stage.clock.Unscale(time.Since(p.began))), what)
}

func (p *performance) busiest() fleet.InstanceID {
	var busiest fleet.InstanceID
	most := -1
	for _, b := range p.stage.world.Bridges() {
		if b.Up && b.LocalEndpoints > most {
			busiest, most = b.ID, b.LocalEndpoints
		}
	}
	return busiest
}
