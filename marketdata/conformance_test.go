package marketdata_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/marketdata/marketdatatest"
)

// static has live quotes of AAA and BBB, and one that is not to be used of OLD.
func static(t *testing.T) *marketdata.Static {
	t.Helper()
	old := last(t, "30", marketdata.TierLive)
	old.Time = noon.Add(-time.Hour)
	old.Close = num(t, "10")
	return marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{
		"AAA": last(t, "10", marketdata.TierLive),
		"BBB": last(t, "20", marketdata.TierLive),
		"OLD": old,
	})
}

func TestConformance(t *testing.T) {
	for name, newSource := range map[string]func(t *testing.T) marketdata.PriceSource{
		"static": func(t *testing.T) marketdata.PriceSource {
			t.Helper()
			s := static(t)
			s.Remove("OLD")
			return s
		},
		"fresh": func(t *testing.T) marketdata.PriceSource {
			t.Helper()
			return freshOnly(t, static(t))
		},
		"sane": func(t *testing.T) marketdata.PriceSource {
			t.Helper()
			s, err := marketdata.NewSane(static(t), nil)
			require.NoError(t, err)
			return s
		},
		"ladder": func(t *testing.T) marketdata.PriceSource {
			t.Helper()
			first, second := static(t), static(t)
			first.Remove("BBB")
			second.Remove("AAA")
			return ladder(t,
				marketdata.Rung{Source: fails(errors.New("down"))},
				marketdata.Rung{Source: freshOnly(t, first), Timeout: time.Minute},
				marketdata.Rung{Source: freshOnly(t, second)},
			)
		},
		"history": func(t *testing.T) marketdata.PriceSource {
			t.Helper()
			return source(t, history(t, "Date,AAA,OLD,BBB\n2026-02-26,10,10,10\n2026-02-27,10,,20\n"),
				marketdata.HistorySourceOptions{Now: func() time.Time { return noon }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			marketdatatest.Run(t, func(t *testing.T) marketdatatest.Harness {
				t.Helper()
				return marketdatatest.Harness{
					Source:  newSource(t),
					Found:   []broker.InstrumentID{"AAA", "BBB"},
					Missing: []broker.InstrumentID{"OLD", "NOSUCH", ""},
				}
			})
		})
	}
}

// freshOnly passes on what is not an hour old.
func freshOnly(t *testing.T, s marketdata.PriceSource) marketdata.PriceSource {
	t.Helper()
	f, err := marketdata.NewFresh(s, marketdata.Freshness{
		MaxAge: map[marketdata.Tier]time.Duration{marketdata.TierLive: time.Minute},
		Now:    func() time.Time { return noon },
	})
	require.NoError(t, err)
	return f
}
