// Package dashboard is the vocabulary of a fleet's CloudWatch dashboards, and the dashboards themselves, as data: rows of
// numbers, graphs, alarms, log tables and texts, which lay themselves out. It knows no CloudFormation: where the region
// or the account must stand, the body has CloudFormation's words for them, such as ${AWS::Region}.
package dashboard

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// CloudWatch lays widgets out on a grid of this width.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
const gridWidth = 24

// Dashboard is one page of rows.
type Dashboard struct {
	Name string // in CloudWatch
	Rows []Row
}

// Row is widgets side by side, all of one height in units of the grid. They share the width equally.
type Row struct {
	Height  int
	Widgets []Widget
}

// Widget is a Text, Number, Graph, Alarms or Log.
type Widget interface {
	kind() string
	properties() map[string]any
}

// Series is one line: a metric with its dimensions, or an expression over the lines before it.
type Series struct {
	Namespace, Name string
	Dimensions      map[string]string
	Statistic       string // default "Maximum"
	Label           string
	Right           bool   // on the right axis
	Hidden          bool   // only for expressions
	ID              string // for expressions
	Expression      string // then nothing of a metric is set
}

// Own is a line of one of the fleet's own metrics; shard is empty for a metric of the whole fleet.
func Own(m telemetry.Metric, fleet, shard string) Series {
	if (m.Scope == telemetry.PerShard) != (shard != "") {
		panic(fmt.Sprintf("metric %s is published per %s, not for shard %q", m.Name, m.Scope, shard))
	}
	s := Series{Namespace: telemetry.Namespace, Name: m.Name, Dimensions: map[string]string{telemetry.DimensionFleet: fleet}, Label: m.Label()}
	if shard != "" {
		s.Dimensions[telemetry.DimensionShard] = shard
	}
	return s
}

// Named is the line under another label.
func (s Series) Named(label string) Series { s.Label = label; return s }

// By is the line with another statistic, "Sum", "Average" or "Minimum".
func (s Series) By(statistic string) Series { s.Statistic = statistic; return s }

// OnRight is the line on the right axis.
func (s Series) OnRight() Series { s.Right = true; return s }

// Growth are the lines of how much counters grow; that one begins at zero again is no growth.
func Growth(counters ...Series) []Series {
	var lines []Series
	for i, c := range counters {
		label := c.Label
		c.ID, c.Hidden = fmt.Sprintf("c%d", i), true
		lines = append(lines, c, Series{Expression: fmt.Sprintf("IF(DIFF(%[1]s) > 0, DIFF(%[1]s), 0)", c.ID), Label: label, ID: fmt.Sprintf("g%d", i)})
	}
	return lines
}

func (s Series) render() []any {
	options := map[string]any{"label": s.Label}
	if s.ID != "" {
		options["id"] = s.ID
	}
	if s.Right {
		options["yAxis"] = "right"
	}
	if s.Hidden {
		options["visible"] = false
	}
	if s.Expression != "" {
		options["expression"] = s.Expression
		return []any{options}
	}
	if s.Statistic != "" {
		options["stat"] = s.Statistic
	}
	out := []any{s.Namespace, s.Name}
	for _, name := range slices.Sorted(maps.Keys(s.Dimensions)) {
		out = append(out, name, s.Dimensions[name])
	}
	return append(out, options)
}

// Lines are the metrics of all widgets, expressions left out.
func (d Dashboard) Lines() []Series {
	var all []Series
	for _, row := range d.Rows {
		for _, w := range row.Widgets {
			if drawn, is := w.(interface{ lines() []Series }); is {
				for _, s := range drawn.lines() {
					if s.Expression == "" {
						all = append(all, s)
					}
				}
			}
		}
	}
	return all
}

// Height is how high the dashboard is, in units of the grid.
func (d Dashboard) Height() int {
	height := 0
	for _, row := range d.Rows {
		height += row.Height
	}
	return height
}

// Body is the dashboard in CloudWatch's own JSON.
func (d Dashboard) Body() string {
	widgets, y := []any{}, 0
	for _, row := range d.Rows {
		width := gridWidth / len(row.Widgets)
		for i, w := range row.Widgets {
			widgets = append(widgets, map[string]any{
				"type": w.kind(), "x": i * width, "y": y, "width": width, "height": row.Height, "properties": w.properties(),
			})
		}
		y += row.Height
	}
	raw, err := json.Marshal(map[string]any{"start": "-PT3H", "periodOverride": "inherit", "widgets": widgets})
	if err != nil {
		panic(fmt.Sprintf("dashboard %s is no JSON, which its types exclude: %v", d.Name, err))
	}
	return string(raw)
}
