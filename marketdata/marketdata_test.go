package marketdata_test

import (
	"context"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests take place.
var noon = time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)

// sourceFunc is a source made of a function.
type sourceFunc func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error)

func (f sourceFunc) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	return f(ctx, ids)
}

// answers returns a source that always gives the same answer.
func answers(q marketdata.Quotes) marketdata.PriceSource {
	return sourceFunc(func(context.Context, []broker.InstrumentID) (marketdata.Quotes, error) { return q, nil })
}

// fails returns a source that always fails.
func fails(err error) marketdata.PriceSource {
	return sourceFunc(func(context.Context, []broker.InstrumentID) (marketdata.Quotes, error) {
		return marketdata.Quotes{}, err
	})
}

// num is a price field; the empty text is no price.
func num(t *testing.T, s string) decimal.NullDecimal {
	t.Helper()
	if s == "" {
		return decimal.NullDecimal{}
	}
	d, err := broker.ParseDecimal(s)
	require.NoError(t, err)
	return decimal.NewNullDecimal(d)
}

// last is a quote with a last price.
func last(t *testing.T, price string, tier marketdata.Tier) marketdata.Quote {
	t.Helper()
	return marketdata.Quote{Last: num(t, price), Tier: tier, Time: noon}
}

// ask returns a source's answer, which must keep the contract.
func ask(t *testing.T, s marketdata.PriceSource, ids ...broker.InstrumentID) marketdata.Quotes {
	t.Helper()
	answer, err := s.Quotes(t.Context(), ids)
	require.NoError(t, err)
	require.NoError(t, answer.Check(ids))
	return answer
}

func TestTiersAreOrdered(t *testing.T) {
	tiers := []marketdata.Tier{
		marketdata.TierLive, marketdata.TierFrozen, marketdata.TierDelayed,
		marketdata.TierDelayedFrozen, marketdata.TierHistorical, "gossip",
	}
	for i, a := range tiers {
		require.Equal(t, a != "gossip", a.Valid(), a)
		for j, b := range tiers {
			require.Equal(t, i < j, a.Better(b), "%s better than %s", a, b)
		}
	}
}

func TestCheckNamesEveryFault(t *testing.T) {
	answer := marketdata.Quotes{
		Found: map[broker.InstrumentID]marketdata.Quote{
			"AAA": last(t, "10", marketdata.TierLive),
			"BBB": last(t, "-1", marketdata.TierLive),
			"CCC": last(t, "10", "gossip"),
			"DDD": last(t, "10", marketdata.TierLive),
		},
		Missing: map[broker.InstrumentID]string{"AAA": "old", "EEE": " "},
	}
	err := answer.Check([]broker.InstrumentID{"AAA", "BBB", "CCC", "EEE", "FFF", "FFF"})
	require.EqualError(t, err, `marketdata: bad answer: neither found nor missing: ["FFF"]
marketdata: bad answer: both found and missing: ["AAA"]
marketdata: bad answer: never asked for: ["DDD"]
marketdata: bad answer: BBB is found without a price
marketdata: bad answer: CCC is found with tier "gossip"
marketdata: bad answer: EEE is missing without a reason`)
}

func TestCheckNamesFewOfMany(t *testing.T) {
	err := marketdata.Quotes{}.Check([]broker.InstrumentID{"A", "B", "C", "D", "E", "F", "G"})
	require.EqualError(t, err, `marketdata: bad answer: neither found nor missing: ["A" "B" "C" "D" "E"] and 2 more`)
}

func TestStaticTakesChanges(t *testing.T) {
	mine := map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "10", marketdata.TierLive)}
	s := marketdata.NewStatic(mine)
	delete(mine, "AAA")
	require.Contains(t, ask(t, s, "AAA").Found, broker.InstrumentID("AAA"))

	s.Set("AAA", last(t, "11", marketdata.TierFrozen))
	require.Equal(t, last(t, "11", marketdata.TierFrozen), ask(t, s, "AAA").Found["AAA"])
	s.Remove("AAA")
	require.Equal(t, "no quote is set", ask(t, s, "AAA").Missing["AAA"])
	s.Set("AAA", last(t, "0", marketdata.TierLive))
	require.Equal(t, "the quote that is set has no price", ask(t, s, "AAA").Missing["AAA"])
	s.Set("AAA", last(t, "10", ""))
	require.Contains(t, ask(t, s, "AAA").Missing["AAA"], `tier ""`)
}

func TestStaticClearsWhatIsNoPrice(t *testing.T) {
	s := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": {
		Bid: num(t, "-1"), Ask: num(t, "0"), Last: num(t, "10"), Tier: marketdata.TierLive,
	}})
	require.Equal(t, marketdata.Quote{Last: num(t, "10"), Tier: marketdata.TierLive}, ask(t, s, "AAA").Found["AAA"])
}

func TestStaticDatesWhatHasNoTime(t *testing.T) {
	dated, undated := last(t, "10", marketdata.TierLive), last(t, "20", marketdata.TierLive)
	dated.Time, undated.Time = noon.Add(-time.Hour), time.Time{}
	s := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": dated, "BBB": undated})
	require.True(t, ask(t, s, "BBB").Found["BBB"].Time.IsZero())

	s = marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": dated, "BBB": undated})
	now := noon
	s.Now = func() time.Time { return now }
	require.Equal(t, noon, ask(t, s, "BBB").Found["BBB"].Time)
	now = now.Add(time.Hour)
	answer := ask(t, s, "AAA", "BBB")
	require.Equal(t, now, answer.Found["BBB"].Time)
	require.Equal(t, dated.Time, answer.Found["AAA"].Time)
}
