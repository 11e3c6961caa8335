package main

import (
	"encoding/csv"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/backtest/replay"
	"github.com/evenkeel/evenkeel/journal"
)

// heldDay is a day of buy and hold.
type heldDay struct {
	replay.Point
	value decimal.Decimal
}

// table is a CSV file under way.
type table struct {
	csv *csv.Writer
	row []string
}

func newTable(files *outputs, name string, header []string) (*table, error) {
	w, err := files.create(name)
	if err != nil {
		return nil, err
	}
	t := &table{csv: csv.NewWriter(w)}
	return t, t.csv.Write(header)
}

func (t *table) flush() error {
	t.csv.Flush()
	return t.csv.Error()
}

// values is values.csv: one row a day, money to the cent, weights to six places.
type values struct{ *table }

func newValues(files *outputs, symbols []broker.InstrumentID) (*values, error) {
	header := []string{"date", "value", "cash", "flow", "growth", "drawdown", "hold_value", "hold_growth", "hold_drawdown"}
	for _, id := range symbols {
		header = append(header, "weight_"+string(id))
	}
	t, err := newTable(files, "values.csv", header)
	return &values{t}, err
}

func (v *values) add(day *replay.Day, point replay.Point, hold heldDay) error {
	v.row = append(v.row[:0], string(day.Date), day.Value.StringFixed(2), day.Cash.StringFixed(2), day.Flow.StringFixed(2),
		statistic(point.Growth), statistic(point.Drawdown),
		hold.value.StringFixed(2), statistic(hold.Growth), statistic(hold.Drawdown))
	for i := range day.Holdings {
		weight, err := broker.Quo(day.Holdings[i].Value, day.Value, 6)
		if err != nil {
			return err
		}
		v.row = append(v.row, weight.StringFixed(6))
	}
	return v.csv.Write(v.row)
}

// statistic prints a number that is no money.
func statistic(x float64) string { return strconv.FormatFloat(x, 'f', 6, 64) }

// orders is orders.csv: one row an order that was sent, exact.
type orders struct{ *table }

func newOrders(files *outputs) (*orders, error) {
	t, err := newTable(files, "orders.csv", []string{
		"date", "event", "symbol", "side", "why", "planned", "filled", "price", "fee", "outcome", "reason",
	})
	return &orders{t}, err
}

func (o *orders) add(day *replay.Day) error {
	for _, res := range day.Results {
		for i := range res.Orders {
			l := &res.Orders[i]
			if l.Outcome == journal.NotSent {
				continue // only planned
			}
			o.row = append(o.row[:0], string(day.Date), res.Event, string(l.Symbol), string(l.Side), string(l.Why),
				l.Planned.String(), l.Filled.String(), l.AveragePrice.String(), l.Fees.String(), string(l.Outcome), l.Reason)
			if err := o.csv.Write(o.row); err != nil {
				return err
			}
		}
	}
	return nil
}
