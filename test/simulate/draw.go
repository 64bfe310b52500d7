package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// colors are the policies', on the page and in the pictures alike.
var colors = map[string]color.Color{
	"jitsi-fleet":        color.RGBA{0x16, 0x66, 0xc5, 0xff},
	"jitsi-autoscaler":   color.RGBA{0xc2, 0x41, 0x0c, 0xff},
	"8x8-cloudformation": color.RGBA{0x8b, 0x5c, 0xf6, 0xff},
	"target-tracking":    color.RGBA{0xb8, 0x86, 0x0b, 0xff},
	"n-free-3":           color.RGBA{0xd0, 0x45, 0x8a, 0xff},
	"n-free-10":          color.RGBA{0x0f, 0x94, 0x88, 0xff},
	"static":             color.RGBA{0x7c, 0x87, 0x91, 0xff},
	"bound":              color.RGBA{0x22, 0x22, 0x22, 0xff},
	"hindsight":          color.RGBA{0x3f, 0x9b, 0x46, 0xff},
}

func colorOf(policy string) color.Color {
	if c, ok := colors[policy]; ok {
		return c
	}
	return color.RGBA{0xa1, 0x62, 0x07, 0xff}
}

// drawn are the policies on the pictures over time; all would hide each other.
var drawn = map[string]bool{"jitsi-fleet": true, "jitsi-autoscaler": true, "target-tracking": true, "n-free-3": true, "n-free-10": true}

const (
	pictureWidth  = 24 * vg.Centimeter
	pictureHeight = 16 * vg.Centimeter
	pictureDPI    = 110
	// pictureDays is how many days a picture shows at most: more are not told apart.
	pictureDays = 2
)

// filled is what a picture fills behind the curves.
var filled = color.RGBA{0xcf, 0xd6, 0xde, 0xff}

// drawChapter draws the first days over time, and cost against service, and returns the paths.
func drawChapter(c chapter, dir string) ([]string, error) {
	bridges, jibris := simulate.BoundSeries(c.workload, c.world)
	above, below := panel("bridges"), panel("recorders")
	fill(above, bridges, func(p simulate.BridgePoint) (float64, float64) { return p.At, p.Bound })
	fill(below, jibris, func(p simulate.JibriPoint) (float64, float64) { return p.At, p.Busy })
	costs, fails := dotsPanel("instance hours, x lower bound", "% of user time overloaded"), dotsPanel("idle instance hours", "% of starts failed")
	for _, r := range c.comparison.Runs {
		if drawn[r.Policy] {
			line(above, r.Policy, r.BridgeSeries, func(p simulate.BridgePoint) (float64, float64) { return p.At, p.Paid })
			line(below, r.Policy, r.JibriSeries, func(p simulate.JibriPoint) (float64, float64) { return p.At, p.Paid })
		}
		if f := r.Bridges; f != nil && f.LowerBoundHours > 0 {
			dot(costs, r.Policy, f.InstanceHours/f.LowerBoundHours, 100*f.OverloadShare)
		}
		if f := r.Jibris; f != nil && f.Requests > 0 {
			dot(fails, r.Policy, f.InstanceHours-f.BusyHours, 100*f.FailedShare)
		}
	}
	above.Title.Text = c.workload.Name + ": what is paid for, and what is needed (filled)"
	costs.Title.Text = c.workload.Name + ": cost and service; the lower left is best"
	days, dots := filepath.Join(dir, c.workload.Name+"-days.png"), filepath.Join(dir, c.workload.Name+"-cost.png")
	if err := save(days, above, below); err != nil {
		return nil, err
	}
	return []string{days, dots}, save(dots, costs, fails)
}

func panel(name string) *plot.Plot {
	p := plot.New()
	p.Y.Label.Text, p.Y.Min = name, 0
	p.X.Tick.Marker = plot.TickerFunc(sixHours)
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	return p
}

// sixHours marks the axis of time.
func sixHours(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for h := math.Ceil(low/6) * 6; h <= high; h += 6 {
		ticks = append(ticks, plot.Tick{Value: h, Label: fmt.Sprintf("day %d %02d:00", int(h)/24+1, int(h)%24)})
	}
	return ticks
}

// points are the first days of a series.
func points[P any](series []P, at func(P) (x, y float64)) plotter.XYs {
	var all plotter.XYs
	for _, p := range series {
		x, y := at(p)
		if len(all) > 0 && x > all[0].X+pictureDays*24 {
			break
		}
		all = append(all, plotter.XY{X: x, Y: y})
	}
	return all
}

func fill[P any](p *plot.Plot, series []P, at func(P) (x, y float64)) {
	all := points(series, at)
	if len(all) == 0 {
		return
	}
	ring := append(slices.Clone(all), plotter.XY{X: all[len(all)-1].X}, plotter.XY{X: all[0].X})
	if area, err := plotter.NewPolygon(ring); err == nil {
		area.Color, area.LineStyle.Width = filled, 0
		p.Add(area)
	}
}

func line[P any](p *plot.Plot, policy string, series []P, at func(P) (x, y float64)) {
	curve, err := plotter.NewLine(points(series, at))
	if err != nil || len(series) == 0 { // the policy has no rule for this
		return
	}
	curve.Color, curve.Width = colorOf(policy), vg.Points(1.2)
	if policy == "jitsi-fleet" {
		curve.Width = vg.Points(2)
	}
	p.Add(curve)
	p.Legend.Add(policy, curve)
}

func dotsPanel(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text, p.X.Min, p.Y.Min = x, y, 0, 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	return p
}

func dot(p *plot.Plot, policy string, x, y float64) {
	mark, err := plotter.NewScatter(plotter.XYs{{X: x, Y: y}})
	if err != nil {
		return
	}
	mark.GlyphStyle = draw.GlyphStyle{Color: colorOf(policy), Radius: vg.Points(4.5), Shape: draw.CircleGlyph{}}
	p.Add(mark)
	p.Legend.Add(policy, mark)
}

// save writes one panel above the other.
func save(path string, panels ...*plot.Plot) error {
	canvas := vgimg.NewWith(vgimg.UseWH(pictureWidth, pictureHeight), vgimg.UseDPI(pictureDPI))
	tiles := draw.Tiles{Rows: len(panels), Cols: 1, PadY: vg.Points(8), PadTop: vg.Points(4), PadBottom: vg.Points(4), PadLeft: vg.Points(4), PadRight: vg.Points(12)}
	rows := make([][]*plot.Plot, len(panels))
	for i, p := range panels {
		rows[i] = []*plot.Plot{p}
	}
	for i, c := range plot.Align(rows, tiles, draw.New(canvas)) {
		panels[i].Draw(c[0])
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
