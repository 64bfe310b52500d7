package main

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

// fired is an alarm that went into ALARM, without the fleet's name.
type fired struct{ Name, Why string }

// firedSince are the alarms that went into ALARM since a moment, in order.
func (j *journal) firedSince(since time.Time, fleetName string) []fired {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []fired
	for _, c := range j.alarms {
		if c.To == metrics.InAlarm && !c.At.Before(since) {
			all = append(all, fired{strings.TrimPrefix(c.Alarm.Name, fleetName+"-"), c.Reason})
		}
	}
	return all
}

// always may fire with recordings: it wakes the loop that launches recorders, and tells nobody.
var always = []string{"jibris-missing"}

// storm may fire when more recordings begin at once than recorders are free, until others have booted.
var storm = []string{"no-free-jibri", "recorders-short"}

// mayFire are the alarms that a fault may raise, and mustFire those without which nobody would hear of it. A star is any
// function. Ticks of a schedule that find no Lambda for more than three minutes end as a function's dead letters and a
// ticket, as on AWS; no fault explains dead letters of the recordings queue, recordings-undelivered: whatever a service
// refuses for a while succeeds later.
var (
	mayFire = map[scenario.FaultKind][]string{
		scenario.RefuseUploads: {"uploads-fail", "recordings-late", "recordings-stuck"},
		scenario.RefuseQueue:   {"uploads-fail", "recordings-late", "recordings-stuck"},
		scenario.RefuseServices: {"uploads-fail", "recordings-late", "recordings-stuck", "*-errors", "*-throttles", "control-plane-failing",
			"*-dead-not-empty", "control-plane-ailing"},
		scenario.BreakRecorder:  {"jibris-unhealthy", "recorders-ailing"},
		scenario.HangRecorder:   {"jibris-unhealthy", "recorders-ailing"},
		scenario.SickenRecorder: {"jibris-unhealthy", "recorders-ailing"},
		scenario.CrashRecorder:  {"jibris-unhealthy", "recorders-ailing"},
		scenario.ExpireRecorder: {"jibris-unhealthy", "recorders-ailing"},
		scenario.StallEncoder:   {"jibris-unhealthy", "jibris-overdue", "recorders-ailing", "recordings-failed"},
		scenario.KillFinalize:   {"jibris-overdue", "recorders-ailing"},
		scenario.LoseRecorder:   {"recordings-failed"},
	}
	mustFire = map[scenario.FaultKind][]string{
		scenario.LoseRecorder: {"recordings-failed"},
	}
)

// lag is how late an alarm is on the wall: the period of its figure must end, and then it is evaluated. What fires sooner
// after the play's beginning is of the time before it, when the fleet booted.
const lag = 2 * sweepTick

// firedInPlay are the alarms that went into ALARM for what was played.
func (p *performance) firedInPlay() []fired {
	return p.stage.journal.firedSince(p.began.Add(lag), p.stage.settings.Fleet)
}

// silent is the first alarm that must fire for what was played and has not; empty when there is none.
func silent(faults []fault, all []fired) string {
	for _, f := range faults {
		for _, name := range mustFire[f.Kind] {
			if f.begun && !slices.ContainsFunc(all, func(a fired) bool { return a.Name == name }) {
				return name
			}
		}
	}
	return ""
}

// judgeAlarms holds that no alarm fired that none of the faults explains, above all none of a queue of dead letters, and
// that those fired that somebody has to hear of.
func (r *result) judgeAlarms(faults []fault, all []fired) {
	allowed := slices.Concat(always, storm)
	for _, f := range faults {
		allowed = append(allowed, mayFire[f.Kind]...)
	}
	if name := silent(faults, all); name != "" {
		r.fail("the alarm %s did not fire, and must have", name)
	}
	var told []string
	for _, a := range all {
		explained := slices.ContainsFunc(allowed, func(pattern string) bool { matched, _ := filepath.Match(pattern, a.Name); return matched })
		if !explained && !slices.Contains(told, a.Name) {
			told = append(told, a.Name)
			r.fail("the alarm %s fired, which nothing that was played explains: %s", a.Name, a.Why)
		}
	}
}
