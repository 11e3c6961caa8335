package marketdatatest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// askers is how many goroutines ask at once.
const askers = 8

// cases are the promises of the contract, in the order in which they are tested.
func cases() []testCase {
	return []testCase{
		{"every instrument is named exactly once", namesEachOnce},
		{"each instrument asked alone gets the same answer", answersAlone},
		{"what is found has a price and a tier", findsPrices},
		{"fields without a price are invalid", clearsFields},
		{"what is missing has a reason and is no error", givesReasons},
		{"duplicates count once", countsOnce},
		{"no instruments is no error", takesNone},
		{"the list of instruments is left alone", leavesList},
		{"the answer belongs to the caller", handsOver},
		{"a cancelled context is an error or a whole answer", endsOnCancel},
		{"a passed deadline is an error or a whole answer", endsOnDeadline},
		{"many goroutines may ask at once", allowsMany},
	}
}

func namesEachOnce(t tb, h Harness) {
	answer := h.ask(t, h.all())
	require.Equal(t, sorted(h.Found), names(answer.Found), "found")
	require.Equal(t, sorted(h.Missing), names(answer.Missing), "missing")
}

func answersAlone(t tb, h Harness) {
	for _, id := range h.Found {
		answer := h.ask(t, []broker.InstrumentID{id})
		require.Equal(t, []broker.InstrumentID{id}, names(answer.Found), "found when only %s is asked for", id)
		require.Empty(t, answer.Missing, "missing when only %s is asked for", id)
	}
	for _, id := range h.Missing {
		answer := h.ask(t, []broker.InstrumentID{id})
		require.Empty(t, answer.Found, "found when only %s is asked for", id)
		require.Equal(t, []broker.InstrumentID{id}, names(answer.Missing), "missing when only %s is asked for", id)
	}
}

func findsPrices(t tb, h Harness) {
	answer := h.ask(t, h.Found)
	require.NotEmpty(t, answer.Found)
	for id, q := range answer.Found {
		require.True(t, q.Priced(), "%s is found without a price: %+v", id, q)
		require.True(t, q.Tier.Valid(), "%s is found with tier %q", id, q.Tier)
	}
}

func clearsFields(t tb, h Harness) {
	answer := h.ask(t, h.Found)
	require.NotEmpty(t, answer.Found)
	for id, q := range answer.Found {
		for name, p := range map[string]decimal.NullDecimal{"bid": q.Bid, "ask": q.Ask, "last": q.Last, "close": q.Close} {
			require.False(t, p.Valid && p.Decimal.Sign() <= 0, "%s has a valid %s of %s", id, name, p.Decimal)
		}
	}
}

func givesReasons(t tb, h Harness) {
	answer := h.ask(t, h.Missing)
	require.Equal(t, sorted(h.Missing), names(answer.Missing))
	for id, why := range answer.Missing {
		require.NotEmpty(t, strings.TrimSpace(why), "%s is missing without a reason", id)
	}
}

func countsOnce(t tb, h Harness) {
	twice := slices.Concat(h.all(), h.all(), h.Found[:1], h.Missing[:1])
	answer := h.ask(t, twice)
	require.Equal(t, sorted(h.Found), names(answer.Found), "found")
	require.Equal(t, sorted(h.Missing), names(answer.Missing), "missing")
}

func takesNone(t tb, h Harness) {
	for _, ids := range [][]broker.InstrumentID{nil, {}} {
		answer := h.ask(t, ids)
		require.Empty(t, answer.Found)
		require.Empty(t, answer.Missing)
	}
}

func leavesList(t tb, h Harness) {
	ids := h.all()
	slices.Sort(ids)
	slices.Reverse(ids)
	before := slices.Clone(ids)
	h.ask(t, ids)
	require.Equal(t, before, ids, "the source changed the list that it was given")

	clear(ids) // a source that kept the list now has one of empty symbols
	namesEachOnce(t, h)
}

func handsOver(t tb, h Harness) {
	first := h.ask(t, h.all())
	for id := range first.Found {
		first.Found[id] = marketdata.Quote{}
	}
	for id := range first.Missing {
		first.Missing[id] = ""
	}
	findsPrices(t, h)
	givesReasons(t, h)

	second := h.ask(t, h.all())
	clear(second.Found)
	clear(second.Missing)
	namesEachOnce(t, h)
}

func endsOnCancel(t tb, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.askEnded(t, ctx)
}

func endsOnDeadline(t tb, h Harness) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	h.askEnded(t, ctx)
}

// askEnded asks with a context that has ended: the source must not block, and
// must not say that instruments have no price when it did not look.
func (h *Harness) askEnded(t tb, ctx context.Context) {
	var answer marketdata.Quotes
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer, err = h.Source.Quotes(ctx, h.all())
	}()
	patience := time.NewTimer(h.Patience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		require.FailNow(t, "the source still blocks", "%v after its context ended", h.Patience)
	}
	if err != nil {
		require.ErrorIs(t, err, ctx.Err(), "the error must say that the context ended")
		return
	}
	require.Equal(t, sorted(h.Found), names(answer.Found), "found, without an error")
	require.Equal(t, sorted(h.Missing), names(answer.Missing), "missing, without an error")
}

func allowsMany(t tb, h Harness) {
	answers := make([]marketdata.Quotes, askers)
	errs := make([]error, askers)
	var wg sync.WaitGroup
	for i := range askers {
		wg.Go(func() {
			answers[i], errs[i] = h.Source.Quotes(t.Context(), h.all())
			delete(answers[i].Found, h.Found[0]) // maps that two share would race here
		})
	}
	wg.Wait()
	for i := range askers {
		require.NoError(t, errs[i])
		require.Equal(t, sorted(h.Found[1:]), names(answers[i].Found), "found")
		require.Equal(t, sorted(h.Missing), names(answers[i].Missing), "missing")
	}
}
