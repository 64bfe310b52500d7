package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// cause is one thing that goes wrong, and what has to come of it. Alarms are named as in the runbook, without the
// fleet: "SHARD-down" is that of the driven shard.
type cause struct {
	name   string
	alarms []string // that fire by it
	tells  []string // those that send a message for it, each one
	may    []string // those that may send one besides, for it follows from the cause and depends on the moment
	// begin makes it happen; what it returns makes it over. It may take its time, for some causes have a course.
	begin func(ctx context.Context, g *ground) (end func(ctx context.Context) error, err error)
}

// ground is the fleet on which causes happen.
type ground struct {
	stage    *stage
	out      *progress
	aws      aws.Config
	headings map[string]string // of the runbook, by alarms' names
}

func newGround(s *stage, out *progress) (*ground, error) {
	cfg, err := s.aws(s.ctx)
	return &ground{stage: s, out: out, aws: cfg, headings: alarm.Headings(s.settings)}, err
}

// full is an alarm's real name.
func (g *ground) full(name string) string {
	if part, of := strings.CutPrefix(name, "SHARD-"); of {
		name = drivenShard + "-" + part
	}
	return g.stage.settings.Fleet + "-" + name
}

// heading is an alarm's name in the runbook, without the fleet.
func (g *ground) heading(full string) string { return strings.TrimPrefix(g.headings[full], "FLEET-") }

// driveAll lets every cause happen, one after the other, and returns what was not as it is to be.
func (g *ground) driveAll(ctx context.Context, list []cause) ([]string, error) {
	var failures []string
	fail := func(name string, wrong []string) {
		for _, w := range wrong {
			failures = append(failures, name+": "+w)
			g.out.line("FAILED: %s: %s", name, w)
		}
	}
	// A fleet that boots tells nobody.
	if err := g.calm(ctx, g.stage.adopted); err != nil {
		return nil, err
	}
	fail("a new fleet boots", g.judge(cause{}, g.stage.adopted))
	for _, c := range list {
		wrong, err := g.drive(ctx, c)
		if err != nil {
			return failures, fmt.Errorf("%s: %w", c.name, err)
		}
		fail(c.name, wrong)
	}
	for _, p := range g.stage.cloud.Problems() {
		failures = append(failures, "AWS would have refused or lost: "+p.Error())
	}
	return failures, nil
}

// drive lets one cause happen and be over.
func (g *ground) drive(ctx context.Context, c cause) ([]string, error) {
	began := time.Now()
	g.stage.journal.note("cause", "%s", c.name)
	end, err := c.begin(ctx, g)
	if err != nil {
		return nil, err
	}
	if err := lookUntil(ctx, glanceAtAlarms, longestDrive, c.name, func() bool { return len(g.quiet(c, began)) == 0 }); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
	}
	rose := time.Since(began)
	missing := g.quiet(c, began)
	g.stage.journal.note("cause", "%s is to be over", c.name)
	if err := end(ctx); err != nil {
		missing = append(missing, err.Error())
	}
	over := time.Now()
	wrong := missing
	if err := g.calm(ctx, over); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		wrong = append(wrong, err.Error())
	}
	back := time.Since(over)
	wrong = append(wrong, g.judge(c, began)...)
	if len(wrong) > 0 {
		g.explain(c, began)
	}
	g.out.step("%s: %s in %.0f min, over in %.0f min; told: %s", c.name, strings.Join(c.alarms, ", "),
		g.stage.clock.Unscale(rose).Minutes(), g.stage.clock.Unscale(back).Minutes(), strings.Join(c.tells, ", "))
	return wrong, nil
}

// explain prints what alarms did since a moment, and the figures of those of a cause's that did nothing.
func (g *ground) explain(c cause, since time.Time) {
	var changes []metrics.Change
	for _, a := range g.stage.cloud.Alarms() {
		for _, change := range a.History {
			if change.At.After(since) {
				changes = append(changes, change)
			}
		}
		if a.Alarm.Rule == nil && slices.ContainsFunc(c.alarms, func(name string) bool { return g.full(name) == a.Alarm.Name && !g.fired(name, since) }) {
			values := g.stage.cloud.Metrics().Between(a.Alarm.Series, since, time.Now())
			g.out.line("%s: %s was %.1f", a.Alarm.Name, a.Alarm.Series.Name, values[max(0, len(values)-mostFigures):])
		}
	}
	slices.SortStableFunc(changes, func(a, b metrics.Change) int { return a.At.Compare(b.At) })
	for _, change := range changes {
		g.out.line("after %5.1f min  %s: %s to %s", g.stage.clock.Unscale(change.At.Sub(since)).Minutes(), change.Alarm.Name, change.From, change.To)
	}
}

// mostFigures is how many figures of a metric are printed.
const mostFigures = 20

// glanceAtAlarms is how often alarms are looked at.
const glanceAtAlarms = 100 * time.Millisecond

// quiet are a cause's alarms that have not fired since it began.
func (g *ground) quiet(c cause, since time.Time) []string {
	var quiet []string
	for _, name := range slices.Concat(c.alarms, c.tells) {
		if !g.fired(name, since) {
			quiet = append(quiet, name+" did not fire")
		}
	}
	return quiet
}

func (g *ground) fired(name string, since time.Time) bool {
	status, err := g.stage.cloud.Alarm(g.full(name))
	return err == nil && slices.ContainsFunc(status.History, func(c metrics.Change) bool { return c.To == metrics.InAlarm && c.At.After(since) })
}

// whole reports whether every group has its minimum of nodes in service, and wants no more.
func (g *ground) whole() bool {
	serving, groups := map[string]int{}, map[string]bool{}
	for _, i := range g.stage.cloud.Instances() {
		groups[i.Group] = true
		if i.State == scaling.InService {
			serving[i.Group]++
		}
	}
	for group := range groups {
		if least, desired, _, _ := g.stage.cloud.GroupSize(group); serving[group] != desired || desired != least {
			return false
		}
	}
	return true
}

// calm waits until no alarm has been on, and nothing has been missing, for a while: for as long as a minute and a half of the fleet.
func (g *ground) calm(ctx context.Context, since time.Time) error {
	var on []string
	var quietSince time.Time
	deadline := time.Now().Add(longestDrive)
	pause := g.stage.clock.Scale(90 * time.Second)
	for {
		on = on[:0]
		for _, a := range g.stage.cloud.Alarms() {
			if a.State == metrics.InAlarm {
				on = append(on, a.Alarm.Name)
			}
		}
		now := time.Now()
		switch {
		case len(on) > 0 || !g.whole():
			quietSince = time.Time{}
		case quietSince.IsZero():
			quietSince = now
		case now.Sub(quietSince) >= pause && now.Sub(since) >= pause:
			return nil
		}
		if now.After(deadline) {
			return fmt.Errorf("not as before after %s: in ALARM are %q, and every group is at its minimum: %t", longestDrive, on, g.whole())
		}
		if err := pace.Wait(ctx, glanceAtAlarms); err != nil {
			return err
		}
	}
}

// message is one message of an alarm, as everybody subscribed to its topic gets it.
type message struct {
	alarm, state, severity string
}

// messages counts the messages since a moment, and says what is wrong with them whatever their cause.
func (g *ground) messages(since time.Time) (counts map[message]int, wrong []string) {
	counts = map[message]int{}
	for _, m := range g.stage.journal.mailed(since) {
		var body struct{ AlarmName, NewStateValue string }
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
			wrong = append(wrong, fmt.Sprintf("a message that is no alarm's: %q", m.Subject))
			continue
		}
		severity := strings.TrimSuffix(m.Topic[strings.LastIndex(m.Topic, "-")+1:], "s")
		if m.To == onDuty && severity != string(alarm.Page) {
			wrong = append(wrong, fmt.Sprintf("%s came to who is only for pages", body.AlarmName))
		}
		if m.To == everybody {
			counts[message{g.heading(body.AlarmName), body.NewStateValue, severity}]++
		}
	}
	return counts, wrong
}

// judge holds that those messages were sent since a moment that a cause is to send, on the topic of their severity.
func (g *ground) judge(c cause, since time.Time) []string {
	counts, wrong := g.messages(since)
	for got, n := range counts {
		expected := slices.Contains(c.tells, got.alarm)
		if severity := severityOf(g.stage.settings, got.alarm); got.severity != severity {
			wrong = append(wrong, fmt.Sprintf("%s was sent as a %s and is a %s", got.alarm, got.severity, severity))
		}
		switch {
		case got.state == string(metrics.InAlarm) && !expected && !slices.Contains(c.may, got.alarm):
			wrong = append(wrong, fmt.Sprintf("%s sent a message, too", got.alarm))
		case got.state == string(metrics.InAlarm) && n != 1:
			wrong = append(wrong, fmt.Sprintf("%s sent %d messages", got.alarm, n))
		}
	}
	for _, name := range c.tells {
		for _, state := range []metrics.State{metrics.InAlarm, metrics.OK} {
			if counts[message{name, string(state), severityOf(g.stage.settings, name)}] == 0 {
				wrong = append(wrong, fmt.Sprintf("%s sent no message of %s", name, state))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}
