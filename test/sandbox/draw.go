package main

import (
	"fmt"
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

var (
	blue   = color.RGBA{R: 0x2b, G: 0x5c, B: 0xa8, A: 0xff}
	green  = color.RGBA{R: 0x2a, G: 0x8f, B: 0x5a, A: 0xff}
	black  = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	orange = color.RGBA{R: 0xc9, G: 0x7a, B: 0x1c, A: 0xff}
	red    = color.RGBA{R: 0xb8, G: 0x2b, B: 0x2b, A: 0xff}
)

const (
	pictureWidth  = 22 * vg.Centimeter
	pictureHeight = 14 * vg.Centimeter
	pictureDPI    = 110
)

// draw draws the day: participants above, bridges below, on one axis of time.
func (r *result) draw(path string) error {
	above, err := r.panel("participants", []curve{{"participants", blue, false, func(x row) float64 { return float64(x.Participants) }}})
	if err != nil {
		return err
	}
	above.Title.Text = fmt.Sprintf("%s, played %g times as fast", r.Scenario, r.Factor)
	below, err := r.panel("bridges", []curve{
		{"running", green, true, func(x row) float64 { return float64(x.Running) }},
		{"wanted", black, true, func(x row) float64 { return float64(x.Wanted) }},
		{"draining", orange, true, func(x row) float64 { return float64(x.Reserve + x.Draining) }},
		{"highest stress × 10", red, false, func(x row) float64 { return 10 * x.Stress }},
	})
	if err != nil {
		return err
	}
	canvas := vgimg.NewWith(vgimg.UseWH(pictureWidth, pictureHeight), vgimg.UseDPI(pictureDPI))
	tiles := draw.Tiles{Rows: 2, Cols: 1, PadY: vg.Points(8), PadTop: vg.Points(4), PadBottom: vg.Points(4), PadLeft: vg.Points(4), PadRight: vg.Points(8)}
	for i, c := range plot.Align([][]*plot.Plot{{above}, {below}}, tiles, draw.New(canvas)) {
		[]*plot.Plot{above, below}[i].Draw(c[0])
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

// curve is one line of a panel.
type curve struct {
	name  string
	color color.Color
	steps bool
	value func(row) float64
}

func (r *result) panel(name string, curves []curve) (*plot.Plot, error) {
	p := plot.New()
	p.Y.Label.Text, p.Y.Min = name, 0
	p.X.Tick.Marker = plot.TickerFunc(hours)
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for _, c := range curves {
		points := make(plotter.XYs, len(r.Rows))
		for i, sample := range r.Rows {
			points[i].X, points[i].Y = float64(r.plan.Start.Minutes())/60+sample.Offset/3600, c.value(sample)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, fmt.Errorf("the line %q is not drawn: %w", c.name, err)
		}
		line.Color, line.Width = c.color, vg.Points(1.3)
		if c.steps {
			line.StepStyle = plotter.PostStep
		}
		p.Add(line)
		if len(curves) > 1 {
			p.Legend.Add(c.name, line)
		}
	}
	return p, nil
}

// hours are the full hours of a day's axis; those of longer ones are every sixth.
func hours(low, high float64) []plot.Tick {
	const longest = 30
	step := 1
	if high-low > longest {
		step = 6
	}
	var ticks []plot.Tick
	for h := int(low); float64(h) <= high; h++ {
		if float64(h) >= low && h%step == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(h), Label: fmt.Sprintf("%02d:00", h%24)})
		}
	}
	return ticks
}
