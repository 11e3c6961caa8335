package journaltest

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// env is a case under way: the test, the journal, and shorthands.
type env struct {
	T
	journal.Journal
}

// The account of most cases, and another one.
const (
	acct  broker.AccountID = "U1"
	other broker.AccountID = "U2"
)

// at is the n-th second of a day.
func at(n int) time.Time {
	return time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// claimOf asks for the next fence of the account for an event.
func claimOf(account broker.AccountID, event string) journal.Claim {
	return journal.Claim{Account: account, Event: event, Command: "rebalance", Time: at(0)}
}

// withFence asks for a certain fence.
func withFence(event string, fence uint64) journal.Claim {
	c := claimOf(acct, event)
	c.Fence = fence
	return c
}

// begin begins a run of the account and returns the grant.
func (e *env) begin(event string) journal.Grant {
	e.Helper()
	return e.claim(claimOf(acct, event)).Grant
}

// claim begins a run.
func (e *env) claim(c journal.Claim) journal.Begun {
	e.Helper()
	b, err := e.Begin(e.Context(), c)
	require.NoError(e, err, "begin %+v", c)
	return b
}

// intentOf is an intent to buy 10 units.
func intentOf(g journal.Grant, ref string) journal.Intent {
	return journal.Intent{
		Run: g.Run, Leg: 3, Number: 1, Time: at(2), Held: decimal.New(15, -1),
		Order: broker.Order{
			ID: broker.OrderID(ref), Account: g.Account, Instrument: "AAA", Ref: "265598", Side: broker.Buy,
			Quantity: decimal.New(10, 0), Type: broker.Limit, Limit: decimal.New(10125, -2), TIF: broker.Day,
		},
	}
}

// intents makes several.
func intents(g journal.Grant, refs ...string) []journal.Intent {
	list := make([]journal.Intent, len(refs))
	for i, ref := range refs {
		list[i] = intentOf(g, ref)
	}
	return list
}

// intend records intents.
func (e *env) intend(g journal.Grant, refs ...string) {
	e.Helper()
	require.NoError(e, e.Intend(e.Context(), g, intents(g, refs...)...), "intend %v", refs)
}

// settled is a settlement with the outcome, and a quantity that fits it.
func settled(ref string, o journal.OrderOutcome) journal.Settlement {
	s := journal.Settlement{Ref: broker.OrderID(ref), Outcome: o, Code: "201", Reason: "seen at the broker", Time: at(3)}
	switch o {
	case journal.Filled, journal.Inferred:
		s.Filled = decimal.New(10, 0)
	case journal.PartiallyFilled, journal.Unknown:
		s.Filled = decimal.New(4, 0)
	case journal.Cancelled, journal.Rejected, journal.NotSent:
	}
	if s.Filled.Sign() > 0 {
		s.AveragePrice, s.Fees, s.FeeCurrency = decimal.New(10120, -2), decimal.New(135, -2), "USD"
	}
	return s
}

// settle settles one intent.
func (e *env) settle(g journal.Grant, ref string, o journal.OrderOutcome) {
	e.Helper()
	require.NoError(e, e.Settle(e.Context(), g, settled(ref, o)), "settle %s as %s", ref, o)
}

// step records a step.
func (e *env) step(g journal.Grant, name string) {
	e.Helper()
	require.NoError(e, e.Checkpoint(e.Context(), g, stepOf(name)), "checkpoint %s", name)
}

// stepOf is a step with data.
func stepOf(name string) journal.Step {
	return journal.Step{Name: name, Time: at(1), Data: json.RawMessage(`{"step":"` + name + `"}`)}
}

// ending is an outcome with a result.
func ending(name string) journal.Outcome {
	return journal.Outcome{Name: name, Time: at(9), Result: json.RawMessage(`{"outcome":"` + name + `"}`)}
}

// finish ends the run.
func (e *env) finish(g journal.Grant) {
	e.Helper()
	require.NoError(e, e.Finish(e.Context(), g, ending("completed")), "finish %s", g.Run)
}

// standing reads an account.
func (e *env) standing(account broker.AccountID) journal.Standing {
	e.Helper()
	s, err := e.Account(e.Context(), account)
	require.NoError(e, err, "account %s", account)
	return s
}

// run reads a run.
func (e *env) run(id journal.RunID) journal.Run {
	e.Helper()
	r, err := e.Run(e.Context(), id)
	require.NoError(e, err, "run %s", id)
	return r
}

// list reads the IDs of the runs of an account, or of all.
func (e *env) list(account broker.AccountID) []journal.RunID {
	e.Helper()
	ids := []journal.RunID{}
	for r, err := range e.Runs(e.Context(), account) {
		require.NoError(e, err, "runs of %q", account)
		ids = append(ids, r.ID)
	}
	return ids
}

// refs returns the references of intents.
func refs(list []journal.Intent) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = string(list[i].Order.ID)
	}
	return names
}

// names returns the names of steps.
func names(steps []journal.Step) []string {
	list := make([]string, len(steps))
	for i := range steps {
		list[i] = steps[i].Name
	}
	return list
}

// isOpen demands that exactly these references stand open for the account.
func (e *env) isOpen(want ...string) {
	e.Helper()
	require.Equal(e, append([]string{}, want...), refs(e.standing(acct).Open), "references that stand open")
}

// sameIntent demands that an intent came back as it was given.
func (e *env) sameIntent(want, got journal.Intent) {
	e.Helper()
	require.True(e, want.Same(&got), "intent came back changed:\nwant %+v\ngot  %+v", want, got)
}

// outcome demands how an intent stands settled.
func (e *env) outcome(run journal.RunID, want journal.Settlement) {
	e.Helper()
	for _, i := range e.run(run).Intents {
		if i.Order.ID != want.Ref {
			continue
		}
		require.NotNil(e, i.Settlement, "settlement of %s", want.Ref)
		s := *i.Settlement
		require.True(e, want.Same(&s) && want.Time.Equal(s.Time) && want.Code == s.Code && want.Reason == s.Reason,
			"settlement differs:\nwant %+v\ngot  %+v", want, s)
		return
	}
	require.Fail(e, "run has no such intent", "run %s, reference %s", run, want.Ref)
}

// blockOf stops the account.
func blockOf(reason string) journal.Block {
	return journal.Block{Account: acct, Reason: reason, Evidence: json.RawMessage(`{"found":"5"}`), Run: "e1/1", Time: at(4)}
}

// unblockOf lets the account go on. It names the block of blockOf and r1.
func unblockOf(n int) journal.Unblock {
	return journal.Unblock{
		Account: acct, Operator: "ada", Reason: "statement checked", Evidence: json.RawMessage(`{"hash":"1f"}`), Time: at(n),
		Block: at(4), Refs: []broker.OrderID{"r1"},
	}
}

// killOf stops, or lets go on, an account, or all for "".
func killOf(account broker.AccountID, n int) journal.Kill {
	return journal.Kill{Account: account, Operator: "ada", Reason: "drill", Time: at(n)}
}
