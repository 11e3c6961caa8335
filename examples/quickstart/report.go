package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// report prints what happened, for people.
func report(w io.Writer, fault string, r *rebalance.Result, e *queue.Entry) error {
	p := &printer{w: w}
	p.line("Account %s follows %q: %s", r.Account, r.Strategy, r.Outcome)
	if r.Reason != "" {
		p.line("  %s: %s", r.Reason, r.Detail)
	}
	if fault != "" {
		p.line("  (on the way, this was broken: %s)", fault)
	}
	p.line("")
	holdings(p, r)
	orders(p, r)
	if a := r.After; a != nil {
		p.line("Cash %s, reserve %s: %s above it.", dollars(a.Cash), dollars(a.Reserve), dollars(a.Cash.Sub(a.Reserve)))
		p.line("Furthest from its target: %s of equity before, %s after.", percent(r.Before.Drift), percent(a.Drift))
	}
	if c := r.Costs; c != nil {
		p.line("Traded %s; fees %s; paid against the plan's prices %s.", dollars(c.Traded), dollars(c.Fees), dollars(c.Shortfall))
	}
	p.line("")
	p.line("Event %s: %s after %d attempt(s)", e.Event.ID, e.State, e.Attempt)
	for _, h := range e.History {
		p.line("  %s  %s %s", h.Time.Format("2006-01-02 15:04:05"), h.What, h.Class)
	}
	return p.err
}

// holdings compares the account before and after.
func holdings(p *printer, r *rebalance.Result) {
	if r.Before == nil {
		return
	}
	t := tabwriter.NewWriter(p, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "symbol\tprice\ttarget\tbefore\t\tafter\t\t")
	for i, h := range r.Before.Holdings {
		after := h
		if r.After != nil {
			after = r.After.Holdings[i]
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", h.Symbol, h.Price.StringFixed(2), percent(h.Target),
			h.Quantity, percent(h.Weight), after.Quantity, percent(after.Weight))
	}
	p.note(t.Flush())
	p.line("")
}

// orders says what became of each order.
func orders(p *printer, r *rebalance.Result) {
	if len(r.Orders) == 0 {
		return
	}
	t := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "order\tplanned\tfilled\tat\tfee\toutcome\t")
	for i := range r.Orders {
		o := &r.Orders[i]
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Side, o.Symbol, o.Planned, o.Filled,
			o.AveragePrice.StringFixed(2), o.Fees.StringFixed(2), o.Outcome, o.Reason)
	}
	p.note(t.Flush())
	p.line("")
}

func percent(d decimal.Decimal) string { return d.Shift(2).StringFixed(2) + "%" }
func dollars(d decimal.Decimal) string { return "$" + d.StringFixed(2) }

// printer keeps the first error, so that lines can be printed without one each.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	_, err := fmt.Fprintf(p.w, format+"\n", args...)
	p.note(err)
}

func (p *printer) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

// Write makes the printer an io.Writer.
func (p *printer) Write(b []byte) (int, error) { return p.w.Write(b) }
