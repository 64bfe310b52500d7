package dashboard

import (
	"fmt"
	"strings"
)

// CloudFormation's words for what only the deployment knows.
const (
	region = "${AWS::Region}"
	arns   = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
)

// Text is Markdown.
type Text string

func (t Text) kind() string               { return "text" }
func (t Text) properties() map[string]any { return map[string]any{"markdown": string(t)} }

// Number shows the last value of each line, large.
type Number struct {
	Title  string
	Series []Series
}

func (n Number) kind() string    { return "metric" }
func (n Number) lines() []Series { return n.Series }
func (n Number) properties() map[string]any {
	p := drawn(n.Title, n.Series)
	p["view"], p["sparkline"] = "singleValue", true
	return p
}

// Graph draws lines over time, stacked or not.
type Graph struct {
	Title   string
	Series  []Series
	Stacked bool
	Limit   *Limit
	Right   string // label of the right axis
}

// Limit is a line at a height that means something.
type Limit struct {
	At    float64
	Label string
}

func (g Graph) kind() string    { return "metric" }
func (g Graph) lines() []Series { return g.Series }
func (g Graph) properties() map[string]any {
	p := drawn(g.Title, g.Series)
	p["view"], p["stacked"] = "timeSeries", g.Stacked
	axes := map[string]any{"left": map[string]any{"min": 0}}
	if g.Right != "" {
		axes["right"] = map[string]any{"min": 0, "label": g.Right}
	}
	p["yAxis"] = axes
	if g.Limit != nil {
		p["annotations"] = map[string]any{"horizontal": []any{map[string]any{"label": g.Limit.Label, "value": g.Limit.At}}}
	}
	return p
}

func drawn(title string, series []Series) map[string]any {
	metrics := make([]any, len(series))
	for i, s := range series {
		metrics[i] = s.render()
	}
	return map[string]any{"title": title, "region": region, "period": 60, "stat": "Maximum", "metrics": metrics}
}

// Alarms shows the state of alarms by name.
type Alarms struct {
	Title string
	Names []string
}

func (a Alarms) kind() string { return "alarm" }
func (a Alarms) properties() map[string]any {
	list := make([]string, len(a.Names))
	for i, name := range a.Names {
		list[i] = arns + name
	}
	return map[string]any{"title": a.Title, "alarms": list}
}

// Log is a table of what Logs Insights finds in log groups.
type Log struct {
	Title  string
	Groups []string
	Query  string
}

func (l Log) kind() string { return "log" }
func (l Log) properties() map[string]any {
	sources := make([]string, len(l.Groups))
	for i, group := range l.Groups {
		sources[i] = fmt.Sprintf("SOURCE '%s'", group)
	}
	return map[string]any{"title": l.Title, "region": region, "view": "table", "query": strings.Join(sources, " | ") + " | " + l.Query}
}
