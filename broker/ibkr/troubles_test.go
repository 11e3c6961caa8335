package ibkr_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Everything works at every step of the protocol, and a preview is never an order.
func TestEveryDialect(t *testing.T) {
	t.Parallel()
	for _, version := range []int{176, 177, 183, 190, 195, 199, 200, 201, 202, 203, 204, 206, 208, 211, 213, 225} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, version, nil)
			preview, err := r.WhatIf(soon(t), bid("10"))
			require.NoError(t, err)
			require.Empty(t, preview.Refusal)
			require.Empty(t, r.g.Exchange().Orders())
			o := buy("10")
			_, err = r.Place(soon(t), o)
			require.NoError(t, err)
			r.until(t, o.ID, filled)
			snap, err := r.Snapshot(soon(t), account)
			require.NoError(t, err)
			require.Equal(t, "10", snap.Position("AAPL").String())
			quotes, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL", "MSFT"})
			require.NoError(t, err)
			require.Len(t, quotes.Found, 2)
			require.Empty(t, r.g.Ledger(gatewaysim.KindMalformed))
		})
	}
}

// The API becomes read-only while an order works: the cancel is refused under the
// order's number, and the order still works.
func TestReadOnlyWhileAnOrderWorks(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		o := bid("10")
		_, err := r.Place(soon(t), o)
		require.NoError(t, err)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultReadOnly})
		require.NoError(t, r.Cancel(soon(t), account, o.ID))
		state := r.until(t, o.ID, func(s *broker.OrderState) bool { return s.Code == "321" })
		require.False(t, state.Status.Terminal(), "%+v", state)
		require.Contains(t, state.Reason, "untick 'Read-Only API'")
		state, ok := r.state(t, o.ID)
		require.True(t, ok)
		require.Equal(t, broker.StatusWorking, state.Status)
	})
}

// Somebody else is logged in as the user: there is no price, no lesser one takes
// its place, and the error says when to try again.
func TestCompetingSession(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultCompetingSession, For: gatewaysim.Duration(time.Hour)})
		_, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL", "MSFT"})
		var e *broker.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, broker.KindWait, e.Kind)
		require.Equal(t, "10197", e.Code)
		require.InDelta(t, 5*time.Minute, time.Until(e.Until), float64(time.Minute))
		require.ErrorContains(t, err, "log out there")
	})
	r := newRig(t, protoVersion, nil)
	r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultMarketDataError, Symbol: "AAPL", Code: 10197})
	quotes, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL", "MSFT"})
	require.NoError(t, err)
	require.Len(t, quotes.Found, 1)
	require.Contains(t, quotes.Missing["AAPL"], "10197")
}

// A gateway that has no link to IBKR when it is connected to: no session begins
// before the link is there, and who waits in vain is told why.
func TestLinkLostFromTheStart(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		g := gateway(t, func(sim *gatewaysim.Config) { sim.ServerVersion = version })
		_, err := g.Inject(gatewaysim.Fault{Name: gatewaysim.FaultLinkLost})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		_, err = ibkr.Open(ctx, config(g))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "lost its connection to IBKR")
	})
}

// Two programs with one client id: the second waits, and goes on when the first is
// gone.
func TestTwoBrokersOneClientID(t *testing.T) {
	t.Parallel()
	r := newRig(t, protoVersion, nil)
	cfg := config(r.g)
	cfg.Timing.Retries = 1
	_, err := ibkr.Open(soon(t), cfg)
	var e *broker.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, broker.KindWait, e.Kind)
	require.Equal(t, "326", e.Code)

	cfg.Timing.Retries = 1000
	second := make(chan *ibkr.Broker, 1)
	go func() {
		b, err := ibkr.Open(t.Context(), cfg)
		if err == nil {
			second <- b
		}
		close(second)
	}()
	o := bid("10")
	_, err = r.Place(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	b := <-second
	require.NotNil(t, b)
	defer b.Close()
	state, err := b.Place(soon(t), o)
	require.NoError(t, err)
	require.Equal(t, broker.StatusWorking, state.Status, "it knows what the first one did")
	require.Len(t, r.g.Exchange().Orders(), 1)
}

// A gateway that reads nothing more, and keeps the client id when it is left: what
// was being written is in doubt at most, and the session comes back.
func TestStall(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
			cfg.Timing.Heartbeat, cfg.Timing.Answer, cfg.Timing.Write = 1100*time.Millisecond, 400*time.Millisecond, 200*time.Millisecond
		})
		epoch := r.Epoch()
		_, err := r.Resolve(soon(t), "AAPL")
		require.NoError(t, err)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultStall, For: gatewaysim.Duration(2500 * time.Millisecond)})
		o := buy("10")
		state, err := r.Place(soon(t), o)
		if err != nil {
			require.ErrorIs(t, err, broker.ErrIndeterminate)
		} else {
			require.Equal(t, broker.StatusPending, state.Status)
		}
		r.recovered(t, epoch)
		_, there := r.g.Exchange().OrderByRef(string(o.ID))
		_, told := r.state(t, o.ID)
		require.Equal(t, there, told)
		_, err = r.Place(soon(t), o)
		if !there {
			require.ErrorIs(t, err, broker.ErrIndeterminate, "it may have been written once")
		}
		require.LessOrEqual(t, len(r.g.Exchange().Orders()), 1)
	})
}

// A gateway that is away: calls fail as a lost session, within the hours in which it
// is expected to be away they say until when, and everything comes back.
func TestOutages(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC()
	from := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	for _, name := range []string{gatewaysim.FaultRefuseConnections, gatewaysim.FaultTwoFactorOutage, gatewaysim.FaultCut} {
		for _, expected := range []bool{false, true} {
			t.Run(fmt.Sprint(name, expected), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, protoVersion, func(_ *gatewaysim.Config, cfg *ibkr.Config) {
					if expected {
						cfg.Login = &ibkr.Window{From: from, To: (from + time.Hour) % (24 * time.Hour), Zone: "UTC"}
					}
				})
				epoch := r.Epoch()
				r.inject(t, gatewaysim.Fault{Name: name, For: gatewaysim.Duration(400 * time.Millisecond)})
				for r.Epoch() == epoch || r.Epoch() == 0 {
					_, err := r.Snapshot(soon(t), account)
					var e *broker.Error
					if !errors.As(err, &e) {
						continue
					}
					require.ErrorIs(t, err, broker.ErrSession)
					if e.Kind == broker.KindWait {
						require.True(t, expected)
						require.True(t, e.Until.After(at))
					}
				}
				_, err := r.Snapshot(soon(t), account)
				require.NoError(t, err)
			})
		}
	}
}

// What somebody else does to the account shows.
func TestOthersChangeTheAccount(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(sim *gatewaysim.Config, _ *ibkr.Config) {
			sim.Accounts[0].Holdings = []gatewaysim.Holding{{Symbol: "AAPL", Quantity: dec("8"), AverageCost: dec("90")}}
		})
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultExternalTrade, Account: string(account), Symbol: "AAPL", Quantity: dec("-3"), Price: dec("100")})
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		require.Equal(t, "5", snap.Position("AAPL").String())
		require.Equal(t, "1000300", snap.Cash["USD"].String())
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSplit, Symbol: "AAPL", Quantity: dec("4")})
		snap, err = r.Snapshot(soon(t), account)
		require.NoError(t, err)
		require.Equal(t, "20", snap.Position("AAPL").String())
	})
}

// Without history there is no price, whatever the gateway's code stands for.
func TestHistoryFaults(t *testing.T) {
	t.Parallel()
	for _, name := range []string{gatewaysim.FaultHistoryPace, gatewaysim.FaultHistoryNoData} {
		versions(t, func(t *testing.T, version int) {
			r := newRig(t, version, func(_ *gatewaysim.Config, cfg *ibkr.Config) { cfg.Tiers = []marketdata.Tier{marketdata.TierHistorical} })
			require.NoError(t, r.g.Exchange().SetBars("AAPL", []gatewaysim.Bar{{Time: time.Now().AddDate(0, 0, -2), Close: dec("8.5")}}))
			r.inject(t, gatewaysim.Fault{Name: name})
			for range 2 { // asked once only: the gateway would count it
				quotes, err := r.Quotes(soon(t), []broker.InstrumentID{"AAPL"})
				require.NoError(t, err)
				require.Contains(t, quotes.Missing["AAPL"], "162")
			}
			require.Equal(t, 1, r.g.Fired(name))
		})
	}
}

// A market order that the market does not take works until it is cancelled.
func TestHaltedInstrument(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, nil)
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultNeverFill})
		o := buy("10")
		o.Type, o.Limit = broker.Market, decimal.Decimal{}
		state, err := r.Place(soon(t), o)
		require.NoError(t, err)
		require.Equal(t, broker.StatusWorking, state.Status)
		require.NoError(t, r.Cancel(soon(t), account, o.ID))
		state = r.until(t, o.ID, func(s *broker.OrderState) bool { return s.Status.Terminal() })
		require.Equal(t, broker.StatusCancelled, state.Status)
		require.True(t, state.Filled().IsZero())
	})
}

// Contexts that end at any instant: every call ends, no order is sent twice, and
// what was not sent is told apart from what may have been.
func TestContextsThatEndAtAnyInstant(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, version int) {
		r := newRig(t, version, func(sim *gatewaysim.Config, _ *ibkr.Config) { sim.Limits.MessagesPerSecond = -1 })
		_, err := r.Resolve(soon(t), "AAPL")
		require.NoError(t, err)
		var mu sync.Mutex
		unsent := map[string]bool{}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 25 {
					ctx, cancel := context.WithTimeout(t.Context(), rand.N(40*time.Millisecond))
					switch rand.N(4) {
					case 0:
						_, _ = r.Snapshot(ctx, account)
					case 1:
						_, _ = r.Quotes(ctx, []broker.InstrumentID{"AAPL", "MSFT"})
					case 2:
						_, _ = r.WhatIf(ctx, bid("1"))
					default:
						o := bid("1")
						if _, err := r.Place(ctx, o); err != nil && !errors.Is(err, broker.ErrIndeterminate) {
							mu.Lock()
							unsent[string(o.ID)] = true
							mu.Unlock()
						}
					}
					cancel()
				}
			})
		}
		wg.Wait()
		refs := map[string]bool{}
		for _, o := range r.g.Exchange().Orders() {
			require.False(t, refs[o.Ref], "order %s is there twice", o.Ref)
			require.False(t, unsent[o.Ref], "order %s was said not to be sent", o.Ref)
			refs[o.Ref] = true
		}
		require.Empty(t, r.g.Ledger(gatewaysim.KindMalformed, gatewaysim.KindUnhandshaken))
	})
}

// An account with very many open orders, a gateway that chatters all the time,
// and bytes in small pieces.
func TestManyOrdersAndMuchChatter(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	t.Parallel()
	const orders = 2_000
	versions(t, func(t *testing.T, version int) {
		g := gateway(t, func(sim *gatewaysim.Config) { sim.ServerVersion, sim.LedgerSize = version, 1000 })
		for n := range orders {
			_, err := g.Exchange().PlaceForeign(gatewaysim.ForeignOrder{
				Account: string(account), Symbol: "MSFT", Action: "BUY", Quantity: dec("1"), Type: "LMT", Limit: dec("40"), Client: 99, Ref: fmt.Sprint("f", n),
			})
			require.NoError(t, err)
		}
		cfg := config(g)
		cfg.Timing.Answer = 20 * time.Second
		r := &rig{Broker: open(t, cfg), g: g}
		r.inject(t, gatewaysim.Fault{Name: gatewaysim.FaultSplitFrames, Count: 1400})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				for range 50 {
					g.Broadcast(2104, "Market data farm connection is OK:usfarm")
				}
				<-time.After(time.Millisecond)
			}
		})
		began := time.Now()
		snap, err := r.Snapshot(soon(t), account)
		require.NoError(t, err)
		require.Len(t, snap.Orders, orders)
		o := buy("10")
		_, err = r.Place(soon(t), o)
		require.NoError(t, err)
		_, ok := r.state(t, o.ID)
		require.True(t, ok)
		t.Logf("snapshot, order and look took %s", time.Since(began))
		cancel()
		wg.Wait()
	})
}
