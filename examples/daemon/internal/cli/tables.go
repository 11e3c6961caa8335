package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// statusTable shows how everything stands.
func (c *call) statusTable(s *ops.Status, conn *connection) error {
	var words []string
	local := conn.Local
	switch {
	case local:
		words = append(words, "no daemon runs on "+clean(conn.cfg.Data))
	case s.Draining:
		words = append(words, "draining")
	case s.Serving:
		words = append(words, "serving")
	}
	if s.DryRun {
		words = append(words, "dry run")
	}
	if s.Paper {
		words = append(words, "paper money")
	} else {
		words = append(words, "REAL MONEY")
	}
	if s.Health != nil && s.Health.Ready {
		words = append(words, "ready")
	} else if !local {
		words = append(words, "not ready")
	}
	fmt.Fprintf(c.Stdout, "%s\n\n", strings.Join(words, ", "))
	t := c.table()
	fmt.Fprintln(t, "ACCOUNT\tMODE\tSTRATEGY\tSTATE\tOPEN\tEQUITY\tFURTHEST OFF\tPLAN")
	for i := range s.Accounts {
		a := &s.Accounts[i]
		state := "ok"
		switch {
		case a.Block != nil:
			state = "BLOCKED: " + a.Block.Reason
		case a.Kill != nil:
			state = "KILLED: " + a.Kill.Reason
		}
		equity, off, plan := "-", "-", "-"
		if p := a.Picture; p != nil && p.Fault == "" {
			equity, plan = money(p.Equity), fmt.Sprintf("%s, %d orders", p.Plan, p.Orders)
			if l := furthest(p); l != nil {
				off = clean(l.Symbol) + " " + percent(l.Drift)
			}
		} else if p != nil {
			plan = p.Fault
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", clean(a.ID), a.Mode, clean(a.Strategy), clean(state), a.Open, equity, off, clean(plan))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(c.Stdout, "\nqueue:")
	for _, state := range queue.States() {
		fmt.Fprintf(c.Stdout, "  %d %s", s.Queue[state], state)
	}
	fmt.Fprintln(c.Stdout)
	for i := range s.Breakers {
		if b := &s.Breakers[i]; b.State != "closed" || b.Mode != ops.BreakerAuto {
			fmt.Fprintf(c.Stdout, "breaker %s is %s%s\n", clean(b.Name), b.State, set(b))
		}
	}
	if s.Outbox > 0 {
		fmt.Fprintf(c.Stdout, "%d notifications wait to be sent\n", s.Outbox)
	}
	if len(s.Waiting) == 0 {
		return nil
	}
	fmt.Fprintln(c.Stdout)
	return c.eventsTable(s.Waiting, "")
}

// set says who set a breaker, if anybody did.
func set(b *ops.Breaker) string {
	if b.Operator == "" {
		return ""
	}
	return fmt.Sprintf(", %s by %s since %s: %s", b.Mode, clean(b.Operator), when(b.Since), clean(b.Reason))
}

// breakersTable lists the breakers.
func (c *call) breakersTable(all []ops.Breaker) error {
	t := c.table()
	fmt.Fprintln(t, "BREAKER\tSTATE\tMODE\tBY\tSINCE\tREASON")
	for i := range all {
		b := &all[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", clean(b.Name), b.State, b.Mode, clean(cmp.Or(b.Operator, "-")), when(b.Since), clean(b.Reason))
	}
	return t.Flush()
}

// eventsTable lists events, each with what happened last.
func (c *call) eventsTable(all []ops.Event, none string) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(c.Stdout, none)
		return err
	}
	t := c.table()
	fmt.Fprintln(t, "EVENT\tACCOUNT\tCOMMAND\tSTATE\tATTEMPT\tDUE\tWHY")
	for i := range all {
		e := &all[i]
		why := e.Why()
		if e.Successor != "" {
			why = "went on as " + e.Successor
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", clean(e.ID), clean(e.Account), clean(e.Command), e.State, e.Attempt, when(e.Due), clean(why))
	}
	return t.Flush()
}

// eventTable shows an event with its history.
func (c *call) eventTable(e *ops.Event) error {
	fmt.Fprintf(c.Stdout, "event    %s\naccount  %s\ncommand  %s\nstate    %s\nattempt  %d, %d crashes\naccepted %s\n",
		clean(e.ID), clean(e.Account), clean(e.Command), e.State, e.Attempt, e.Crashes, when(e.Created))
	if len(e.Payload) > 0 {
		fmt.Fprintf(c.Stdout, "payload  %s\n", clean(string(e.Payload)))
	}
	if e.Successor != "" {
		fmt.Fprintf(c.Stdout, "went on as %s\n", clean(e.Successor))
	}
	fmt.Fprintln(c.Stdout)
	t := c.table()
	fmt.Fprintln(t, "TIME\tWHAT\tATTEMPT\tCLASS\tRUN\tDETAIL")
	for _, h := range e.History {
		detail := h.Detail
		if h.Operator != "" {
			detail = h.Operator + ": " + detail
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", when(h.Time), h.What, h.Attempt, clean(h.Class), clean(h.Run), clean(detail))
	}
	return t.Flush()
}

// runsTable lists runs.
func (c *call) runsTable(all []ops.Run) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(c.Stdout, "no runs yet")
		return err
	}
	t := c.table()
	fmt.Fprintln(t, "RUN\tACCOUNT\tCOMMAND\tSTARTED\tOUTCOME\tORDERS\tREASON")
	for i := range all {
		r := &all[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", clean(r.ID), clean(r.Account), clean(r.Command), when(r.Started), r.Outcome, len(r.Orders), r.Reason)
	}
	return t.Flush()
}

// runTable shows a run with the outcome of each order.
func (c *call) runTable(r *ops.Run) error {
	fmt.Fprintf(c.Stdout, "run      %s\naccount  %s\ncommand  %s\ntime     %s to %s\noutcome  %s\n",
		clean(r.ID), clean(r.Account), clean(r.Command), when(r.Started), when(r.Finished), strings.TrimSpace(string(r.Outcome)+" "+string(r.Reason)))
	if r.Detail != "" {
		fmt.Fprintf(c.Stdout, "detail   %s\n", clean(r.Detail))
	}
	if r.Held != nil {
		fmt.Fprintf(c.Stdout, "\nthis plan waits for an approval, its hash is %s\n%s\n", r.Held.Hash, r.Held.Table())
	}
	if r.Result != nil && r.Result.Plan != nil {
		fmt.Fprintf(c.Stdout, "\n%s\n", r.Result.Plan.Table())
	}
	if len(r.Orders) > 0 {
		fmt.Fprintln(c.Stdout)
		t := c.table()
		fmt.Fprintln(t, "ORDER\tPLANNED\tFILLED\tAT\tFEES\tOUTCOME\tSAID")
		for i := range r.Orders {
			o := &r.Orders[i]
			fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Side, clean(o.Symbol), o.Planned, o.Filled, money(o.AveragePrice), money(o.Fees),
				o.Outcome, clean(o.Code+" "+o.Reason))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if r.Result != nil && r.Result.Before != nil && r.Result.After != nil {
		fmt.Fprintf(c.Stdout, "\nfurthest off: %s before, %s after\n", percent(r.Result.Before.Drift), percent(r.Result.After.Drift))
	}
	return nil
}

// furthest is the line that is furthest from its target, nil if there is none.
func furthest(p *ops.Picture) *rebalance.PlanLine {
	var far *rebalance.PlanLine
	for i := range p.Lines {
		if far == nil || p.Lines[i].Drift.Abs().GreaterThan(far.Drift.Abs()) {
			far = &p.Lines[i]
		}
	}
	return far
}
