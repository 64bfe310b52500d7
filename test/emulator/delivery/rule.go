package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Rule is an EventBridge rule of the default bus: a schedule or a pattern.
type Rule struct {
	Name, ARN string
	Enabled   bool
	Every     time.Duration // simulated time; 0 when it is no schedule
	Pattern   Pattern       // nil when it is a schedule
	Targets   []Target
}

// Target is where a rule sends its events.
type Target struct {
	ID, ARN    string
	Input      string // constant JSON instead of the event; empty for the event
	DeadLetter string
}

// Event is an EventBridge event.
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
type Event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

var rate = regexp.MustCompile(`^rate\((\d+) (minute|minutes|hour|hours|day|days)\)$`)

// ParseRate reads "rate(5 minutes)". The unit is singular for 1 and plural otherwise, as EventBridge insists.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html
func ParseRate(expression string) (time.Duration, error) {
	parts := rate.FindStringSubmatch(expression)
	if parts == nil {
		return 0, fmt.Errorf("schedule %q is not known to the emulator: it knows rate(...) only", expression)
	}
	n, err := strconv.Atoi(parts[1])
	plural := parts[2][len(parts[2])-1] == 's'
	if err != nil || n < 1 || n > 10_000_000 || plural == (n == 1) {
		return 0, fmt.Errorf("schedule %q is refused: the value must be positive and its unit agree with it", expression)
	}
	unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[parts[2][0]]
	return time.Duration(n) * unit, nil
}

// Add adds a rule, or replaces the one of the same name.
func (b *Bus) Add(r Rule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.rules {
		if b.rules[i].Name == r.Name {
			b.rules[i] = r
			return
		}
	}
	b.rules = append(b.rules, r)
}

// Emit puts an event on the default bus.
func (b *Bus) Emit(ctx context.Context, e Event) string {
	e.Version, e.ID, e.Account, e.Region = "0", ident.UUID(), b.options.Account, b.options.Region
	if e.Time.IsZero() {
		e.Time = b.options.Clock.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Second)
	if e.Resources == nil {
		e.Resources = []string{}
	}
	b.options.OnEvent(e)
	b.mu.Lock()
	rules := append([]Rule(nil), b.rules...)
	b.mu.Unlock()
	for _, r := range rules {
		if r.Enabled && r.Pattern != nil && r.Pattern.Matches(e) {
			b.fire(ctx, r, e)
		}
	}
	return e.ID
}

// fire brings an event to a rule's targets. EventBridge retries what fails for a day, but not what lacks
// permission: that goes to the target's dead letter queue at once.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
func (b *Bus) fire(ctx context.Context, r Rule, e Event) {
	event, err := json.Marshal(e)
	if err != nil {
		b.options.Problem(fmt.Errorf("event of rule %s is not JSON: %w", r.Name, err))
		return
	}
	for _, t := range r.Targets {
		body := event
		if t.Input != "" {
			body = []byte(t.Input)
		}
		if err := b.toTarget(ctx, r, t, body); err != nil {
			b.lost(ctx, "events.amazonaws.com", r.ARN, t.DeadLetter, string(body), err)
		}
	}
}

func (b *Bus) toTarget(ctx context.Context, r Rule, t Target, body []byte) error {
	switch service := ident.Service(t.ARN); service {
	case "lambda":
		return b.toFunction("events.amazonaws.com", r.ARN, t.ARN, body)
	case "sqs":
		return b.toQueue(ctx, "events.amazonaws.com", r.ARN, t.ARN, string(body), nil)
	case "sns":
		return b.PublishAs(ctx, "events.amazonaws.com", r.ARN, Notice{Topic: t.ARN, Body: string(body)})
	default:
		return fmt.Errorf("target %s of rule %s: service %q is not known to the emulator", t.ID, r.Name, service)
	}
}

// interval is the wall time between two ticks of a rule.
func (b *Bus) interval(r Rule) time.Duration {
	return max(b.options.Clock.Scale(r.Every), b.options.LeastTick)
}

// tick fires a schedule at even intervals. AWS does not align different rules, so each has its own offset.
func (b *Bus) tick(ctx context.Context, r Rule, offset time.Duration) {
	if pace.Wait(ctx, offset) != nil {
		return
	}
	ticker := time.NewTicker(b.interval(r))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if b.options.Silent != nil && b.options.Silent(r.Name) || b.options.Patient && b.occupied(r) {
				continue
			}
			b.mu.Lock()
			b.ticks[r.Name]++
			b.mu.Unlock()
			b.fire(ctx, r, Event{Version: "0", ID: ident.UUID(), DetailType: "Scheduled Event", Source: "aws.events",
				Account: b.options.Account, Region: b.options.Region, Time: now.UTC().Truncate(time.Second),
				Resources: []string{r.ARN}, Detail: json.RawMessage("{}")})
		}
	}
}

// occupied reports whether a function that is a rule's target has an event that is not done.
func (b *Bus) occupied(r Rule) bool {
	return slices.ContainsFunc(r.Targets, func(t Target) bool {
		name, ok := b.options.Functions.Name(t.ARN)
		return ok && b.options.Functions.Waiting(name) > 0
	})
}

// Schedule tells of one rule with a schedule.
type Schedule struct {
	Rule  string
	Every time.Duration // simulated time, as the template says
	// TicksPerHour is how often it ticks in a simulated hour, which is less than the template says when the
	// shortest interval holds it back.
	TicksPerHour float64
	Ticks        int // so far
}

// Schedules lists the rules with a schedule.
func (b *Bus) Schedules() []Schedule {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Schedule
	for _, r := range b.rules {
		if r.Every > 0 {
			simulated := b.options.Clock.Unscale(b.interval(r))
			all = append(all, Schedule{r.Name, r.Every, float64(time.Hour) / float64(simulated), b.ticks[r.Name]})
		}
	}
	return all
}
