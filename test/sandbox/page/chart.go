package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

// mostFigures is how many figures a line has at most: about one for each pixel or two of a laptop's widget.
const mostFigures = 240

// drawnLine is a line as the browser gets it.
type drawnLine struct {
	Label  string  `json:"label"`
	Unit   string  `json:"unit"`
	Right  bool    `json:"right,omitempty"`
	Values figures `json:"values"`
}

// figures are one for each period, rounded to four digits; NaN is null in JSON.
type figures []float64

// MarshalJSON writes an array of numbers and nulls.
func (f figures) MarshalJSON() ([]byte, error) {
	texts := make([]string, len(f))
	for i, v := range f {
		texts[i] = "null"
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			texts[i] = strconv.FormatFloat(v, 'g', digits(v), 64)
		}
	}
	return []byte("[" + strings.Join(texts, ",") + "]"), nil
}

// digits is four for a fraction and as many as a whole number has.
func digits(v float64) int {
	if v == math.Trunc(v) {
		return -1
	}
	return 4
}

// window is the time that is drawn: n periods from a moment.
type window struct {
	from   time.Time
	period time.Duration // on the wall
	n      int
}

// lines draws a widget's lines.
func (w Widget) drawn(store *metrics.Store, win window) ([]drawnLine, error) {
	named := map[string][]float64{}
	units := map[string]string{}
	var all []drawnLine
	for _, l := range w.lines {
		v, unit, err := l.figures(store, win, named, units)
		if err != nil {
			return nil, fmt.Errorf("widget %q: %w", w.Properties.Title, err)
		}
		if l.id != "" {
			named[l.id], units[l.id] = v, unit
		}
		if !l.hidden {
			all = append(all, drawnLine{l.label, unit, l.right, v})
		}
	}
	return all, nil
}

func (l line) figures(store *metrics.Store, win window, named map[string][]float64, units map[string]string) ([]float64, string, error) {
	if l.expression.value == nil {
		v, err := store.Graph(l.series, l.statistic, win.from, win.period, win.n)
		return v, unitOf(l.series), err
	}
	unit := ""
	for _, name := range l.expression.names {
		unit = units[name]
	}
	return l.expression.value(named, win.n), unit, nil
}

// unitOf is the unit that a metric is published with.
func unitOf(s metrics.Series) string {
	if s.Namespace == "AWS/Lambda" && s.Name == "Duration" {
		return "Milliseconds"
	}
	for _, m := range telemetry.All {
		if s.Namespace == telemetry.Namespace && s.Name == m.Name {
			return m.Unit
		}
	}
	return "Count"
}

// drawnWidget is a widget with what it shows now.
type drawnWidget struct {
	Type     string      `json:"type"`
	X        int         `json:"x"`
	Y        int         `json:"y"`
	Width    int         `json:"width"`
	Height   int         `json:"height"`
	Title    string      `json:"title"`
	Markdown string      `json:"markdown,omitempty"`
	View     string      `json:"view,omitempty"`
	Stacked  bool        `json:"stacked,omitempty"`
	Limits   []limit     `json:"limits,omitempty"`
	Right    string      `json:"right,omitempty"`
	Lines    []drawnLine `json:"lines,omitempty"`
	Alarms   []string    `json:"alarms,omitempty"`
	Fields   []string    `json:"fields,omitempty"`
	Rows     [][]string  `json:"rows,omitempty"`
}
