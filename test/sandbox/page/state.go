package page

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

// The page shows the last entries of the journal, and in a view of their own more of them.
const (
	someTold = 40
	allTold  = 500
)

// state is what every view of the page needs.
type state struct {
	Name         string           `json:"name"`
	Factor       float64          `json:"factor"`
	Now          string           `json:"now"` // time of the scenario's day
	Verdict      verdict          `json:"verdict"`
	Participants int              `json:"participants"`
	Rooms        int              `json:"rooms"`
	Dropped      int64            `json:"dropped"`
	Overload     float64          `json:"overload"` // stress at which a bridge gets nobody
	Fleet        picture          `json:"fleet"`
	Alarms       []alarmPicture   `json:"alarms"` // those that fire first, then by severity
	Told         []entryPicture   `json:"told"`   // newest first
	Dashboards   []dashboardTitle `json:"dashboards"`
}

type alarmPicture struct {
	Name     string `json:"name"`
	State    string `json:"state"` // CloudWatch's word
	Severity string `json:"severity"`
	Since    string `json:"since"`
	Meaning  string `json:"meaning"` // as it was deployed
	Reason   string `json:"reason"`
	Heading  string `json:"heading"` // of the runbook
	Fired    int    `json:"fired"`   // times
}

type entryPicture struct {
	At   string `json:"at"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

type dashboardTitle struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Span  string `json:"span"`
}

// clock is a moment's time of the scenario's day.
func (p *Page) clock(at time.Time) string {
	return p.source.TimeOfDay(time.Duration(float64(at.Sub(p.source.Began)) * p.source.Factor))
}

func (p *Page) state() state {
	s := state{Name: p.source.Name, Factor: p.source.Factor, Now: p.clock(time.Now()), Overload: settings.OverloadStress,
		Dropped: p.source.Meetings.Counters().Dropped, Fleet: p.picture(), Alarms: p.alarms(), Told: p.told(someTold)}
	p.mu.Lock()
	s.Verdict = p.verdict
	p.mu.Unlock()
	for _, shard := range s.Fleet.Shards {
		s.Participants += shard.Participants
		s.Rooms += len(shard.Rooms)
	}
	for _, d := range p.source.Dashboards {
		s.Dashboards = append(s.Dashboards, dashboardTitle{d.Name, p.title(d), d.Span})
	}
	return s
}

// title is a dashboard's name without the fleet's, in words; a shard's is the shard's name.
func (p *Page) title(d Dashboard) string {
	title := strings.TrimPrefix(d.Name, p.source.Settings.Fleet+"-")
	if slices.ContainsFunc(p.source.Settings.Shards, func(s settings.Shard) bool { return s.Name == title }) || title == "" {
		return title
	}
	return strings.ToUpper(title[:1]) + strings.ReplaceAll(title[1:], "-", " ")
}

func (p *Page) alarms() []alarmPicture {
	severities := map[string]alarm.Severity{}
	for _, a := range p.inventory.Alarms {
		severities[a.Name] = a.Severity
	}
	for _, c := range p.inventory.Composites {
		severities[c.Name] = c.Severity
	}
	all := []alarmPicture{}
	for _, a := range p.source.Account.Alarms() {
		one := alarmPicture{Name: a.Alarm.Name, State: string(a.State), Severity: string(severities[a.Alarm.Name]), Since: p.clock(a.Since),
			Meaning: a.Alarm.Description, Reason: a.Reason, Heading: p.headings[a.Alarm.Name]}
		for _, change := range a.History {
			if change.To == metrics.InAlarm {
				one.Fired++
			}
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b alarmPicture) int { return a.rank() - b.rank() })
	return all
}

// rank puts what fires before what does not, and what people are told of before what nobody is.
func (a alarmPicture) rank() int {
	bySeverity := slices.Index([]alarm.Severity{alarm.Page, alarm.Ticket, alarm.Part, alarm.Wake}, alarm.Severity(a.Severity))
	if a.State == string(metrics.InAlarm) {
		return bySeverity - 10
	}
	return bySeverity
}

func (p *Page) told(n int) []entryPicture {
	all := []entryPicture{}
	for _, e := range slices.Backward(p.source.Told(n)) {
		all = append(all, entryPicture{p.clock(e.At), e.Kind, strings.TrimSpace(e.Text)})
	}
	return all
}

// drawnDashboard is a dashboard as it is now.
type drawnDashboard struct {
	Name    string        `json:"name"`
	From    float64       `json:"from"` // seconds of the scenario's time of day
	Step    float64       `json:"step"` // seconds from one figure to the next
	N       int           `json:"n"`
	Widgets []drawnWidget `json:"widgets"`
}

func (p *Page) dashboard(r *http.Request) (any, error) {
	name := r.FormValue("name")
	i := slices.IndexFunc(p.source.Dashboards, func(d Dashboard) bool { return d.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no dashboard %q is deployed", name)
	}
	d := p.source.Dashboards[i]
	span := r.FormValue("span")
	if _, known := spans[span]; !known {
		span = d.Span
	}
	win := p.window(time.Now(), spans[span])
	drawn := drawnDashboard{Name: d.Name, From: p.secondsOfDay(win.from), Step: win.period.Seconds() * p.source.Factor, N: win.n, Widgets: []drawnWidget{}}
	for _, w := range d.Widgets {
		one, err := p.widget(w, win)
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", d.Name, err)
		}
		drawn.Widgets = append(drawn.Widgets, one)
	}
	return drawn, nil
}

// secondsOfDay is a moment's time of the scenario's day in seconds, which go on after midnight and before it.
func (p *Page) secondsOfDay(at time.Time) float64 {
	var hours, minutes int
	_, _ = fmt.Sscanf(p.source.TimeOfDay(0), "%d:%d", &hours, &minutes)
	return float64(hours*3600+minutes*60) + at.Sub(p.source.Began).Seconds()*p.source.Factor
}

// lead is how much of the boot is drawn before a scenario's beginning, in the fleet's own time.
const lead = 10 * time.Minute

// window is the time that a look back shows, in whole minutes of the metrics; longer ones are put together when there are
// too many. 0 shows everything.
func (p *Page) window(now time.Time, back time.Duration) window {
	whole := now.Sub(p.source.Began) + time.Duration(float64(lead)/p.source.Factor)
	wall := time.Duration(float64(back) / p.source.Factor)
	if back == 0 || wall > whole {
		wall = whole
	}
	minutes := max(2, int(math.Ceil(float64(wall)/float64(p.source.Minute))))
	period := p.source.Minute * time.Duration((minutes+mostFigures-1)/mostFigures)
	n := int(math.Ceil(float64(wall)/float64(period))) + 1
	return window{from: now.Truncate(period).Add(-time.Duration(n-1) * period), period: period, n: n}
}

func (p *Page) widget(w Widget, win window) (drawnWidget, error) {
	out := drawnWidget{Type: w.Type, X: w.X, Y: w.Y, Width: w.Width, Height: w.Height, Title: w.Properties.Title, Markdown: w.Properties.Markdown,
		View: w.Properties.View, Stacked: w.Properties.Stacked, Limits: w.Properties.Annotations.Horizontal, Right: w.Properties.YAxis["right"].Label}
	switch w.Type {
	case "alarm":
		for _, arn := range w.Properties.Alarms {
			_, name, _ := strings.Cut(arn, ":alarm:")
			out.Alarms = append(out.Alarms, name)
		}
	case "log":
		out.Fields, out.Rows = w.query.labels(), p.source.Logs.ask(w.query, p.clock)
	case "metric":
		var err error
		out.Lines, err = w.drawn(p.source.Account.Metrics(), win)
		return out, err
	}
	return out, nil
}
