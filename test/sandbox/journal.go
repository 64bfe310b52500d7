package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

// journal keeps what was decided and what happened, for the page, the verdict and whoever asks why.
type journal struct {
	mu      sync.Mutex
	entries []entry
	wanted  map[string]int // by shard, of the last decision
	ended   []string       // instances that the control plane ended
	alarms  []metrics.Change
	emptied []announcement // shards that were announced as empty
	over    []ended        // recordings whose ends were announced
	mails   []delivery.Mail
}

// announcement is that a shard was announced as empty.
type announcement struct {
	Shard string
	At    time.Time
}

type entry struct {
	At   time.Time
	Kind string
	Text string
}

// standins logs what a stand-in could not do: a problem of the sandbox.
func (j *journal) standins() *slog.Logger {
	return slog.New(slog.NewTextHandler(noting{j}, nil))
}

// noting writes each line into the journal.
type noting struct{ journal *journal }

func (n noting) Write(line []byte) (int, error) {
	n.journal.note("problem", "%s", line)
	return len(line), nil
}

func newJournal() *journal { return &journal{wanted: map[string]int{}} }

func (j *journal) note(kind, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry{time.Now(), kind, fmt.Sprintf(format, args...)})
}

// decision is what the sandbox reads of a loop's line.
type decision struct {
	Message  string   `json:"msg"`
	Level    string   `json:"level"`
	Loop     string   `json:"loop"`
	Shard    string   `json:"shard"`
	Instance string   `json:"instance"`
	Reason   string   `json:"reason"`
	Actions  []string `json:"actions"`
	Error    string   `json:"error"`
	Decision struct {
		Wanted  int      `json:"wanted"`
		Reasons []string `json:"reasons"`
	} `json:"decision"`
	Quarantine struct {
		Reasons []string `json:"reasons"`
	} `json:"quarantine"`
}

// lambdaLine reads a line that a Lambda logged.
func (j *journal) lambdaLine(function, line string) {
	var d decision
	if json.Unmarshal([]byte(line), &d) != nil || d.Message != "decision" {
		j.note("log", "%s: %s", function, line)
		return
	}
	reasons := slices.Concat(d.Decision.Reasons, d.Quarantine.Reasons)
	if d.Reason != "" {
		reasons = append(reasons, d.Reason)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if d.Loop == "bridges" {
		j.wanted[d.Shard] = d.Decision.Wanted
	}
	if len(d.Actions) == 0 && d.Error == "" {
		j.entries = append(j.entries, entry{time.Now(), "log", function + ": " + line})
		return
	}
	for _, action := range d.Actions {
		if strings.HasPrefix(action, "terminate ") || strings.HasPrefix(action, "replace ") {
			j.ended = append(j.ended, action)
		}
	}
	text := fmt.Sprintf("%s: %s, because %s", strings.TrimSpace(d.Loop+" "+d.Shard), strings.Join(d.Actions, ", "), strings.Join(reasons, "; "))
	if d.Error != "" {
		text += "; failed: " + d.Error
	}
	j.entries = append(j.entries, entry{time.Now(), "decision", text})
}

func (j *journal) alarmChanged(c metrics.Change) {
	j.note("alarm", "%s: %s to %s: %s", c.Alarm.Name, c.From, c.To, c.Reason)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.alarms = append(j.alarms, c)
}

// event reads an event on the bus.
func (j *journal) event(e delivery.Event) {
	if e.DetailType == reconcile.EventRecordingCatalogued || e.DetailType == reconcile.EventRecordingFailed {
		j.recordingEnded(e)
		return
	}
	var detail struct {
		Data struct {
			Shard string `json:"shard"`
		} `json:"data"`
	}
	if e.DetailType != reconcile.EventShardEmpty || json.Unmarshal(e.Detail, &detail) != nil {
		j.note("event", "%s", e.DetailType)
		return
	}
	j.note("event", "%s: %s", e.DetailType, detail.Data.Shard)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.emptied = append(j.emptied, announcement{detail.Data.Shard, time.Now()})
}

// recordingEnded reads the announcement of a recording's end.
func (j *journal) recordingEnded(e delivery.Event) {
	var detail struct {
		Data recording.Recording `json:"data"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		j.note("problem", "%s: %v", e.DetailType, err)
		return
	}
	j.note("event", "%s: %s %s %s", e.DetailType, detail.Data.ID, detail.Data.Reason, detail.Data.CutShort)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over = append(j.over, ended{e.DetailType, detail.Data})
}

// ends are the announcements of recordings' ends.
func (j *journal) ends() []ended {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.over)
}

func (j *journal) announcements() []announcement {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.emptied)
}

func (j *journal) mail(m delivery.Mail) {
	j.note("mail", "to %s: %s", m.To, m.Subject)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mails = append(j.mails, m)
}

// mailed are the e-mails since a moment.
func (j *journal) mailed(since time.Time) []delivery.Mail {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.mails), func(m delivery.Mail) bool { return m.At.Before(since) })
}

// last is the last entries, without what functions log besides their decisions.
func (j *journal) last(n int) []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var told []entry
	for _, e := range j.entries {
		if e.Kind != "log" && e.Kind != "mail" {
			told = append(told, e)
		}
	}
	return told[max(0, len(told)-n):]
}

// tail is the last entries as text.
func (j *journal) tail(n int) string { return told(j.last(n)) }

func told(entries []entry) string {
	var b strings.Builder
	for _, e := range entries {
		_, _ = fmt.Fprintf(&b, "%s %s: %s\n", e.At.Format("15:04:05.000"), e.Kind, e.Text)
	}
	return b.String()
}

// all is every entry as text, functions' logs and mails among them.
func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return told(j.entries)
}

// totalWanted is what the last decisions wanted, over all shards.
func (j *journal) totalWanted() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	total := 0
	for _, n := range j.wanted {
		total += n
	}
	return total
}

// endings is how many instances the control plane has ended.
func (j *journal) endings() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.ended)
}

// fired reports whether an alarm with a part of a name went into alarm since a moment.
func (j *journal) fired(part string, since time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.alarms, func(c metrics.Change) bool {
		return c.To == metrics.InAlarm && strings.Contains(c.Alarm.Name, part) && !c.At.Before(since)
	})
}

// alarmHistory is each change into alarm, as text.
func (j *journal) alarmHistory() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var history []string
	for _, c := range j.alarms {
		if c.To == metrics.InAlarm {
			history = append(history, fmt.Sprintf("%s: %s", c.Alarm.Name, c.Reason))
		}
	}
	return history
}
