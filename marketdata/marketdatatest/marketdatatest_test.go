package marketdatatest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/marketdata/marketdatatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sourceFunc is a source made of a function.
type sourceFunc func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error)

func (f sourceFunc) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	return f(ctx, ids)
}

// good returns a source that keeps the contract.
func good() *marketdata.Static {
	quote := func(last int64) marketdata.Quote {
		return marketdata.Quote{Last: decimal.NewNullDecimal(decimal.NewFromInt(last)), Tier: marketdata.TierLive}
	}
	return marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": quote(10), "BBB": quote(20)})
}

// harness is what the suite needs to know about a source made of good.
func harness(source marketdata.PriceSource) marketdatatest.Harness {
	return marketdatatest.Harness{
		Source:  source,
		Found:   []broker.InstrumentID{"AAA", "BBB"},
		Missing: []broker.InstrumentID{"YYY", "ZZZ"},
	}
}

func TestGoodSourcePasses(t *testing.T) {
	marketdatatest.Run(t, func(*testing.T) marketdatatest.Harness { return harness(good()) })
	for _, name := range marketdatatest.Names() {
		require.Empty(t, marketdatatest.Failure(t.Context(), name, harness(good())))
	}
}

func TestHarnessIsChecked(t *testing.T) {
	for name, h := range map[string]marketdatatest.Harness{
		"no source":     {Found: []broker.InstrumentID{"AAA", "BBB"}, Missing: []broker.InstrumentID{"ZZZ"}},
		"one found":     {Source: good(), Found: []broker.InstrumentID{"AAA"}, Missing: []broker.InstrumentID{"ZZZ"}},
		"no missing":    {Source: good(), Found: []broker.InstrumentID{"AAA", "BBB"}},
		"wrong found":   {Source: good(), Found: []broker.InstrumentID{"AAA", "CCC"}, Missing: []broker.InstrumentID{"ZZZ"}},
		"wrong missing": {Source: good(), Found: []broker.InstrumentID{"AAA", "BBB"}, Missing: []broker.InstrumentID{"AAA"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, marketdatatest.Failure(t.Context(), "every instrument is named exactly once", h))
		})
	}
}

// altered returns a maker of sources that answer as good does, but altered.
func altered(alter func(ids []broker.InstrumentID, answer *marketdata.Quotes)) func() marketdata.PriceSource {
	return func() marketdata.PriceSource {
		g := good()
		return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
			answer, err := g.Quotes(ctx, ids)
			if err == nil {
				alter(ids, &answer)
			}
			return answer, err
		})
	}
}

// TestBrokenSourcesFail shows that each test of the suite fails for a source that
// breaks the promise in its name.
func TestBrokenSourcesFail(t *testing.T) {
	price := func(n int64) decimal.NullDecimal { return decimal.NewNullDecimal(decimal.NewFromInt(n)) }
	shown := map[string]bool{}
	for _, c := range []struct {
		broken string
		source func() marketdata.PriceSource
		fails  string
	}{
		{"leaves out what is missing", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			clear(a.Missing)
		}), "every instrument is named exactly once"},
		{"names a found one as missing too", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			if _, ok := a.Found["AAA"]; ok {
				a.Missing["AAA"] = "old"
			}
		}), "every instrument is named exactly once"},
		{"names what was not asked for", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			a.Found["AAA"] = marketdata.Quote{Last: price(10), Tier: marketdata.TierLive}
		}), "each instrument asked alone gets the same answer"},
		{"finds nothing for one alone", altered(func(ids []broker.InstrumentID, a *marketdata.Quotes) {
			if _, ok := a.Found["BBB"]; ok && len(ids) == 1 {
				delete(a.Found, "BBB")
				a.Missing["BBB"] = "batch too small"
			}
		}), "each instrument asked alone gets the same answer"},
		{"passes a zero price", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			for id := range a.Found {
				a.Found[id] = marketdata.Quote{Last: price(0), Tier: marketdata.TierLive}
			}
		}), "what is found has a price and a tier"},
		{"has a bid alone", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			for id := range a.Found {
				a.Found[id] = marketdata.Quote{Bid: price(10), Tier: marketdata.TierLive}
			}
		}), "what is found has a price and a tier"},
		{"has no tier", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			for id := range a.Found {
				a.Found[id] = marketdata.Quote{Last: price(10)}
			}
		}), "what is found has a price and a tier"},
		{"passes the -1 that means none", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			for id, q := range a.Found {
				q.Bid, q.Ask = price(-1), price(-1)
				a.Found[id] = q
			}
		}), "fields without a price are invalid"},
		{"gives no reasons", altered(func(_ []broker.InstrumentID, a *marketdata.Quotes) {
			for id := range a.Missing {
				a.Missing[id] = " "
			}
		}), "what is missing has a reason and is no error"},
		{"fails when it finds nothing", func() marketdata.PriceSource {
			g := good()
			return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
				a, err := g.Quotes(ctx, ids)
				if err == nil && len(ids) > 0 && len(a.Found) == 0 {
					err = errors.New("no data")
				}
				return a, err
			})
		}, "what is missing has a reason and is no error"},
		{"stumbles over duplicates", altered(func(ids []broker.InstrumentID, a *marketdata.Quotes) {
			for i, id := range ids {
				if slices.Contains(ids[:i], id) {
					delete(a.Found, id)
					a.Missing[id] = "asked for already"
				}
			}
		}), "duplicates count once"},
		{"fails without instruments", func() marketdata.PriceSource {
			g := good()
			return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
				if len(ids) == 0 {
					return marketdata.Quotes{}, errors.New("nothing to ask for")
				}
				return g.Quotes(ctx, ids)
			})
		}, "no instruments is no error"},
		{"gives everything without instruments", altered(func(ids []broker.InstrumentID, a *marketdata.Quotes) {
			if len(ids) == 0 {
				a.Found["AAA"] = marketdata.Quote{Last: price(10), Tier: marketdata.TierLive}
			}
		}), "no instruments is no error"},
		{"sorts the list in place", altered(func(ids []broker.InstrumentID, _ *marketdata.Quotes) {
			slices.Sort(ids)
		}), "the list of instruments is left alone"},
		{"keeps the list", keepsList, "the list of instruments is left alone"},
		{"shares its maps", sharesMaps, "the answer belongs to the caller"},
		{"says that all is missing when cancelled", func() marketdata.PriceSource {
			return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
				if ctx.Err() != nil {
					ids = nil
				}
				return good().Quotes(context.WithoutCancel(ctx), ids)
			})
		}, "a cancelled context is an error or a whole answer"},
		{"hides that it was cancelled", hidesContext, "a cancelled context is an error or a whole answer"},
		{"hides that the deadline passed", hidesContext, "a passed deadline is an error or a whole answer"},
		{"does not heed the context", deaf, "a cancelled context is an error or a whole answer"},
		{"does not heed the deadline", deaf, "a passed deadline is an error or a whole answer"},
		{"serves one at a time", servesOne, "many goroutines may ask at once"},
	} {
		shown[c.fails] = true
		t.Run(c.broken, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.NotEmpty(t, marketdatatest.Failure(t.Context(), c.fails, harness(c.source())))
				time.Sleep(2 * time.Minute) // a source that blocked comes back by then
			})
		})
	}
	for _, name := range marketdatatest.Names() {
		require.True(t, shown[name], "no broken source shows that this test can fail: %s", name)
	}
}

// keepsList returns a source that answers the list of the call before as well.
func keepsList() marketdata.PriceSource {
	g := good()
	var kept []broker.InstrumentID
	return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
		before := kept
		kept = ids
		if before != nil {
			ids = before
		}
		return g.Quotes(ctx, ids)
	})
}

// sharesMaps returns a source that caches its answer and hands out the cache.
func sharesMaps() marketdata.PriceSource {
	g := good()
	var cache atomic.Pointer[marketdata.Quotes]
	return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
		if a := cache.Load(); a != nil && len(ids) == 4 {
			return *a, nil
		}
		a, err := g.Quotes(ctx, ids)
		if len(ids) == 4 && err == nil {
			cache.Store(&a)
		}
		return a, err
	})
}

// hidesContext returns a source whose errors do not say that a context ended.
func hidesContext() marketdata.PriceSource {
	g := good()
	return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
		a, err := g.Quotes(ctx, ids)
		if err != nil {
			err = errors.New("request failed")
		}
		return a, err
	})
}

// deaf returns a source that takes a minute whatever its context says.
func deaf() marketdata.PriceSource {
	g := good()
	return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
		time.Sleep(time.Minute)
		return g.Quotes(context.WithoutCancel(ctx), ids)
	})
}

// servesOne returns a source that refuses a second asker.
func servesOne() marketdata.PriceSource {
	g := good()
	var busy atomic.Int32
	return sourceFunc(func(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
		defer busy.Add(-1)
		if busy.Add(1) > 1 {
			return marketdata.Quotes{}, errors.New("busy")
		}
		time.Sleep(time.Millisecond)
		return g.Quotes(ctx, ids)
	})
}
