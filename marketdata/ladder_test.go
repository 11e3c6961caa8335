package marketdata_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// ladder returns a ladder of valid rungs.
func ladder(t *testing.T, rungs ...marketdata.Rung) *marketdata.Ladder {
	t.Helper()
	l, err := marketdata.NewLadder(rungs...)
	require.NoError(t, err)
	return l
}

// spied returns the source, and the list of what it was asked for.
func spied(s marketdata.PriceSource) (marketdata.PriceSource, *[][]broker.InstrumentID) {
	var asked [][]broker.InstrumentID
	return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
		asked = append(asked, ids)
		return s.Quotes(ctx, ids)
	}), &asked
}

func TestLadderAsksOnlyForWhatIsMissing(t *testing.T) {
	first, askedFirst := spied(marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{
		"AAA": last(t, "10", marketdata.TierLive),
		"BBB": last(t, "20", marketdata.TierDelayed),
	}))
	second, askedSecond := spied(marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{
		"AAA": last(t, "11", marketdata.TierFrozen),
		"BBB": last(t, "21", marketdata.TierFrozen),
	}))
	third, askedThird := spied(marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{
		"CCC": last(t, "30", marketdata.TierHistorical),
	}))
	fourth, askedFourth := spied(marketdata.NewStatic(nil))
	l := ladder(t,
		marketdata.Rung{Source: first, Name: "live", Worst: marketdata.TierFrozen},
		marketdata.Rung{Source: second},
		marketdata.Rung{Source: third},
		marketdata.Rung{Source: fourth},
	)
	answer := ask(t, l, "CCC", "AAA", "BBB", "AAA")
	require.Equal(t, map[broker.InstrumentID]marketdata.Quote{
		"AAA": last(t, "10", marketdata.TierLive),
		"BBB": last(t, "21", marketdata.TierFrozen),
		"CCC": last(t, "30", marketdata.TierHistorical),
	}, answer.Found)
	require.Empty(t, answer.Missing)
	require.Equal(t, [][]broker.InstrumentID{{"AAA", "BBB", "CCC"}}, *askedFirst)
	require.Equal(t, [][]broker.InstrumentID{{"BBB", "CCC"}}, *askedSecond)
	require.Equal(t, [][]broker.InstrumentID{{"CCC"}}, *askedThird)
	require.Empty(t, *askedFourth)
}

func TestLadderAsksNobodyForNothing(t *testing.T) {
	source, asked := spied(marketdata.NewStatic(nil))
	ask(t, ladder(t, marketdata.Rung{Source: source}))
	require.Empty(t, *asked)
}

func TestLadderNeverMixesFields(t *testing.T) {
	half := marketdata.Quote{Bid: num(t, "9"), Tier: marketdata.TierLive} // a bid alone is no price
	whole := marketdata.Quote{Ask: num(t, "12"), Close: num(t, "11"), Tier: marketdata.TierDelayed}
	l := ladder(t,
		marketdata.Rung{Source: answers(marketdata.Quotes{Found: map[broker.InstrumentID]marketdata.Quote{"AAA": half}})},
		marketdata.Rung{Source: answers(marketdata.Quotes{Found: map[broker.InstrumentID]marketdata.Quote{"AAA": whole}})},
	)
	require.Equal(t, whole, ask(t, l, "AAA").Found["AAA"])
}

func TestLadderClearsWhatIsNoPrice(t *testing.T) {
	quote := marketdata.Quote{Bid: num(t, "-1"), Ask: num(t, "0"), Last: num(t, "10"), Tier: marketdata.TierLive}
	l := ladder(t, marketdata.Rung{Source: answers(marketdata.Quotes{
		Found: map[broker.InstrumentID]marketdata.Quote{"AAA": quote},
	})})
	require.Equal(t, marketdata.Quote{Last: num(t, "10"), Tier: marketdata.TierLive}, ask(t, l, "AAA").Found["AAA"])
}

func TestLadderKeepsTheReasonsOfAllRungs(t *testing.T) {
	old, err := marketdata.NewFresh(
		marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "10", marketdata.TierFrozen)}),
		marketdata.Freshness{
			MaxAge: map[marketdata.Tier]time.Duration{marketdata.TierFrozen: time.Hour},
			Now:    func() time.Time { return noon.Add(2 * time.Hour) },
		})
	require.NoError(t, err)
	l := ladder(t,
		marketdata.Rung{Source: answers(marketdata.Quotes{Missing: map[broker.InstrumentID]string{"AAA": ""}})},
		marketdata.Rung{Source: old},
		marketdata.Rung{Source: fails(errors.New("gateway: no farm")), Name: "gateway"},
		marketdata.Rung{
			Source: marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "10", marketdata.TierDelayed)}),
			Name:   "web", Worst: marketdata.TierFrozen,
		},
	)
	require.Equal(t, "rung 1: no reason given; "+
		"rung 2: the frozen quote is 2h0m0s old, at most 1h0m0s is allowed; "+
		"gateway: gateway: no farm; "+
		"web: the quote is delayed, only frozen or better is taken",
		ask(t, l, "AAA").Missing["AAA"])
}

func TestLadderGoesOnPastALyingRung(t *testing.T) {
	aaa := last(t, "10", marketdata.TierLive)
	good := map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "20", marketdata.TierDelayed), "BBB": last(t, "30", marketdata.TierDelayed)}
	for _, c := range []struct {
		lie    string
		answer marketdata.Quotes
		says   string
	}{
		{"names too much", marketdata.Quotes{
			Found:   map[broker.InstrumentID]marketdata.Quote{"AAA": aaa, "EVIL": aaa},
			Missing: map[broker.InstrumentID]string{"BBB": "none"},
		}, `never asked for: ["EVIL"]`},
		{"names too little", marketdata.Quotes{
			Found: map[broker.InstrumentID]marketdata.Quote{"AAA": aaa},
		}, `neither found nor missing: ["BBB"]`},
		{"names one twice", marketdata.Quotes{
			Found:   map[broker.InstrumentID]marketdata.Quote{"AAA": aaa},
			Missing: map[broker.InstrumentID]string{"AAA": "old", "BBB": "none"},
		}, `both found and missing: ["AAA"]`},
		{"swaps one for another", marketdata.Quotes{
			Found: map[broker.InstrumentID]marketdata.Quote{"AAA": aaa, "BBC": aaa},
		}, `never asked for: ["BBC"]`},
		{"claims a better tier than it has", marketdata.Quotes{
			Found: map[broker.InstrumentID]marketdata.Quote{"AAA": aaa, "BBB": last(t, "30", marketdata.TierDelayed)},
		}, "AAA claims tier live, but the source has delayed at best"},
		{"invents a tier", marketdata.Quotes{
			Found: map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "10", "gossip"), "BBB": last(t, "30", marketdata.TierDelayed)},
		}, `AAA has tier "gossip"`},
	} {
		t.Run(c.lie, func(t *testing.T) {
			liar := marketdata.Rung{Source: answers(c.answer), Name: "liar", Best: marketdata.TierDelayed}
			answer := ask(t, ladder(t, liar, marketdata.Rung{Source: marketdata.NewStatic(good)}), "AAA", "BBB")
			require.Equal(t, good, answer.Found, "nothing of a lying rung is used")

			answer = ask(t, ladder(t, liar, marketdata.Rung{Source: marketdata.NewStatic(nil)}), "AAA", "BBB")
			require.Contains(t, answer.Missing["AAA"], c.says)
			require.NotContains(t, answer.Missing["AAA"], "\n")

			_, err := ladder(t, liar).Quotes(t.Context(), []broker.InstrumentID{"AAA", "BBB"})
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestLadderFailsOnlyIfAllRungsFail(t *testing.T) {
	one, two := errors.New("first is down"), errors.New("second is down")
	_, err := ladder(t,
		marketdata.Rung{Source: fails(one), Name: "a"},
		marketdata.Rung{Source: fails(two), Name: "b"},
	).Quotes(t.Context(), []broker.InstrumentID{"AAA"})
	require.EqualError(t, err, "marketdata: ladder: no rung answered: a: first is down; b: second is down")
	require.ErrorIs(t, err, one)
	require.ErrorIs(t, err, two)

	answer := ask(t, ladder(t,
		marketdata.Rung{Source: fails(one), Name: "a"},
		marketdata.Rung{Source: marketdata.NewStatic(nil), Name: "b"},
	), "AAA")
	require.Equal(t, "a: first is down; b: no quote is set", answer.Missing["AAA"])
}

func TestLadderErrorHasTheClassOfMostHope(t *testing.T) {
	kind := func(k broker.Kind, until time.Time) error {
		return &broker.Error{Op: "quotes", Kind: k, Until: until, Err: errors.New("down")}
	}
	transient, permanent := kind(broker.KindTransient, time.Time{}), kind(broker.KindPermanent, time.Time{})
	wait, waitLonger := kind(broker.KindWait, noon), kind(broker.KindWait, noon.Add(time.Hour))
	session := kind(broker.KindSession, time.Time{})
	for name, c := range map[string]struct {
		errs  []error
		class string
		at    time.Time
	}{
		"no class is transient":         {[]error{errors.New("x"), permanent}, "transient", time.Time{}},
		"permanent only if all are":     {[]error{permanent, permanent}, "permanent", time.Time{}},
		"transient before wait":         {[]error{wait, transient}, "transient", time.Time{}},
		"wait before permanent":         {[]error{permanent, waitLonger}, "wait", noon.Add(time.Hour)},
		"the earliest wait":             {[]error{waitLonger, wait}, "wait", noon},
		"session before all":            {[]error{permanent, transient, session}, "session", time.Time{}},
		"a rung cancelled on its own":   {[]error{permanent, context.Canceled}, "transient", time.Time{}},
		"transient with a wish to wait": {[]error{kind(broker.KindTransient, noon), permanent}, "transient", noon},
	} {
		t.Run(name, func(t *testing.T) {
			var rungs []marketdata.Rung
			for _, err := range c.errs {
				rungs = append(rungs, marketdata.Rung{Source: fails(err)})
			}
			_, err := ladder(t, rungs...).Quotes(t.Context(), []broker.InstrumentID{"AAA"})
			var classed interface {
				ErrorClass() string
				RetryAt() time.Time
			}
			require.ErrorAs(t, err, &classed)
			require.Equal(t, c.class, classed.ErrorClass())
			require.Equal(t, c.at, classed.RetryAt())
		})
	}
}

// hangs is a source that waits for the end of its context.
var hangs = sourceFunc(func(ctx context.Context, _ []broker.InstrumentID) (marketdata.Quotes, error) {
	<-ctx.Done()
	return marketdata.Quotes{}, ctx.Err()
})

func TestLadderGoesOnWhenARungHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		good := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "10", marketdata.TierDelayed)})
		answer := ask(t, ladder(t,
			marketdata.Rung{Source: hangs, Name: "gateway", Timeout: 3 * time.Second},
			marketdata.Rung{Source: good},
		), "AAA", "BBB")
		require.Equal(t, 3*time.Second, time.Since(start))
		require.Contains(t, answer.Found, broker.InstrumentID("AAA"))
		require.Equal(t, "gateway: no answer within 3s: context deadline exceeded; rung 2: no quote is set", answer.Missing["BBB"])
	})
}

func TestLadderEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": last(t, "10", marketdata.TierLive)})
		never, asked := spied(good)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := ladder(t,
			marketdata.Rung{Source: hangs, Name: "gateway", Timeout: time.Minute},
			marketdata.Rung{Source: never},
		).Quotes(ctx, []broker.InstrumentID{"AAA"})
		require.EqualError(t, err, "marketdata: ladder: stopped at gateway: context deadline exceeded")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, *asked)

		// A rung that answers although the context ended is no reason to go on.
		ctx, cancel = context.WithCancel(t.Context())
		last := sourceFunc(func(context.Context, []broker.InstrumentID) (marketdata.Quotes, error) {
			cancel()
			return good.Quotes(context.WithoutCancel(ctx), []broker.InstrumentID{"AAA", "BBB"})
		})
		_, err = ladder(t, marketdata.Rung{Source: last}, marketdata.Rung{Source: never, Name: "web"}).
			Quotes(ctx, []broker.InstrumentID{"AAA", "BBB"})
		require.EqualError(t, err, "marketdata: ladder: stopped before web: context canceled")
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, *asked)
	})
}

func TestLadderLeavesTheRungsAlone(t *testing.T) {
	rungs := []marketdata.Rung{{Source: static(t)}}
	l := ladder(t, rungs...)
	require.Empty(t, rungs[0].Name, "defaults are not written into the caller's slice")
	rungs[0].Source = nil
	require.Contains(t, ask(t, l, "AAA").Found, broker.InstrumentID("AAA"))
}

func TestLadderRefusesBadRungs(t *testing.T) {
	_, err := marketdata.NewLadder()
	require.EqualError(t, err, "marketdata: ladder: no rung: give at least one source")

	s := marketdata.NewStatic(nil)
	_, err = marketdata.NewLadder(
		marketdata.Rung{},
		marketdata.Rung{Source: s, Name: "web", Best: "top", Worst: "low", Timeout: -1},
		marketdata.Rung{Source: s, Best: marketdata.TierDelayed, Worst: marketdata.TierLive},
		marketdata.Rung{Source: s},
	)
	require.EqualError(t, err, `marketdata: ladder: rung 1: Source is nil
marketdata: ladder: web: Best is "top", which is no tier
marketdata: ladder: web: Worst is "low", which is no tier
marketdata: ladder: web: Timeout is -1ns, want 0 or more
marketdata: ladder: rung 3: Worst "live" is better than Best "delayed"`)
}
