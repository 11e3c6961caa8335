package rebalance_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// pricesAfter is a price source in front of which something happens.
type pricesAfter struct {
	marketdata.PriceSource
	do func() error
}

func (p pricesAfter) Quotes(ctx context.Context, ids []broker.InstrumentID) (marketdata.Quotes, error) {
	if err := p.do(); err != nil {
		return marketdata.Quotes{}, err
	}
	return p.PriceSource.Quotes(ctx, ids)
}

// with makes the rig's engine anew with some other part.
func (r *rig) with(change func(*rebalance.Config)) {
	r.t.Helper()
	change(&r.cfg)
	r.restart()
}

// sentByUs counts the orders that the broker received from the engine, not those
// of a person.
func (r *rig) sentByUs() int {
	n := 0
	for _, o := range r.broker.Ledger().Orders {
		if strings.HasPrefix(string(o.Sent.ID), "ek1.") {
			n++
		}
	}
	return n
}

func TestATradeByHandWhilePricesAreSlowIsNoticedBeforeTheFirstOrder(t *testing.T) {
	for _, wait := range []time.Duration{2 * time.Second, 10 * time.Minute} {
		t.Run(wait.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.AllowShort = true })
				slow := true
				r.with(func(cfg *rebalance.Config) {
					cfg.Policies.Prices = onlyOnce{}
					cfg.Prices = pricesAfter{r.broker, func() error {
						if slow {
							slow = false
							time.Sleep(wait)
							return r.broker.TradeByHand(account, "A", broker.Sell, num("1000"))
						}
						return nil
					}}
				})
				res := r.run("e1")
				require.Equal(t, rebalance.Deferred, res.Outcome, res.Detail)
				require.Equal(t, rebalance.ReasonForeignTrade, res.Reason)
				require.Zero(t, r.sentByUs(), "nothing is sent on positions that are gone")
				require.Equal(t, "0", r.held("A"))
				time.Sleep(time.Minute)
				require.Equal(t, rebalance.Completed, r.run("e1").Outcome, "the same run plans anew: nobody is blocked")
				require.False(t, num(r.held("A")).IsNegative())
			})
		})
	}
}

func TestATradeByHandWhileTheBuysArePricedBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		n := 0
		r.with(func(cfg *rebalance.Config) {
			cfg.Prices = pricesAfter{r.broker, func() error {
				if n++; n == 2 {
					time.Sleep(10 * time.Second)
					return r.broker.TradeByHand(account, "B", broker.Sell, num("100"))
				}
				return nil
			}}
		})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonForeignTrade, res.Reason)
		require.Equal(t, 1, r.sentByUs(), "the sale; nothing is bought on positions that are gone")
	})
}

// slowCalendar is a broker whose calendar answers late.
type slowCalendar struct {
	broker.Broker
	broker.Calendar
	do func()
}

func (s slowCalendar) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	s.do()
	return s.Calendar.Sessions(ctx, from, to, ids...)
}
func (s slowCalendar) Unwrap() broker.Broker { return s.Broker }

func TestThePriceIsAskedAgainBeforeAnOrderIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Accounts[0].Positions["C"] = num("10") // held, no target: its session is asked for after the plan
		})
		n := 0
		r.with(func(cfg *rebalance.Config) {
			cfg.Broker = slowCalendar{r.broker, r.broker, func() {
				if n++; n == 2 {
					time.Sleep(20 * time.Second)
					require.NoError(t, r.broker.SetQuote("A", num("30"), num("30")))
				}
			}}
		})
		res := r.run("e1")
		require.Equal(t, 2, n)
		require.Contains(t, order(t, res, "A").Reason, "the collar is 0.05")
		require.Equal(t, "1000", r.held("A"))
	})
}

// slowPlace is a broker that takes long to take an order.
type slowPlace struct {
	broker.Broker
	by time.Duration
}

func (p slowPlace) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	s, err := p.Broker.Place(ctx, o)
	time.Sleep(p.by)
	return s, err
}
func (p slowPlace) Unwrap() broker.Broker { return p.Broker }

func TestALongBatchEndsBeforeTheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := time.Date(2000, 1, 3, 21, 0, 0, 0, time.UTC) // a Monday, 16:00 in New York
		time.Sleep(time.Until(closing.Add(-11 * time.Minute)))
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Hours = fake.NYSE()
			for i := range 90 {
				id := broker.InstrumentID(fmt.Sprintf("S%02d", i))
				sim.Instruments = append(sim.Instruments, broker.Instrument{ID: id})
				sim.Quotes[id] = at("50")
				sim.Accounts[0].Positions[id] = num("100")
			}
		})
		r.with(func(cfg *rebalance.Config) { cfg.Broker = slowPlace{r.broker, 9 * time.Second} })
		res := r.run("e1")
		require.Equal(t, rebalance.Deferred, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonMarketClosed, res.Reason)
		require.NotZero(t, r.sent())
		for _, o := range r.broker.Ledger().Orders {
			require.True(t, o.Received.Before(closing.Add(-10*time.Minute)), "sent at %s, within the margin before the close", o.Received)
		}
	})
}

func TestASendIsTooLateAtTwoThirdsOfTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newDeafRig(t, 5*time.Minute, 100*time.Second)
		r.publish(queue.Event{})
		slow := true
		r.with(func(cfg *rebalance.Config) {
			cfg.Policies.Prices = onlyOnce{}
			cfg.Prices = pricesAfter{r.broker, func() error {
				if slow { // the sale is due after 130 s, the buy after 230 s
					slow = false
					time.Sleep(130 * time.Second)
				}
				return nil
			}}
		})
		r.serveFor(290*time.Second, func() bool { return time.Since(start) > 280*time.Second })
		require.Equal(t, 1, r.sent(), "the sale")
		for _, o := range r.broker.Ledger().Orders {
			require.Less(t, o.Received.Sub(start), 200*time.Second, "two thirds of the lease without an extension")
		}
	})
}
