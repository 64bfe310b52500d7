package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// pageData is what the page's charts are drawn from.
type pageData struct {
	World    string        `json:"world"`
	Chapters []pageChapter `json:"chapters"`
}

type pageChapter struct {
	simulate.Comparison
	What   string       `json:"what"`
	Start  time.Time    `json:"start"`
	From   float64      `json:"from"` // hours from the start to the first interval's end
	Step   float64      `json:"step"` // hours
	Bound  []float64    `json:"bound"`
	Busy   []float64    `json:"busy"`
	Series []pageSeries `json:"series"` // of the runs, in their order
}

type pageSeries struct {
	Bridges    []float64 `json:"bridges,omitempty"`
	Overloaded []float64 `json:"overloaded,omitempty"`
	Jibris     []float64 `json:"jibris,omitempty"`
	Failed     []int     `json:"failed,omitempty"` // starts so far
}

// page is the report: one file without references to others.
func page(chapters []chapter, o options) ([]byte, error) {
	data := pageData{World: world(o)}
	for _, c := range chapters {
		data.Chapters = append(data.Chapters, pageOf(c))
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = pageTemplate.Execute(&out, template.JS(raw)) //nolint:gosec // json.Marshal escapes <, > and &
	return out.Bytes(), err
}

// world says what every policy met alike.
func world(o options) string {
	said := []string{
		"bridges boot in " + o.world.BridgeBoot.String(), "recorders in " + o.world.JibriBoot.String(),
		"seed " + strconv.FormatUint(o.seed, 10),
	}
	if o.faults != "" {
		said = append(said, "with these faults: "+o.faults)
	}
	return strings.Join(said, ", ")
}

func pageOf(c chapter) pageChapter {
	p := pageChapter{Comparison: c.comparison, What: what(c), Start: c.workload.Start, Step: sampled.Hours(), From: c.world.WarmUp.Hours() + sampled.Hours()}
	for _, r := range c.comparison.Runs {
		var s pageSeries
		failed := 0
		for _, x := range r.BridgeSeries {
			s.Bridges, s.Overloaded = append(s.Bridges, short(x.Paid)), append(s.Overloaded, short(x.Overloaded))
		}
		for _, x := range r.JibriSeries {
			failed += x.Failed
			s.Jibris, s.Failed = append(s.Jibris, short(x.Paid)), append(s.Failed, failed)
		}
		p.Series = append(p.Series, s)
	}
	bridges, jibris := simulate.BoundSeries(c.workload, c.world)
	for _, x := range bridges {
		p.Bound = append(p.Bound, short(x.Bound))
	}
	for _, x := range jibris {
		p.Busy = append(p.Busy, short(x.Busy))
	}
	return p
}

// short keeps the page small: a hundredth of a machine is not seen.
func short(v float64) float64 { return math.Round(v*100) / 100 }

// what says what was played, and from when on it was counted.
func what(c chapter) string {
	said := "from a file"
	for _, k := range simulate.Kinds() {
		if k.Name == c.workload.Name {
			said = k.What
		}
	}
	if c.world.WarmUp > 0 {
		said += fmt.Sprintf("; counted after %.3g days in which policies learned", c.world.WarmUp.Hours()/24)
	}
	return said
}
