package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

// Dashboard is a dashboard as CloudWatch has it. What the page could not draw is refused when it is read, for a widget
// that is silently left out would be believed to be empty.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type Dashboard struct {
	Name    string
	Span    string   // how far back it looks, such as "3h"
	Widgets []Widget // in the order of the body
}

// Widget is one part of a dashboard, at its place in CloudWatch's grid of 24 columns.
type Widget struct {
	Type       string     `json:"type"` // "metric", "text", "alarm" or "log"
	X          int        `json:"x"`
	Y          int        `json:"y"`
	Width      int        `json:"width"`
	Height     int        `json:"height"`
	Properties properties `json:"properties"`

	lines []line
	query *query
}

type properties struct {
	Title       string              `json:"title"`
	Region      string              `json:"region"`
	Markdown    string              `json:"markdown"`
	View        string              `json:"view"` // "timeSeries", "singleValue" or "table"
	Stacked     bool                `json:"stacked"`
	Sparkline   bool                `json:"sparkline"`
	Period      int                 `json:"period"` // seconds
	Stat        string              `json:"stat"`
	Metrics     [][]json.RawMessage `json:"metrics"`
	Alarms      []string            `json:"alarms"` // ARNs
	Query       string              `json:"query"`
	YAxis       map[string]axis     `json:"yAxis"` // "left" and "right"
	Annotations struct {
		Horizontal []limit `json:"horizontal"`
	} `json:"annotations"`
}

type axis struct {
	Min   float64 `json:"min"`
	Label string  `json:"label"`
}

type limit struct {
	Label string  `json:"label"`
	Value float64 `json:"value"`
}

// line is one row of a metric widget: a metric, or an expression over the rows before it.
type line struct {
	series     metrics.Series
	statistic  string
	label, id  string
	right      bool
	hidden     bool
	expression formula
}

// Read reads a dashboard's body.
func Read(name string, raw []byte) (Dashboard, error) {
	var body struct {
		Start          string   `json:"start"`
		PeriodOverride string   `json:"periodOverride"`
		Widgets        []Widget `json:"widgets"`
	}
	if err := strictly(raw, &body); err != nil {
		return Dashboard{}, fmt.Errorf("dashboard %s is not readable: %w", name, err)
	}
	d := Dashboard{Name: name, Widgets: body.Widgets, Span: spanOf(body.Start)}
	for i := range d.Widgets {
		if err := d.Widgets[i].prepare(); err != nil {
			return Dashboard{}, fmt.Errorf("dashboard %s, widget %q: %w", name, d.Widgets[i].Properties.Title, err)
		}
	}
	return d, nil
}

func strictly(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// spanOf reads a relative start, such as "-PT3H"; anything else is CloudWatch's default.
func spanOf(start string) string {
	for span := range spans {
		if start == "-PT"+span[:len(span)-1]+"H" {
			return span
		}
	}
	return "3h"
}

// spans are how far back one can look, in the fleet's own time; "all" is everything.
var spans = map[string]time.Duration{"1h": time.Hour, "3h": 3 * time.Hour, "12h": 12 * time.Hour, "all": 0}

func (w *Widget) prepare() (err error) {
	switch w.Type {
	case "text", "alarm":
		return nil
	case "log":
		w.query, err = parseQuery(w.Properties.Query)
		return err
	case "metric":
		return w.prepareLines()
	default:
		return fmt.Errorf("the page cannot draw the type %q", w.Type)
	}
}

func (w *Widget) prepareLines() error {
	if v := w.Properties.View; v != "timeSeries" && v != "singleValue" {
		return fmt.Errorf("the page cannot draw the view %q", v)
	}
	if w.Properties.Period <= 0 {
		return errors.New("it has no period")
	}
	known := map[string]bool{}
	for _, row := range w.Properties.Metrics {
		l, err := w.line(row)
		if err != nil {
			return err
		}
		for _, name := range l.expression.names {
			if !known[name] {
				return fmt.Errorf("an expression names %s, which is no line before it", name)
			}
		}
		known[l.id] = true
		w.lines = append(w.lines, l)
	}
	return nil
}

// line reads one row: words, and options at the end.
func (w *Widget) line(row []json.RawMessage) (line, error) {
	options := struct {
		Label      string `json:"label"`
		ID         string `json:"id"`
		Stat       string `json:"stat"`
		YAxis      string `json:"yAxis"`
		Expression string `json:"expression"`
		Visible    *bool  `json:"visible"`
	}{Stat: w.Properties.Stat}
	var words []string
	for i, cell := range row {
		if i == len(row)-1 && bytes.HasPrefix(cell, []byte("{")) {
			if err := strictly(cell, &options); err != nil {
				return line{}, err
			}
			continue
		}
		var word string
		if err := json.Unmarshal(cell, &word); err != nil {
			return line{}, err
		}
		words = append(words, word)
	}
	l := line{statistic: options.Stat, label: options.Label, id: options.ID, right: options.YAxis == "right",
		hidden: options.Visible != nil && !*options.Visible}
	var err error
	if options.Expression != "" {
		l.expression, err = parseFormula(options.Expression)
		return l, err
	}
	l.series, err = seriesOf(words)
	return l, err
}

func seriesOf(words []string) (metrics.Series, error) {
	if len(words) < 2 || len(words)%2 != 0 {
		return metrics.Series{}, fmt.Errorf("a metric is a namespace, a name and pairs of dimensions, not %q", words)
	}
	s := metrics.Series{Namespace: words[0], Name: words[1], Dimensions: map[string]string{}}
	for i := 2; i < len(words); i += 2 {
		s.Dimensions[words[i]] = words[i+1]
	}
	return s, nil
}
