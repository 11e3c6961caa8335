package wirecrash_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
)

// world is a gateway, and the files of the children.
type world struct {
	t       *testing.T
	gateway *gatewaysim.Gateway
	dir     string
	bug     string
}

// slots are how many children run at once.
var slots = make(chan struct{}, 6)

// dialects are the versions that gateways speak, one after another: text and
// protobuf.
var dialects = []int{176, gatewaysim.NewestVersion}

// newWorld makes the nth world; the number decides the dialect of its gateway.
//
// Held are 800 AAPL at 100 and 2000 in cash: half of what is above the reserve of
// 820 is 405 AAPL, and 811 MSFT at 50 with it. No trade changes what that is worth.
func newWorld(t *testing.T, nth int) *world {
	t.Helper()
	one := func(price string) gatewaysim.Quote {
		p := dec(price)
		return gatewaysim.Quote{Bid: p, Ask: p, Last: p, Close: p}
	}
	g, err := gatewaysim.Start(gatewaysim.Config{
		Accounts: []gatewaysim.Account{{
			ID: string(account), Cash: map[string]decimal.Decimal{"USD": dec("2000")},
			Holdings: []gatewaysim.Holding{{Symbol: "AAPL", Quantity: dec("800"), AverageCost: dec("90")}},
		}},
		Quotes: map[string]gatewaysim.Quote{"AAPL": one("100"), "MSFT": one("50")},
		Fill:   gatewaysim.FillModel{Mode: gatewaysim.FillInParts, Parts: 2, Every: 60 * time.Millisecond},
		NoFees: true, CheckFunds: true, ServerVersion: dialects[nth%len(dialects)],
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return &world{t: t, gateway: g, dir: t.TempDir()}
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// start starts a child.
func (w *world) start(kill string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	w.t.Helper()
	spec, err := json.Marshal(childSpec{Gateway: w.gateway.Addr(), Dir: w.dir, Kill: kill, Bug: w.bug})
	require.NoError(w.t, err)
	var stdout, stderr bytes.Buffer
	c := exec.Command(os.Args[0], childArgument, string(spec))
	c.Stdout, c.Stderr = &stdout, &stderr
	require.NoError(w.t, c.Start())
	return c, &stdout, &stderr
}

// killedAt has a child kill itself at a step, and reports whether it did.
func (w *world) killedAt(step string) bool {
	w.t.Helper()
	slots <- struct{}{}
	defer func() { <-slots }()
	c, _, stderr := w.start(step)
	err := c.Wait()
	require.True(w.t, err == nil || c.ProcessState.ExitCode() == -1, "%v: %s", err, stderr)
	return err != nil
}

// killedAfter kills a child after a time, and reports whether it still ran.
func (w *world) killedAfter(d time.Duration) bool {
	w.t.Helper()
	slots <- struct{}{}
	defer func() { <-slots }()
	c, _, stderr := w.start("")
	timer := time.AfterFunc(d, func() { _ = c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	require.True(w.t, err == nil || c.ProcessState.ExitCode() == -1, "%v: %s", err, stderr)
	return err != nil
}

// finish has a child do all that is left.
func (w *world) finish() *childReport {
	w.t.Helper()
	slots <- struct{}{}
	defer func() { <-slots }()
	c, stdout, stderr := w.start("")
	require.NoError(w.t, c.Wait(), "%s", stderr)
	var report childReport
	require.NoError(w.t, json.Unmarshal(stdout.Bytes(), &report))
	return &report
}

// check makes sure that no promise is broken.
func (w *world) check() {
	w.t.Helper()
	list := w.violations()
	if len(list) > 0 {
		w.tell()
	}
	require.Empty(w.t, list)
}

// tell logs what happened.
func (w *world) tell() {
	w.t.Helper()
	for _, o := range w.gateway.Exchange().Orders() {
		w.t.Logf("gateway: %s %s %s %s of %s at %s, filled %s, %s", o.Ref, o.Status, o.Action, o.Symbol, o.Quantity, o.Limit, o.Filled, o.Reason)
	}
	j, err := boltjournal.Open(filepath.Join(w.dir, "journal.db"), &boltjournal.Options{KeepRuns: -1})
	require.NoError(w.t, err)
	defer j.Close()
	for r, err := range j.Runs(w.t.Context(), account) {
		require.NoError(w.t, err)
		outcome := "none"
		if r.Outcome != nil {
			outcome = r.Outcome.Name
		}
		w.t.Logf("journal: run %s of %s from %s on, outcome %s", r.ID, r.Command, r.Started.Format(time.TimeOnly), outcome)
		for _, in := range r.Intents {
			w.t.Logf("journal:   %s %s %s %s: %+v", in.Order.ID, in.Order.Side, in.Order.Quantity, in.Order.Instrument, in.Settlement)
		}
	}
}

// violations are the broken promises.
func (w *world) violations() (list []string) {
	w.t.Helper()
	violate := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	intents, standing := w.record()
	if len(standing.Open) > 0 || standing.Block != nil {
		violate("open intents %v, block %v", standing.Open, standing.Block)
	}
	refs := map[broker.OrderID]int{}
	for _, o := range w.gateway.Exchange().Orders() {
		ref := broker.OrderID(o.Ref)
		refs[ref]++
		in, ok := intents[ref]
		switch {
		case refs[ref] > 1:
			violate("order %s is there twice", ref)
		case !ok:
			violate("order %s was sent without an intent", ref)
		case in.Settlement == nil:
			violate("order %s has no outcome", ref)
		default:
			if fault := wrong(in, &o); fault != "" {
				violate("order %s: %s", ref, fault)
			}
		}
	}
	for ref, in := range intents {
		if s := in.Settlement; refs[ref] == 0 && s != nil && s.Filled.Sign() != 0 {
			violate("order %s never came to the gateway, and the journal says that it filled %s", ref, s.Filled)
		}
	}
	list = append(list, w.overlaps()...)
	return append(list, w.aims()...)
}

// wrong says where the journal differs from the gateway.
func wrong(in *journal.Intent, o *gatewaysim.OrderRecord) string {
	s := in.Settlement
	want := []journal.OrderOutcome{journal.PartiallyFilled}
	switch {
	case o.Filled.Equal(o.Quantity):
		want = []journal.OrderOutcome{journal.Filled}
	case o.Filled.IsZero():
		want = []journal.OrderOutcome{journal.Cancelled, journal.Rejected}
	}
	if s.Outcome == journal.Inferred || s.Outcome == want[0] || len(want) > 1 && s.Outcome == want[1] {
		if s.Filled.Equal(o.Filled) && in.Order.Quantity.Equal(o.Quantity) && string(in.Order.Side) == o.Action {
			return ""
		}
	}
	return fmt.Sprintf("the journal says %s of %s with %s filled, the gateway %s %s with %s filled (%s)",
		s.Outcome, in.Order.Quantity, s.Filled, o.Status, o.Quantity, o.Filled, o.Reason)
}

// record reads the journal.
func (w *world) record() (map[broker.OrderID]*journal.Intent, journal.Standing) {
	w.t.Helper()
	j, err := boltjournal.Open(filepath.Join(w.dir, "journal.db"), &boltjournal.Options{KeepRuns: -1})
	require.NoError(w.t, err)
	defer j.Close()
	intents := map[broker.OrderID]*journal.Intent{}
	for r, err := range j.Runs(w.t.Context(), account) {
		require.NoError(w.t, err)
		for i := range r.Intents {
			intents[r.Intents[i].Order.ID] = &r.Intents[i]
		}
	}
	standing, err := j.Account(w.t.Context(), account)
	require.NoError(w.t, err)
	return intents, standing
}

// overlaps are orders that worked at once for the same side of an instrument.
func (w *world) overlaps() (list []string) {
	all := w.gateway.Exchange().Orders()
	for i, a := range all {
		if a.Ended.IsZero() {
			list = append(list, "order "+a.Ref+" still works")
		}
		for _, b := range all[:i] {
			if a.Symbol == b.Symbol && a.Action == b.Action && a.Placed.Before(b.Ended) && b.Placed.Before(a.Ended) {
				list = append(list, fmt.Sprintf("orders %s and %s worked at once", a.Ref, b.Ref))
			}
		}
	}
	return list
}

// aims says how the account misses its targets, and whether more was traded than
// that takes.
func (w *world) aims() (list []string) {
	w.t.Helper()
	state, err := w.gateway.Exchange().Account(string(account))
	require.NoError(w.t, err)
	sold, bought := decimal.Decimal{}, decimal.Decimal{}
	for _, o := range w.gateway.Exchange().Orders() {
		if o.Action == "SELL" {
			sold = sold.Add(o.Filled)
		} else {
			bought = bought.Add(o.Filled)
		}
	}
	aapl, msft := state.Positions["AAPL"], state.Positions["MSFT"]
	if aapl.Sub(dec("405")).Abs().GreaterThan(dec("9")) || msft.Sub(dec("811")).Abs().GreaterThan(dec("18")) { // the band is 1 %
		list = append(list, fmt.Sprintf("the account has %s AAPL and %s MSFT", aapl, msft))
	}
	if !sold.Equal(dec("800").Sub(aapl)) || !bought.Equal(msft) {
		list = append(list, fmt.Sprintf("%s were sold and %s bought for %s AAPL and %s MSFT", sold, bought, aapl, msft))
	}
	if cash := state.Cash["USD"]; cash.LessThan(dec("820")) {
		list = append(list, fmt.Sprintf("the cash is %s, below the reserve", cash))
	}
	return list
}
