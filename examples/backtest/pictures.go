package main

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

// The size of the pictures, and how many points a line has at most.
const (
	wide, high = 9 * vg.Inch, 4.5 * vg.Inch
	mostPoints = 1500
	dpi        = 96
)

// series are the days as pictures need them.
type series struct {
	symbols  []broker.InstrumentID
	at       []float64 // Unix time of each day
	strategy []replay.Point
	hold     []replay.Point
	weights  [][]float32 // by day and symbol
}

func (s *series) add(day *replay.Day, point, hold replay.Point) {
	at, _ := time.Parse(time.DateOnly, string(day.Date)) // a Day parses
	s.at = append(s.at, float64(at.Unix()))
	s.strategy, s.hold = append(s.strategy, point), append(s.hold, hold)
	weights := make([]float32, len(day.Holdings))
	value, _ := day.Value.Float64()
	for i := range day.Holdings {
		held, _ := day.Holdings[i].Value.Float64()
		weights[i] = float32(held / value)
	}
	s.weights = append(s.weights, weights)
}

// pictures draws the three pictures, each as PNG and as SVG.
func pictures(files *outputs, s *series, title string) error {
	for _, kind := range [...]struct {
		name string
		draw func(*series, string) (*picture, error)
	}{{"equity", equity}, {"weights", weights}, {"drawdown", drawdown}} {
		p, err := kind.draw(s, title)
		if err != nil {
			return fmt.Errorf("picture %s: %w", kind.name, err)
		}
		png := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(wide, high), vgimg.UseDPI(dpi))}
		if err := errors.Join(
			save(files, kind.name+".png", p, png),
			save(files, kind.name+".svg", p, vgsvg.New(wide, high)),
		); err != nil {
			return fmt.Errorf("picture %s: %w", kind.name, err)
		}
	}
	return nil
}

// vgCanvas is what a picture is drawn on and written from.
type vgCanvas interface {
	vg.CanvasSizer
	io.WriterTo
}

// picture is a plot, and a legend that stands beside it, if it has one.
type picture struct {
	*plot.Plot
	beside *plot.Legend
}

func save(files *outputs, name string, p *picture, canvas vgCanvas) error {
	w, err := files.create(name)
	if err != nil {
		return err
	}
	const margin, column = 8, 56 // points
	c := draw.Crop(draw.New(canvas), margin, -2*margin, margin, -margin)
	if p.beside != nil {
		p.beside.Draw(draw.Crop(c, 0, margin, 0, -2*margin))
		c = draw.Crop(c, 0, -column, 0, 0)
	}
	p.Draw(c)
	_, err = canvas.WriteTo(w)
	return err
}

// equity is the growth of the strategy and of buy and hold.
func equity(s *series, title string) (*picture, error) {
	p := newPlot("Growth of 1, deposits and withdrawals left out", "growth")
	lowest, highest := math.Inf(1), 0.0
	for _, line := range [...]struct {
		name   string
		points []replay.Point
		color  color.Color
	}{{"buy and hold", s.hold, grey}, {title, s.strategy, palette[0]}} {
		xys := s.line(func(day int) float64 { return line.points[day].Growth })
		for _, xy := range xys {
			lowest, highest = min(lowest, xy.Y), max(highest, xy.Y)
		}
		l, err := plotter.NewLine(xys)
		if err != nil {
			return nil, err
		}
		l.Color, l.Width = line.color, vg.Points(1.2)
		p.Add(l)
		p.Legend.Add(line.name, l)
	}
	if highest > 8*lowest && lowest > 0 { // many years: equal distances are equal growth
		p.Y.Scale = plot.LogScale{}
		p.Y.Tick.Marker = plot.LogTicks{Prec: -1}
		p.Y.Label.Text = "growth, logarithmic"
	}
	return &picture{Plot: p}, nil
}

// weights stacks the weights over time; what is missing to 1 is cash.
func weights(s *series, title string) (*picture, error) {
	p := newPlot("Weights: "+title, "share of the account")
	p.Y.Min, p.Y.Max = 0, 1
	below := make([]float64, len(s.at))
	above := make([]float64, len(s.at))
	var areas []*plotter.Polygon
	for i := range s.symbols {
		for day := range above {
			above[day] = below[day] + float64(s.weights[day][i])
		}
		lower := s.line(func(day int) float64 { return below[day] })
		upper := s.line(func(day int) float64 { return above[day] })
		area, err := plotter.NewPolygon(around(upper, lower))
		if err != nil {
			return nil, err
		}
		area.Color, area.LineStyle.Width = palette[i%len(palette)], 0
		p.Add(area)
		areas = append(areas, area)
		copy(below, above)
	}
	legend := plot.NewLegend()
	legend.Top, legend.Padding, legend.ThumbnailWidth = true, vg.Points(1), vg.Points(12)
	legend.TextStyle.Font = sans(9)
	for i, area := range slices.Backward(areas) { // as they lie on one another
		legend.Add(string(s.symbols[i]), area)
	}
	return &picture{Plot: p, beside: &legend}, nil
}

// drawdown is how far the strategy and buy and hold are below their highest.
func drawdown(s *series, title string) (*picture, error) {
	p := newPlot("Drawdown", "below the highest so far, %")
	zero := s.line(func(int) float64 { return 0 })
	for _, line := range [...]struct {
		name   string
		points []replay.Point
		color  color.Color
	}{{"buy and hold", s.hold, grey}, {title, s.strategy, palette[0]}} {
		xys := s.line(func(day int) float64 { return 100 * line.points[day].Drawdown })
		l, err := plotter.NewLine(xys)
		if err != nil {
			return nil, err
		}
		l.Color, l.Width = line.color, vg.Points(1)
		if line.name == title {
			area, err := plotter.NewPolygon(around(xys, zero))
			if err != nil {
				return nil, err
			}
			area.Color, area.LineStyle.Width = pale, 0
			p.Add(area)
		}
		p.Add(l)
		p.Legend.Add(line.name, l)
	}
	p.Legend.Top = false
	p.Y.Max = 0
	p.Y.Tick.Marker = plot.TickerFunc(whole)
	return &picture{Plot: p}, nil
}

// line is a line over the days, thinned out so that a picture stays small: of each
// bundle of days the value that is lowest stays, and the last day.
func (s *series) line(value func(day int) float64) plotter.XYs {
	bundle := (len(s.at) + mostPoints - 1) / mostPoints
	var xys plotter.XYs
	for first := 0; first < len(s.at); first += bundle {
		lowest := first
		for day := first; day < min(first+bundle, len(s.at)); day++ {
			if value(day) < value(lowest) {
				lowest = day
			}
		}
		xys = append(xys, plotter.XY{X: s.at[lowest], Y: value(lowest)})
	}
	if last := len(s.at) - 1; xys[len(xys)-1].X != s.at[last] {
		xys = append(xys, plotter.XY{X: s.at[last], Y: value(last)})
	}
	return xys
}

// around is the outline of what lies between two lines.
func around(upper, lower plotter.XYs) plotter.XYs {
	outline := append(plotter.XYs{}, upper...)
	for i := len(lower) - 1; i >= 0; i-- {
		outline = append(outline, lower[i])
	}
	return outline
}

// newPlot is an empty plot over years.
func newPlot(title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Y.Label.Text = title, y
	p.Title.Padding = vg.Points(8)
	p.Title.TextStyle.Font, p.Legend.TextStyle.Font = sans(12), sans(10)
	for _, axis := range [...]*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = sans(10), sans(9)
	}
	p.X.Tick.Marker = plot.TickerFunc(years)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.YOffs, p.Legend.XOffs, p.Legend.Padding = -vg.Points(4), vg.Points(6), vg.Points(2)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	p.Add(grid)
	return p
}

// sans is the font of all text.
func sans(size float64) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Points(size))
}

// whole are the usual ticks, of which only whole numbers have labels.
func whole(from, to float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(from, to)
	for i := range ticks {
		ticks[i].Label = strings.TrimSuffix(strings.TrimSuffix(ticks[i].Label, ".00"), ".0")
	}
	return ticks
}

// years are ticks at the begin of years, months or quarters, as many as fit.
func years(from, to float64) []plot.Tick {
	const most = 12
	begin := time.Unix(int64(from), 0).UTC()
	var ticks []plot.Tick
	for _, months := range [...]int{1, 3, 6, 12, 24, 60, 120, 240} {
		ticks = ticks[:0]
		layout := "2006-01"
		if months >= 12 {
			layout = "2006"
		}
		year := begin.Year() - begin.Year()%max(1, months/12)
		for at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); float64(at.Unix()) <= to; at = at.AddDate(0, months, 0) {
			if float64(at.Unix()) >= from {
				ticks = append(ticks, plot.Tick{Value: float64(at.Unix()), Label: at.Format(layout)})
			}
		}
		if len(ticks) <= most {
			break
		}
	}
	return ticks
}

var (
	grey  = color.RGBA{R: 0x88, G: 0x88, B: 0x88, A: 0xff}
	faint = color.RGBA{R: 0xe6, G: 0xe6, B: 0xe6, A: 0xff}
	pale  = color.RGBA{R: 0xd6, G: 0xe4, B: 0xf0, A: 0xff}
)

// palette are the colors of symbols, distinct also for most who see few colors.
var palette = []color.Color{
	rgb(0x1f5a8a), rgb(0xe08214), rgb(0x3a9e5f), rgb(0xb8383b), rgb(0x7b62a3),
	rgb(0x8c6d46), rgb(0xd284bc), rgb(0x6f6f6f), rgb(0xb5b52e), rgb(0x2ba6b8),
	rgb(0x9cc3e0), rgb(0xf7c38a), rgb(0xa4d9b4), rgb(0xeba5a3), rgb(0xc9bbdf),
	rgb(0xc7ae90), rgb(0xf0c4e2), rgb(0xc4c4c4), rgb(0xdfdf8c), rgb(0x9fdce4),
}

func rgb(hex uint32) color.Color {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}
