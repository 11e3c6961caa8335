package rebalance_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// noNews is a broker whose news cannot be had: each wait for them fails at once.
type noNews struct{ broker.Broker }

func (noNews) Await(context.Context, broker.AccountID, broker.Cursor) ([]broker.OrderState, broker.Cursor, error) {
	return nil, broker.Cursor{}, &broker.Error{Op: "await", Kind: broker.KindTransient, Err: errors.New("503")}
}
func (n noNews) Unwrap() broker.Broker { return n.Broker }

// slowToWrite is a broker before whose first order the process stands still.
type slowToWrite struct {
	broker.Broker
	by   time.Duration
	once *atomic.Bool
}

func (p slowToWrite) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	if p.once.CompareAndSwap(false, true) {
		time.Sleep(p.by)
	}
	return p.Broker.Place(context.WithoutCancel(ctx), o) // nothing but SendBefore stops it
}
func (p slowToWrite) Unwrap() broker.Broker { return p.Broker }

func TestAnOrderOfAProcessThatStandsStillIsNotSentTwice(t *testing.T) {
	for _, by := range []time.Duration{3 * time.Second, 9 * time.Second, 12 * time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				first := r.cfg
				first.Broker = slowToWrite{r.broker, by, new(atomic.Bool)}
				slow, err := rebalance.New(first)
				require.NoError(t, err)
				done := make(chan error, 1)
				go func() {
					_, err := slow.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
					done <- err
				}()
				time.Sleep(time.Second) // its order is journaled, not written
				r.with(func(cfg *rebalance.Config) { cfg.Broker = noNews{r.broker} })
				res := r.run("e1")
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				require.Error(t, <-done)
				sales := 0
				for _, o := range r.broker.Ledger().Orders {
					if o.Sent.Side == broker.Sell {
						sales++
					}
				}
				require.Equal(t, 1, sales)
				require.Equal(t, "600", r.held("A"))
			})
		})
	}
}

func TestTheKillSwitchIsHeededWhileNewsKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Partial{Lots: 5, Every: 3 * time.Second} })
		go func() {
			time.Sleep(5 * time.Second)
			_ = r.Kill(t.Context(), account, "ann", "drill")
		}()
		began := time.Now()
		res := r.run("e1")
		require.Equal(t, rebalance.Cancelled, res.Outcome, res.Detail)
		require.LessOrEqual(t, r.broker.Ledger().Cancels[0].Time.Sub(began), 13*time.Second)
	})
}

func TestAClockThatIsPutBackMakesNoWaitLonger(t *testing.T) {
	t.Run("for orders", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
				cfg.Now = func() time.Time {
					if time.Since(began) > 10*time.Second {
						return time.Now().Add(-time.Hour)
					}
					return time.Now()
				}
				sim.Fill = fake.Delayed{By: 10 * time.Hour}
			})
			r.run("e1")
			require.Less(t, time.Since(began), 10*time.Minute, "orders work for 2 min")
		})
	})
	t.Run("for positions", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			off := 3 * time.Hour
			r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
				cfg.Now = func() time.Time { return time.Now().Add(off) }
				sim.Fill = fake.Delayed{By: 100 * time.Second}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := r.Rebalance(ctx, rebalance.Request{Account: account, Event: "e1"})
			require.Error(t, err, "the process dies after its sale")
			time.Sleep(75 * time.Second)
			res := r.do(rebalance.Request{Account: account, Command: rebalance.CommandReconcile})
			require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
			off = 0 // the clock is put right
			require.NoError(t, r.broker.TradeByHand(account, "A", broker.Buy, num("1")))
			began := time.Now()
			res = r.run("e2")
			require.Less(t, time.Since(began), 10*time.Minute)
			require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		})
	})
}

// TestAClockThatJumpsAnywhereSellsOnce: the clock of the process is wrong from one point
// of a run on, and is put right before the last run.
func TestAClockThatJumpsAnywhereSellsOnce(t *testing.T) {
	for _, jump := range []time.Duration{-5 * time.Hour, 5 * time.Hour, 13 * time.Hour, -40 * 24 * time.Hour, 40 * 24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			everyPoint(t, func(t *testing.T, n int, _ string) {
				time.Sleep(100 * 24 * time.Hour) // there is a time before
				var off atomic.Int64
				k := &killer{n: n, do: func(string) error { off.Store(int64(jump)); return nil }}
				r := killedRig(t, k, inParts)
				r.with(func(cfg *rebalance.Config) {
					cfg.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
				})
				r.broker.Inject(fake.LoseAck{N: 1})
				for range 5 { // whatever comes of it
					_, _ = r.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
					time.Sleep(2 * time.Minute)
				}
				require.NotZero(t, off.Load())
				off.Store(0)
				res := r.run("e1")
				require.True(t, res.Outcome.Ended(), "%s %s %s", res.Outcome, res.Reason, res.Detail)
				require.LessOrEqual(t, r.sent(), 3)
				require.Contains(t, []string{"600", "1000"}, r.held("A"), "sold once or not at all")
			})
		})
	}
}

// hungPrices and hungSnapshots answer only when they are told to stop.
type hungPrices struct{ marketdata.PriceSource }

func (hungPrices) Quotes(ctx context.Context, _ []broker.InstrumentID) (marketdata.Quotes, error) {
	<-ctx.Done()
	return marketdata.Quotes{}, ctx.Err()
}

type hungSnapshots struct{ broker.Broker }

func (hungSnapshots) Snapshot(ctx context.Context, _ broker.AccountID) (broker.Snapshot, error) {
	<-ctx.Done()
	return broker.Snapshot{}, ctx.Err()
}
func (h hungSnapshots) Unwrap() broker.Broker { return h.Broker }

type hungProofs struct{ broker.Broker }

func (hungProofs) ProveAbsent(ctx context.Context, _ broker.AccountID, _ broker.OrderID) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}
func (h hungProofs) Unwrap() broker.Broker { return h.Broker }

func TestASourceThatHangsFailsTheRun(t *testing.T) {
	for name, hang := range map[string]func(*rig, *rebalance.Config){
		"prices":   func(r *rig, cfg *rebalance.Config) { cfg.Prices = hungPrices{r.broker} },
		"snapshot": func(r *rig, cfg *rebalance.Config) { cfg.Broker = hungSnapshots{r.broker} },
		"proof": func(r *rig, cfg *rebalance.Config) {
			cfg.Broker = hungProofs{r.broker}
			r.broker.Inject(fake.LoseOrder{N: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				r.with(func(cfg *rebalance.Config) { hang(r, cfg) })
				began := time.Now()
				res := r.run("e1")
				require.Equal(t, rebalance.Failed, res.Outcome, res.Detail)
				require.Less(t, time.Since(began), 5*time.Minute)
			})
		})
	}
}

// newDeafRig is a rig whose queue extends no lease, and whose orders take a while.
func newDeafRig(t *testing.T, lease, fill time.Duration) *rig {
	t.Helper()
	r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Delayed{By: fill} })
	deaf := new(atomic.Bool)
	deaf.Store(true)
	r.queue = memqueue.New(memqueue.Options{Lease: lease})
	r.with(func(cfg *rebalance.Config) { cfg.Queue = deafQueue{r.queue, deaf} })
	return r
}
