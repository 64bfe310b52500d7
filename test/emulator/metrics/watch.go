package metrics

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Change is one change of an alarm's state.
type Change struct {
	Alarm    Alarm
	From, To State
	Reason   string
	At       time.Time
}

// Actions are the ARNs that the change is announced to.
func (c Change) Actions() []string {
	switch {
	case !c.Alarm.ActionsEnabled:
		return nil
	case c.To == InAlarm:
		return c.Alarm.AlarmActions
	case c.To == OK:
		return c.Alarm.OKActions
	default:
		return c.Alarm.InsufficientActions
	}
}

// Status is an alarm with its state now and all its changes, oldest first.
type Status struct {
	Alarm   Alarm
	State   State
	Since   time.Time
	Reason  string
	History []Change
}

// Watch evaluates alarms.
type Watch struct {
	Clock pace.Clock
	Store *Store
	// Collect, if not nil, puts into the store what only a look can tell, before each evaluation.
	Collect func(ctx context.Context)
	// Turns, if above 1, is in how many parts of the minute the alarms are evaluated, each always in the same part by
	// its name: CloudWatch, too, does not evaluate all at once. Otherwise all are evaluated together.
	Turns int
	// Settle is how long a new alarm that has not had data of all its periods is left alone: the schedules of AWS's Lambdas run for minutes
	// before the stack with the alarms is deployed, here everything begins at once.
	Settle time.Duration
	// OnChange is told of each change of state, and only of changes: that is when actions are taken.
	OnChange func(Change)

	mu     sync.Mutex
	alarms []*Status
}

// Add adds an alarm, or replaces one of the same name, which keeps its state. A new one has no data yet.
func (w *Watch) Add(a Alarm) error {
	if err := a.Validate(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.alarms {
		if s.Alarm.Name == a.Name {
			s.Alarm = a
			return nil
		}
	}
	w.alarms = append(w.alarms, &Status{Alarm: a, State: Insufficient, Since: w.Clock.Now(), Reason: "Unchecked: Initial alarm creation"})
	return nil
}

// Alarms lists all alarms in the order in which they were added.
func (w *Watch) Alarms() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Status, len(w.alarms))
	for i, s := range w.alarms {
		list[i] = *s
		list[i].History = append([]Change(nil), s.History...)
	}
	return list
}

// Alarm is the status of one alarm by name.
func (w *Watch) Alarm(name string) (Status, error) {
	for _, s := range w.Alarms() {
		if s.Alarm.Name == name {
			return s, nil
		}
	}
	return Status{}, fmt.Errorf("alarm %q is not there: no template has it", name)
}

// Run evaluates every alarm each minute, and those with shorter periods as often, until ctx ends.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
func (w *Watch) Run(ctx context.Context) {
	turns := max(1, w.Turns)
	var beside sync.WaitGroup
	defer beside.Wait()
	if turns > 1 && w.Collect != nil {
		// It may take longer than a turn, and no alarm may miss a minute for it.
		beside.Go(func() {
			for w.Clock.Sleep(ctx, w.step()) == nil {
				w.Collect(ctx)
			}
		})
	}
	ticker := time.NewTicker(w.Clock.Scale(w.step() / time.Duration(turns)))
	defer ticker.Stop()
	for turn := 0; ; turn = (turn + 1) % turns {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if turns == 1 && w.Collect != nil {
			w.Collect(ctx)
		}
		for _, change := range w.check(w.Clock.Now(), func(name string) bool { return turnOf(name, turns) == turn }) {
			w.OnChange(change)
		}
	}
}

// turnOf is the part of the minute in which an alarm is evaluated.
func turnOf(name string, turns int) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return int(hash.Sum32()) % turns
}

func (w *Watch) step() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	step := time.Minute
	for _, s := range w.alarms {
		if s.Alarm.Rule == nil {
			step = min(step, s.Alarm.Period)
		}
	}
	return step
}

// Check evaluates all alarms at now and returns the changes.
func (w *Watch) Check(now time.Time) []Change {
	return w.check(now, func(string) bool { return true })
}

// check evaluates the alarms that are due.
func (w *Watch) check(now time.Time, due func(name string) bool) []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	var changes []Change
	for _, s := range w.alarms {
		a := s.Alarm
		if a.Rule != nil || !due(a.Name) {
			continue
		}
		period := w.Clock.Scale(a.Period)
		end := now.Truncate(w.Clock.Scale(min(a.Period, time.Minute)))
		var periods [][]float64
		for n := range a.Periods + extra {
			to := end.Add(-time.Duration(n) * period)
			periods = append(periods, w.Store.Between(a.Series, to.Add(-period), to))
		}
		if len(s.History) == 0 && w.settles(s, periods, now) {
			continue
		}
		next, reason := a.Evaluate(s.State, periods)
		if next == s.State {
			continue
		}
		changes = append(changes, s.become(next, reason, now))
	}
	return append(changes, w.compose(now)...)
}

// settles reports whether a new alarm is left alone, for it has not had the data that it needs.
func (w *Watch) settles(s *Status, periods [][]float64, now time.Time) bool {
	seen := 0
	for _, values := range periods {
		if len(values) > 0 {
			seen++
		}
	}
	return seen < s.Alarm.Periods && now.Sub(s.Since) < w.Clock.Scale(w.Settle)
}

func (s *Status) become(next State, reason string, now time.Time) Change {
	change := Change{Alarm: s.Alarm, From: s.State, To: next, Reason: reason, At: now}
	s.State, s.Since, s.Reason = next, now, reason
	s.History = append(s.History, change)
	return change
}

// compose evaluates the composite alarms, in the order in which they were added: one that names others stands behind
// them. One of an alarm that is not there, or all of whose alarms have no data yet, keeps its state.
func (w *Watch) compose(now time.Time) []Change {
	states := map[string]State{}
	for _, s := range w.alarms {
		states[s.Alarm.Name] = s.State
	}
	var changes []Change
	for _, s := range w.alarms {
		rule := s.Alarm.Rule
		if rule == nil || !known(rule.Names, states) {
			continue
		}
		next := OK
		if rule.holds(func(name string) State { return states[name] }) {
			next = InAlarm
		}
		if next != s.State {
			changes = append(changes, s.become(next, "The rule is "+strconv.FormatBool(next == InAlarm)+": "+rule.Text, now))
			states[s.Alarm.Name] = next
		}
	}
	return changes
}

func known(names []string, states map[string]State) bool {
	some := false
	for _, name := range names {
		state, there := states[name]
		if !there {
			return false
		}
		some = some || state != Insufficient
	}
	return some
}
