package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/visit"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// result is what came of a run.
type result struct {
	Scenario     string            `json:"scenario"`
	Factor       float64           `json:"factor"`
	TicksPerHour float64           `json:"ticksPerHour"` // runs of the one-minute schedules in a simulated hour
	Rows         []row             `json:"rows"`
	Users        visit.Tally       `json:"users"`
	Participants standin.Counters  `json:"participants"`
	Expectations []expectation     `json:"expectations"`
	Shards       *shardsReport     `json:"shards,omitempty"`
	Recordings   *recordingsReport `json:"recordings,omitempty"`
	Alarms       []string          `json:"alarms,omitempty"` // that went into alarm, in order
	Problems     []string          `json:"problems,omitempty"`
	Failures     []string          `json:"failures,omitempty"`
	Success      bool              `json:"success"`

	plan scenario.Scenario
}

// expectation is one of the scenario's expectations and what was found.
type expectation struct {
	At      string `json:"at"`
	Bridges int    `json:"bridges"`
	Within  int    `json:"within"`
	Found   int    `json:"found"`
}

func newResult(s *stage, plan scenario.Scenario) *result {
	return &result{Scenario: plan.Name, Factor: s.options.factor, TicksPerHour: s.ticks, Expectations: []expectation{}, plan: plan}
}

const rowHeader = "time   participants  wanted  running  reserve  booting  leaving  dropped  highest stress"

func (r row) line() string {
	return fmt.Sprintf("%s  %12d  %6d  %7d  %7d  %7d  %7d  %7d  %14.2f", r.Time, r.Participants, r.Wanted, r.Running, r.Reserve, r.Booting, r.Draining, r.Dropped, r.Stress)
}

func (r *result) fail(format string, args ...any) {
	r.Failures = append(r.Failures, fmt.Sprintf(format, args...))
}

// silence judges the end of a time in which every agent hung: nothing may have been ended.
func (r *result) silence(j *journal, now row, f *fault) {
	if n := j.endings() - f.endings; n > 0 {
		r.fail("%d instances were ended while every agent was silent", n)
	}
	if there := now.Running + now.Reserve; there < f.running {
		r.fail("%d bridges ran when the agents fell silent, %d at the end of the silence", f.running, there)
	}
	if !j.fired("telemetry-silent", f.at) {
		r.fail("the alarm for silent telemetry did not fire")
	}
}

// judge says whether the run was a success.
func (r *result) judge(s *stage, users visit.Tally, faults []fault) {
	r.Users, r.Participants, r.Alarms = users, s.world.Counters(), s.journal.alarmHistory()
	for _, p := range s.cloud.Problems() {
		r.Problems = append(r.Problems, p.Error())
	}
	r.decide(s.settings, s.cloud.Instances(), faults)
}

// decide draws the verdict from what the result holds.
func (r *result) decide(fleet settings.Settings, instances []machine, faults []fault) {
	if n := r.Participants.Dropped; n > 0 {
		r.fail("%d participants were dropped by ending bridges that they were on", n)
	}
	if n := r.Users.Missed; n > 0 {
		r.fail("%d visits were never let in", n)
	}
	r.judgeMoves(faults)
	r.judgeCounts()
	r.judgeEnd(fleet)
	for _, f := range faults {
		r.judgeFault(instances, f)
	}
	if len(r.Problems) > 0 {
		r.fail("AWS would have refused or lost %d things, first: %s", len(r.Problems), r.Problems[0])
	}
	r.Success = len(r.Failures) == 0
}

func (r *result) judgeCounts() {
	for _, e := range r.plan.Expect {
		x := expectation{At: string(e.At), Bridges: e.Bridges, Within: e.Within, Found: r.runningAt(r.plan.Offset(e.At))}
		r.Expectations = append(r.Expectations, x)
		if d := x.Found - x.Bridges; d > x.Within || -d > x.Within {
			r.fail("at %s %d bridges ran, and %d within %d were expected", x.At, x.Found, x.Bridges, x.Within)
		}
	}
}

// runningAt is how many bridges ran, the reserve among them, at the last sample before a time.
func (r *result) runningAt(offset time.Duration) int {
	running := 0
	for _, sample := range r.Rows {
		if sample.Offset > offset.Seconds() {
			break
		}
		running = sample.Running + sample.Reserve
	}
	return running
}

// leastBridges is the minimum of bridges, over all shards.
func leastBridges(fleet settings.Settings) int {
	least := 0
	for _, shard := range fleet.Shards {
		low, _ := fleet.ShardBridges(shard)
		least += low
	}
	return least
}

// judgeEnd holds that the fleet came back to its minimum.
func (r *result) judgeEnd(fleet settings.Settings) {
	least := leastBridges(fleet)
	if last := r.Rows[len(r.Rows)-1]; last.Running != least || last.Reserve+last.Booting+last.Draining > 0 {
		r.fail("at the end %d bridges run, %d are a reserve, %d boot and %d leave, and the minimum is %d", last.Running, last.Reserve, last.Booting, last.Draining, least)
	}
}

// judgeFault holds that a fault began and what had to come of it.
func (r *result) judgeFault(instances []machine, f fault) {
	switch {
	case !f.begun:
		r.fail("the fault %q at %s was never begun", f.Kind, f.At)
	case f.Kind == scenario.SilenceAgents && !f.over:
		r.fail("the agents were still silent at the end")
	case f.Kind.Lasts() && !f.over:
		r.fail("%q was not over at the end", f.Kind)
	case f.Kind == scenario.KillBridge:
		if slices.ContainsFunc(instances, func(i machine) bool { return i.ID == string(f.victim) }) {
			r.fail("the killed bridge %s was not replaced", f.victim)
		}
		if r.Participants.Rejoined == 0 {
			r.fail("nobody from the killed bridge %s rejoined elsewhere", f.victim)
		}
	}
}

// publish writes the result for people and, if asked, for programs.
func (r *result) publish(o options, out *progress) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(o.dir, "result.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return err
	}
	picture := filepath.Join(o.dir, "day.png")
	if err := r.draw(picture); err != nil {
		return err
	}
	out.step("result in %s, picture in %s", file, picture)
	for _, e := range r.Expectations {
		out.line("%s: %d bridges, expected %d within %d", e.At, e.Found, e.Bridges, e.Within)
	}
	out.line("participants: %d joined, %d moved, %d rejoined after a bridge died, %d refused at first, %d dropped",
		r.Participants.Joined, r.Participants.Moved, r.Participants.Rejoined, r.Users.Retried, r.Participants.Dropped)
	r.Shards.tell(out)
	r.Recordings.tell(out)
	for _, a := range r.Alarms {
		out.line("alarm: %s", a)
	}
	for _, f := range r.Failures {
		out.line("FAILED: %s", f)
	}
	if r.Success {
		out.step("success: nobody was dropped, no bridge with endpoints was ended, the fleet came back to its minimum%s", r.Recordings.success())
	}
	if o.json {
		_, err = os.Stdout.Write(append(raw, '\n'))
	}
	return err
}
