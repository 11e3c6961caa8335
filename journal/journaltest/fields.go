package journaltest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// fieldCases are about what must be in a record.
func fieldCases() []testCase {
	return []testCase{
		{name: "a claim needs its fields", do: claimFields},
		{name: "a grant needs its fields", do: grantFields},
		{name: "a step and an outcome need their fields", do: stepFields},
		{name: "an intent needs its fields", do: intentFields},
		{name: "a settlement needs its fields", do: settlementFields},
		{name: "blocks and kills need an account, an operator and a reason", do: controlFields},
		{name: "an approval needs its fields", do: approvalFields},
		{name: "numbers beyond all bounds are refused", do: numberBounds},
	}
}

func claimFields(e *env) {
	_, err := e.Begin(e.Context(), journal.Claim{Number: -1, Fence: journal.MaxFence + 1})
	e.invalid(err, "account", "event", "command", "number", "fence", "time")
	for _, name := range []string{"with space", "tab\t", "Ünïcode", "nul\x00", strings.Repeat("x", 129)} {
		for _, c := range []journal.Claim{
			{Account: broker.AccountID(name), Event: "e1", Command: "rebalance", Time: at(0)},
			{Account: acct, Event: name, Command: "rebalance", Time: at(0)},
			{Account: acct, Event: "e1", Command: name, Time: at(0)},
		} {
			_, err := e.Begin(e.Context(), c)
			require.ErrorIs(e, err, journal.ErrInvalid, "claim %+v", c)
		}
	}
	require.Empty(e, e.list(""), "an invalid claim begins nothing")
	require.Zero(e, e.standing(acct).Fence)
	long := claimOf(acct, strings.Repeat("~", 128))
	long.Fence = journal.MaxFence
	require.Equal(e, uint64(journal.MaxFence), e.claim(long).Grant.Fence)
	_, err = e.Begin(e.Context(), claimOf(acct, "e1"))
	require.ErrorIs(e, err, journal.ErrInvalid, "no fence is left")
	require.Equal(e, uint64(journal.MaxFence), e.standing(acct).Fence)
}

func grantFields(e *env) {
	e.begin("e1")
	for _, g := range []journal.Grant{{}, {Run: "e1/1", Fence: 1}, {Account: acct, Fence: 1}, {Account: acct, Run: "e1/1"}} {
		require.ErrorIs(e, e.Checkpoint(e.Context(), g, stepOf("plan")), journal.ErrInvalid, "grant %+v", g)
		require.ErrorIs(e, e.Intend(e.Context(), g), journal.ErrInvalid, "grant %+v", g)
		require.ErrorIs(e, e.Settle(e.Context(), g), journal.ErrInvalid, "grant %+v", g)
		require.ErrorIs(e, e.Finish(e.Context(), g, ending("completed")), journal.ErrInvalid, "grant %+v", g)
	}
}

func stepFields(e *env) {
	g := e.begin("e1")
	e.invalid(e.Checkpoint(e.Context(), g, journal.Step{}), "name", "time")
	e.invalid(e.Checkpoint(e.Context(), g, journal.Step{Name: "two words", Time: at(1)}), "name")
	e.invalid(e.Finish(e.Context(), g, journal.Outcome{}), "name", "time", "result")
	r := e.run("e1/1")
	require.Empty(e, r.Steps)
	require.Nil(e, r.Outcome)
}

func intentFields(e *env) {
	g := e.begin("e1")
	e.invalid(e.Intend(e.Context(), g, journal.Intent{Leg: -1}), "run", "order id", "account", "leg", "number", "time")
	for what, change := range map[string]func(i *journal.Intent){
		"another run":       func(i *journal.Intent) { i.Run = "e2/1" },
		"another account":   func(i *journal.Intent) { i.Order.Account = other },
		"no instrument":     func(i *journal.Intent) { i.Order.Instrument = "" },
		"no side":           func(i *journal.Intent) { i.Order.Side = "" },
		"quantity zero":     func(i *journal.Intent) { i.Order.Quantity = decimal.Decimal{} },
		"quantity negative": func(i *journal.Intent) { i.Order.Quantity = decimal.New(-1, 0) },
		"no limit":          func(i *journal.Intent) { i.Order.Limit = decimal.Decimal{} },
		"no type":           func(i *journal.Intent) { i.Order.Type = "" },
		"no time in force":  func(i *journal.Intent) { i.Order.TIF = "" },
		"a long reference":  func(i *journal.Intent) { i.Order.ID = broker.OrderID(strings.Repeat("r", 33)) },
		"settled":           func(i *journal.Intent) { s := settled("r1", journal.Filled); i.Settlement = &s },
		"answered":          func(i *journal.Intent) { i.Answered = true },
	} {
		i := intentOf(g, "r1")
		change(&i)
		require.ErrorIs(e, e.Intend(e.Context(), g, i), journal.ErrInvalid, what)
	}
	e.invalid(e.Intend(e.Context(), g, intents(g, "r1", "r1")...), "same reference")
	e.isRecorded()
}

func settlementFields(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	e.invalid(e.Settle(e.Context(), g, journal.Settlement{}), "order id", "outcome", "time")
	for what, change := range map[string]func(s *journal.Settlement){
		"outcome":             func(s *journal.Settlement) { s.Outcome = "done" },
		"filled":              func(s *journal.Settlement) { s.Filled = decimal.New(-1, 0) },
		"average price":       func(s *journal.Settlement) { s.AveragePrice = decimal.New(-1, 0) },
		"time":                func(s *journal.Settlement) { s.Time = time.Time{} },
		"reason has":          func(s *journal.Settlement) { s.Reason = strings.Repeat("x", 1<<17) },
		"with 0 filled":       func(s *journal.Settlement) { s.Outcome, s.Filled = journal.Unknown, decimal.Decimal{} },
		"for the outcome not": func(s *journal.Settlement) { s.Outcome = journal.NotSent },
	} {
		s := settled("r1", journal.Filled)
		change(&s)
		e.invalid(e.Settle(e.Context(), g, s), what)
	}
	s := settled("r1", journal.Filled)
	e.invalid(e.Settle(e.Context(), g, s, s), "same reference")
	e.isOpen("r1")
	require.Nil(e, e.run("e1/1").Intents[0].Settlement)
}

func controlFields(e *env) {
	ctx := e.Context()
	e.invalid(e.Block(ctx, journal.Block{}), "account", "reason", "time")
	e.invalid(e.Kill(ctx, journal.Kill{}), "operator", "reason", "time")
	e.invalid(e.Kill(ctx, journal.Kill{Account: "two words", Operator: " ", Reason: "\n", Time: at(1)}), "account", "operator", "reason")
	require.Zero(e, e.standing(acct).Block)
	e.notKilled(acct)

	require.NoError(e, e.Block(ctx, blockOf("found 5")))
	require.NoError(e, e.Kill(ctx, killOf(acct, 4)))
	e.invalid(e.Unblock(ctx, journal.Unblock{}), "account", "operator", "reason", "time")
	e.invalid(e.Resume(ctx, journal.Kill{}), "operator", "reason", "time")
	for field, change := range map[string]func(u *journal.Unblock, k *journal.Kill){
		"operator": func(u *journal.Unblock, k *journal.Kill) { u.Operator, k.Operator = "", "" },
		"reason":   func(u *journal.Unblock, k *journal.Kill) { u.Reason, k.Reason = " ", " " },
		"time":     func(u *journal.Unblock, k *journal.Kill) { u.Time, k.Time = time.Time{}, time.Time{} },
	} {
		u, k := unblockOf(5), killOf(acct, 5)
		change(&u, &k)
		e.invalid(e.Unblock(ctx, u), field)
		e.invalid(e.Resume(ctx, k), field)
	}
	e.blockedBy(blockOf("found 5"))
	require.Nil(e, e.standing(acct).LastUnblock)
	e.killed(acct, killOf(acct, 4))
}

func approvalFields(e *env) {
	e.begin("e1")
	e.invalid(e.Approve(e.Context(), journal.Approval{}), "account", "run", "hash", "operator", "reason", "time", "expires")
	for field, change := range map[string]func(a *journal.Approval){
		"account":  func(a *journal.Approval) { a.Account = "" },
		"run":      func(a *journal.Approval) { a.Run = "" },
		"hash":     func(a *journal.Approval) { a.Hash = " " },
		"operator": func(a *journal.Approval) { a.Operator = "" },
		"reason":   func(a *journal.Approval) { a.Reason = "" },
		"time":     func(a *journal.Approval) { a.Time = time.Time{} },
		"expires":  func(a *journal.Approval) { a.Expires = a.Time },
	} {
		a := approvalOf("e1/1", 5)
		change(&a)
		e.invalid(e.Approve(e.Context(), a), field)
	}
	e.approvals()
}

func numberBounds(e *env) {
	g := e.begin("e1")
	for _, huge := range []decimal.Decimal{decimal.New(1, 1000000), decimal.New(1, -1000000), decimal.New(1, 40), decimal.New(1, -40)} {
		i := intentOf(g, "r1")
		i.Held = huge
		e.invalid(e.Intend(e.Context(), g, i), "held")
	}
	i := intentOf(g, "r1")
	i.Held = decimal.New(1, 39) // 40 digits
	require.NoError(e, e.Intend(e.Context(), g, i))
	s := settled("r1", journal.Filled)
	s.Fees = decimal.New(1, 1000000)
	e.invalid(e.Settle(e.Context(), g, s), "fees")
	require.True(e, i.Held.Equal(e.run("e1/1").Intents[0].Held))
}

// invalid demands that an error names each of the fields.
func (e *env) invalid(err error, fields ...string) {
	e.Helper()
	require.ErrorIs(e, err, journal.ErrInvalid)
	for _, f := range fields {
		require.ErrorContains(e, err, f, "the error names every fault")
	}
}

// sameJSON demands the same value, or none.
func (e *env) sameJSON(want, got json.RawMessage) {
	e.Helper()
	if len(want) == 0 {
		require.Empty(e, got)
		return
	}
	require.JSONEq(e, string(want), string(got))
}

// killed demands a certain kill of an account.
func (e *env) killed(account broker.AccountID, want journal.Kill) {
	e.Helper()
	got := e.standing(account).Kill
	require.NotNil(e, got, "kill of %s", account)
	require.True(e, want.Same(got), "kill of %s:\nwant %+v\ngot  %+v", account, want, *got)
}

// notKilled demands that an account may send.
func (e *env) notKilled(account broker.AccountID) {
	e.Helper()
	require.Nil(e, e.standing(account).Kill, "kill of %s", account)
}

// over returns a context that has ended.
func (e *env) over() context.Context {
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	return ctx
}
