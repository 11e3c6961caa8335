package journaltest

import (
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// settleCases are about how intents end.
func settleCases() []testCase {
	return []testCase{
		{name: "an intent is settled with each outcome", do: eachOutcome},
		{name: "settling in the same way is repeating", do: settledSame},
		{name: "a settled intent stays settled", do: settledOtherwise},
		{name: "settlements are recorded all or none", do: settleAllOrNone},
		{name: "a reference without an intent cannot be settled", do: settleUnknownRef},
		{name: "intents of earlier runs are settled by the holder", do: settleEarlier},
		{name: "a quantity that cannot be the order's is refused", do: settleMisfit},
	}
}

// outcomes are all but unknown.
func outcomes() []journal.OrderOutcome {
	return []journal.OrderOutcome{
		journal.Filled, journal.PartiallyFilled, journal.Cancelled, journal.Rejected, journal.NotSent, journal.Inferred,
	}
}

func eachOutcome(e *env) {
	g := e.begin("e1")
	var list []journal.Settlement
	for _, o := range append(outcomes(), journal.Unknown) {
		ref := "r." + string(o)
		e.intend(g, ref)
		list = append(list, settled(ref, o))
	}
	list[0].Time = time.Date(2026, 11, 1, 1, 59, 59, 987654321, time.FixedZone("there", -5*3600))
	list[0].AveragePrice, _ = decimal.NewFromString("101.12345678")
	list[0].Fees = decimal.New(-25, -2) // a rebate
	list[0].Reason = "<filled> & \"done\""
	require.NoError(e, e.Settle(e.Context(), g, list...))
	for _, s := range list {
		e.outcome("e1/1", s)
	}
	e.isOpen("r.unknown")
	require.NoError(e, e.Settle(e.Context(), g), "no settlements are no fault")
}

func settledSame(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2")
	first := settled("r1", journal.PartiallyFilled)
	require.NoError(e, e.Settle(e.Context(), g, first))
	require.NoError(e, e.Settle(e.Context(), g, first))
	later := first
	later.Time, later.Reason, later.Code = at(8), "seen again", ""
	later.Filled = decimal.New(400, -2) // 4.00 is 4
	require.NoError(e, e.Settle(e.Context(), g, later), "seen in the same way, later")
	e.outcome("e1/1", first) // the first record is kept
	require.NoError(e, e.Settle(e.Context(), g, first, settled("r2", journal.Filled)), "with something new")
	e.isOpen()
	e.finish(g)
	require.NoError(e, e.Settle(e.Context(), g, first), "repeating is no fault, even of a finished run")
}

func settledOtherwise(e *env) {
	g := e.begin("e1")
	for _, was := range outcomes() {
		ref := "r." + string(was)
		e.intend(g, ref)
		e.settle(g, ref, was)
		for _, o := range append(outcomes(), journal.Unknown) {
			if o != was {
				e.otherwise(g, settled(ref, o))
				e.outcome("e1/1", settled(ref, was))
			}
		}
	}
	s := settled("r.partially_filled", journal.PartiallyFilled)
	for _, change := range []func(s *journal.Settlement){
		func(s *journal.Settlement) { s.Filled = decimal.New(5, 0) },
		func(s *journal.Settlement) { s.AveragePrice = decimal.New(99, 0) },
		func(s *journal.Settlement) { s.Fees = decimal.New(2, 0) },
		func(s *journal.Settlement) { s.FeeCurrency = "EUR" },
	} {
		changed := s
		change(&changed)
		e.otherwise(g, changed)
		e.outcome("e1/1", s)
	}
	e.isOpen()
}

func settleAllOrNone(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2", "r3")
	e.settle(g, "r2", journal.Filled)
	for _, last := range []journal.Settlement{
		settled("r2", journal.Cancelled),     // settled otherwise
		settled("nowhere", journal.Filled),   // unknown
		{Ref: "r3", Outcome: journal.Filled}, // invalid
	} {
		require.Error(e, e.Settle(e.Context(), g, settled("r1", journal.Filled), last, settled("r3", journal.Filled)))
		e.isOpen("r1", "r3")
	}
	require.NoError(e, e.Settle(e.Context(), g, settled("r1", journal.Cancelled), settled("r3", journal.Cancelled)))
	e.isOpen()
}

func settleUnknownRef(e *env) {
	g := e.begin("e1")
	x := e.claim(claimOf(other, "x1")).Grant
	e.intend(x, "x1")
	for _, ref := range []string{"nowhere", "x1"} {
		err := e.Settle(e.Context(), g, settled(ref, journal.Filled))
		require.ErrorIs(e, err, journal.ErrUnknownRef, "reference %s", ref)
		require.ErrorContains(e, err, ref, "the error names the reference")
	}
	require.Equal(e, []string{"x1"}, refs(e.standing(other).Open), "another account's intent is out of reach")
}

func settleEarlier(e *env) {
	e.intend(e.begin("e1"), "r1")
	g := e.begin("e2")
	e.intend(g, "r2")
	require.NoError(e, e.Settle(e.Context(), g, settled("r1", journal.Cancelled), settled("r2", journal.Filled)))
	e.outcome("e1/1", settled("r1", journal.Cancelled))
	e.outcome("e2/1", settled("r2", journal.Filled))
	e.isOpen()
}

func settleMisfit(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	for _, c := range []struct {
		outcome journal.OrderOutcome
		filled  int64
	}{
		{journal.Filled, 9},
		{journal.Filled, 11},
		{journal.PartiallyFilled, 10},
		{journal.PartiallyFilled, 11},
		{journal.Inferred, 11},
		{journal.Unknown, 11},
		{journal.Cancelled, 1},
		{journal.Rejected, 1},
		{journal.NotSent, 1},
		{journal.Filled, 0},
		{journal.PartiallyFilled, 0},
		{journal.Unknown, -1},
	} {
		s := journal.Settlement{Ref: "r1", Outcome: c.outcome, Filled: decimal.New(c.filled, 0), Time: at(3)}
		require.ErrorIs(e, e.Settle(e.Context(), g, s), journal.ErrInvalid, "%s with %d of 10", c.outcome, c.filled)
	}
	e.isOpen("r1")
	require.Nil(e, e.standing(acct).Open[0].Settlement)
}

// otherwise demands that a settlement is refused because of another one.
func (e *env) otherwise(g journal.Grant, s journal.Settlement) {
	e.Helper()
	err := e.Settle(e.Context(), g, s)
	require.ErrorIs(e, err, journal.ErrSettledOtherwise, "%s settled as %s", s.Ref, s.Outcome)
	require.ErrorContains(e, err, string(s.Ref), "the error names the reference")
}
