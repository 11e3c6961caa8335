package fake_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// TestTheFeed: fills, valuation and quotes come from the same source.
func TestTheFeed(t *testing.T) {
	prices := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": tiered("49", "51")})
	b := open(t, func(cfg *fake.Config) { cfg.Prices, cfg.Quotes = prices, nil })
	equal(t, "15000", snapshot(t, b).NetLiquidation)
	prices.Set("AAA", tiered("59", "61"))
	equal(t, "61", place(t, b, market("a", broker.Buy, 1)).Fills[0].Price)
	quotes, err := b.Quotes(t.Context(), []broker.InstrumentID{"AAA", "BBB"})
	require.NoError(t, err)
	equal(t, "61", quotes.Found["AAA"].Ask.Decimal)
	require.Contains(t, quotes.Missing, broker.InstrumentID("BBB"))
	place(t, b, limit("b", broker.Buy, 1, "55"))
	prices.Set("AAA", tiered("50", "54"))
	_, err = b.Accounts(t.Context()) // any call lets resting orders see the feed
	require.NoError(t, err)
	l := b.Ledger()
	require.Equal(t, broker.StatusFilled, l.Order("b").Status)
}

func tiered(bid, ask string) marketdata.Quote {
	q := quote(bid, ask)
	q.Tier = marketdata.TierLive
	return q
}

func TestAwaitPollsTheFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prices := marketdata.NewStatic(map[broker.InstrumentID]marketdata.Quote{"AAA": tiered("99", "101")})
		b := open(t, func(cfg *fake.Config) { cfg.Prices, cfg.Clock = prices, nil })
		place(t, b, limit("a", broker.Buy, 1, "90"))
		after := snapshot(t, b).Cursor
		var wg sync.WaitGroup
		wg.Go(func() {
			news, _, err := b.Await(t.Context(), account, after)
			if err != nil || news[0].Status != broker.StatusFilled {
				t.Error(news, err)
			}
		})
		synctest.Wait()
		prices.Set("AAA", tiered("80", "81"))
		wg.Wait()
	})
}

// downFeed is a source that fails.
type downFeed struct{}

func (downFeed) Quotes(context.Context, []broker.InstrumentID) (marketdata.Quotes, error) {
	return marketdata.Quotes{}, errors.New("no data")
}

func TestABrokenFeedSendsNothing(t *testing.T) {
	b := open(t, func(cfg *fake.Config) { cfg.Prices = downFeed{} })
	_, err := b.Place(t.Context(), market("a", broker.Buy, 1))
	require.ErrorContains(t, err, "the feed: no data")
	require.Empty(t, b.Ledger().Orders)
	_, err = b.Snapshot(t.Context(), account)
	require.ErrorContains(t, err, "the feed: no data")
	_, err = b.PlaceByHand(limit("", broker.Buy, 1, "90")) // rests
	require.NoError(t, err)
	_, err = b.Orders(t.Context(), account, broker.OrderQuery{})
	require.NoError(t, err, "what needs no price works on")
	news, _, err := b.Await(t.Context(), account, broker.Cursor{})
	require.NoError(t, err)
	require.Len(t, news, 1)
}
