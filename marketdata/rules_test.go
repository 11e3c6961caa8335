package marketdata_test

import (
	"errors"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

func TestFreshByAgeAndTier(t *testing.T) {
	rule := marketdata.Freshness{
		MaxAge: map[marketdata.Tier]time.Duration{
			marketdata.TierLive:   time.Minute,
			marketdata.TierFrozen: 72 * time.Hour,
		},
		Now: func() time.Time { return noon },
	}
	undated := rule
	undated.Undated = true
	exact := rule
	exact.Skew = time.Millisecond
	for _, c := range []struct {
		name string
		rule marketdata.Freshness
		tier marketdata.Tier
		at   time.Time
		why  string
	}{
		{"new", rule, marketdata.TierLive, noon, ""},
		{"as old as allowed", rule, marketdata.TierLive, noon.Add(-time.Minute), ""},
		{"too old", rule, marketdata.TierLive, noon.Add(-time.Minute - 1), "the live quote is 1m0.000000001s old, at most 1m0s is allowed"},
		{"old but frozen", rule, marketdata.TierFrozen, noon.Add(-48 * time.Hour), ""},
		{"too old for frozen", rule, marketdata.TierFrozen, noon.Add(-96 * time.Hour), "the frozen quote is 96h0m0s old, at most 72h0m0s is allowed"},
		{"tier without limit", rule, marketdata.TierDelayed, noon, `no maximum age is set for tier "delayed"`},
		{"clocks differ a little", rule, marketdata.TierLive, noon.Add(5 * time.Second), ""},
		{"from the future", rule, marketdata.TierLive, noon.Add(6 * time.Second), "the live quote is dated 6s in the future, at most 5s is allowed: check the clocks"},
		{"less skew", exact, marketdata.TierLive, noon.Add(time.Second), "the live quote is dated 1s in the future, at most 1ms is allowed: check the clocks"},
		{"no time", rule, marketdata.TierLive, time.Time{}, "the quote has no time, its age is not known"},
		{"no time, allowed", undated, marketdata.TierLive, time.Time{}, ""},
		{"no time, allowed, but no tier", undated, marketdata.TierDelayed, time.Time{}, `no maximum age is set for tier "delayed"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			quote := last(t, "10", c.tier)
			quote.Time = c.at
			fresh, err := marketdata.NewFresh(marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": quote}), c.rule)
			require.NoError(t, err)
			answer := ask(t, fresh, "AAA")
			require.Equal(t, c.why, answer.Missing["AAA"])
			if c.why == "" {
				require.Equal(t, quote, answer.Found["AAA"])
			}
		})
	}
}

func TestFreshKeepsItsOwnRule(t *testing.T) {
	limits := map[marketdata.Tier]time.Duration{marketdata.TierLive: time.Minute}
	fresh, err := marketdata.NewFresh(static(t), marketdata.Freshness{MaxAge: limits, Now: func() time.Time { return noon }})
	require.NoError(t, err)
	clear(limits)
	require.Contains(t, ask(t, fresh, "AAA").Found, broker.InstrumentID("AAA"))
}

func TestFreshRefusesABadRule(t *testing.T) {
	_, err := marketdata.NewFresh(nil, marketdata.Freshness{Skew: -1})
	require.EqualError(t, err, `marketdata: fresh: source is nil
marketdata: fresh: MaxAge is empty: no quote would pass
marketdata: fresh: Skew is -1ns, want 0 or more`)
	_, err = marketdata.NewFresh(marketdata.NewStatic(nil), marketdata.Freshness{
		MaxAge: map[marketdata.Tier]time.Duration{"gossip": time.Hour, marketdata.TierLive: 0},
	})
	require.EqualError(t, err, `marketdata: fresh: MaxAge has "gossip", which is no tier
marketdata: fresh: MaxAge of live is 0s, want more than 0`)
}

func TestSaneComparesWithTheClose(t *testing.T) {
	dec := func(s string) decimal.Decimal { return num(t, s).Decimal }
	for _, c := range []struct {
		name                 string
		opts                 *marketdata.SanityOptions
		bid, ask, last, shut string
		why                  string
	}{
		{"near", nil, "99", "101", "100", "100", ""},
		{"at the limit", nil, "", "", "120", "100", ""},
		{"last too high", nil, "", "", "120.01", "100", "suspect: last 120.01 is more than 20% away from the previous close 100"},
		{"last too low", nil, "", "", "79", "100", "suspect: last 79 is more than 20% away from the previous close 100"},
		{"bid too low", nil, "1", "101", "100", "100", "suspect: bid 1 is more than 20% away from the previous close 100"},
		{"ask alone too high", nil, "", "300", "100", "100", "suspect: ask 300 is more than 20% away from the previous close 100"},
		{"crossed passes", nil, "150", "50", "100", "100", ""},
		{"crossed, last too high", nil, "150", "50", "130", "100", "suspect: last 130 is more than 20% away from the previous close 100"},
		{"no close", nil, "1", "300", "50", "", ""},
		{"close alone", nil, "", "", "", "100", ""},
		{"wider", &marketdata.SanityOptions{MaxDeviation: dec("0.5")}, "", "", "150", "100", ""},
		{"narrower", &marketdata.SanityOptions{MaxDeviation: dec("0.005")}, "", "", "101", "100", "suspect: last 101 is more than 0.5% away from the previous close 100"},
		{"close needed", &marketdata.SanityOptions{NeedClose: true}, "", "", "100", "", "suspect: no previous close to compare with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			quote := marketdata.Quote{
				Bid: num(t, c.bid), Ask: num(t, c.ask), Last: num(t, c.last), Close: num(t, c.shut),
				Tier: marketdata.TierLive, Time: noon,
			}
			sane, err := marketdata.NewSane(marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": quote}), c.opts)
			require.NoError(t, err)
			answer := ask(t, sane, "AAA")
			require.Equal(t, c.why, answer.Missing["AAA"])
			if c.why == "" {
				require.Equal(t, quote, answer.Found["AAA"], "passed on unchanged")
			}
		})
	}
}

func TestSaneRefusesBadOptions(t *testing.T) {
	_, err := marketdata.NewSane(nil, nil)
	require.EqualError(t, err, "marketdata: sane: source is nil")
	_, err = marketdata.NewSane(marketdata.NewStatic(nil), &marketdata.SanityOptions{MaxDeviation: num(t, "-1").Decimal})
	require.EqualError(t, err, "marketdata: sane: MaxDeviation is -1, want more than 0, such as 0.2")
}

// Both wrappers judge the source's answer in the same way.
func TestWrappersDoNotTrustTheirSource(t *testing.T) {
	wrap := map[string]func(marketdata.PriceSource) (marketdata.PriceSource, error){
		"fresh": func(s marketdata.PriceSource) (marketdata.PriceSource, error) {
			return marketdata.NewFresh(s, marketdata.Freshness{
				MaxAge: map[marketdata.Tier]time.Duration{marketdata.TierLive: time.Minute},
				Now:    func() time.Time { return noon },
			})
		},
		"sane": func(s marketdata.PriceSource) (marketdata.PriceSource, error) { return marketdata.NewSane(s, nil) },
	}
	for name, wrap := range wrap {
		t.Run(name, func(t *testing.T) {
			ids := []broker.InstrumentID{"AAA"}
			down := errors.New("down")
			s, err := wrap(fails(down))
			require.NoError(t, err)
			_, err = s.Quotes(t.Context(), ids)
			require.ErrorIs(t, err, down)

			s, err = wrap(answers(marketdata.Quotes{}))
			require.NoError(t, err)
			_, err = s.Quotes(t.Context(), ids)
			require.EqualError(t, err, `marketdata: bad answer: neither found nor missing: ["AAA"]`)

			inner := marketdata.Quotes{
				Found: map[broker.InstrumentID]marketdata.Quote{
					"AAA": last(t, "-1", marketdata.TierLive),
					"BBB": last(t, "10", ""),
					"CCC": {Bid: num(t, "-1"), Last: num(t, "10"), Tier: marketdata.TierLive, Time: noon},
				},
				Missing: map[broker.InstrumentID]string{"DDD": ""},
			}
			s, err = wrap(answers(inner))
			require.NoError(t, err)
			answer := ask(t, s, "AAA", "BBB", "CCC", "DDD")
			require.Equal(t, map[broker.InstrumentID]string{
				"AAA": "the quote has no price",
				"BBB": `the quote has tier "", which is none`,
				"DDD": "no reason given",
			}, answer.Missing)
			require.Equal(t, last(t, "10", marketdata.TierLive), answer.Found["CCC"])
			clear(answer.Found)
			require.Len(t, inner.Found, 3, "the wrapper shares no map with its source")
		})
	}
}
