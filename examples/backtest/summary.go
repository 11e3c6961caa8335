package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

// title says in a few words what was played.
func (o *options) title() string {
	rhythm := o.every
	if o.every == "never" {
		rhythm = "by drift"
	} else if o.drift.Valid || o.driftRelative.Valid {
		rhythm += " or by drift"
	}
	return fmt.Sprintf("%s, %s", o.strategy, rhythm)
}

// report prints the summary, for people.
func (r *played) report(w io.Writer, o *options, written []string) error {
	var b strings.Builder
	m, h := &r.summary, &r.hold
	fmt.Fprintf(&b, "%s to %s: %d days, %d symbols of %s\n", m.From, m.To, m.Days, len(o.symbols), o.file())
	fmt.Fprintln(&b)
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(name string, f func(*replay.Summary) string) { fmt.Fprintf(t, "%s\t%s\t%s\t\n", name, f(m), f(h)) }
	fmt.Fprintf(t, "\t%s\tbuy and hold\t\n", o.title())
	row("value at the end", func(s *replay.Summary) string { return dollars(s.Final) })
	if !m.PaidIn.IsZero() || !m.PaidOut.IsZero() {
		row("paid in", func(s *replay.Summary) string { return dollars(s.PaidIn) })
		row("paid out", func(s *replay.Summary) string { return dollars(s.PaidOut) })
	}
	row("growth a year (CAGR)", func(s *replay.Summary) string { return percent(s.CAGR) })
	row("volatility a year", func(s *replay.Summary) string { return percent(s.Volatility) })
	row("max drawdown", func(s *replay.Summary) string { return percent(s.Drawdown) })
	row("from its peak on", func(s *replay.Summary) string { return string(s.Peak) })
	row("to its trough on", func(s *replay.Summary) string { return string(s.Trough) })
	row("turnover a year", func(s *replay.Summary) string { return percent(s.Turnover) })
	row("tracking error a year", func(s *replay.Summary) string { return percent(s.TrackingError) })
	row("fees", func(s *replay.Summary) string { return dollars(s.Fees) })
	row("slippage", func(s *replay.Summary) string { return dollars(s.Slippage) })
	row("orders", func(s *replay.Summary) string { return grouped(strconv.Itoa(s.Orders)) })
	row("runs that traded", func(s *replay.Summary) string { return grouped(strconv.Itoa(s.Rebalanced)) })
	row("of them adjusted", func(s *replay.Summary) string { return grouped(strconv.Itoa(s.Adjusted)) })
	row("runs of the engine", func(s *replay.Summary) string { return grouped(strconv.Itoa(s.Runs)) })
	if err := t.Flush(); err != nil {
		return err
	}
	if r.profile != nil {
		fmt.Fprintln(&b)
		fmt.Fprintf(&b, "Time in the engine: %v a run, of which\n", r.profile.Total()/time.Duration(max(1, m.Runs)))
		for step, spent := range r.profile.Steps() {
			fmt.Fprintf(&b, "  %-12s %5.1f %%\n", step, 100*float64(spent)/float64(r.profile.Total()))
		}
	}
	if len(written) > 0 {
		fmt.Fprintln(&b)
		fmt.Fprintf(&b, "Written to %s: %s\n", o.out, strings.Join(written, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// percent, dollars and grouped print numbers.
func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 2, 64) + "%" }

func dollars(d decimal.Decimal) string { return "$" + grouped(d.StringFixed(2)) }

// grouped puts commas between the thousands.
func grouped(number string) string {
	whole, rest, point := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		rest = "." + rest
	}
	return sign + whole + rest
}
