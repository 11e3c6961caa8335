package rebalance_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// diedAtWork is a rig whose process died right after it placed its sale, which fills
// in part and works on.
func diedAtWork(t *testing.T) *rig {
	t.Helper()
	k := &killer{n: pointNamed(t, "after broker place")}
	r := killedRig(t, k, nil)
	r.broker.Inject(fake.PartialThenStop{N: 1, Quantity: num("100")})
	_, died := r.runKilled("e1")
	require.Equal(t, "after broker place", died)
	k.n = 0
	r.restart()
	require.Equal(t, 1, r.atWork())
	return r
}

// putDownAtWork is a rig that a deploy stopped while the sale of an event worked.
func putDownAtWork(t *testing.T, event queue.Event) (r *rig, id string) {
	t.Helper()
	r = newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Workers, cfg.Timing.Drain = 1, time.Second })
	r.broker.Inject(fake.PartialThenStop{N: 1, Quantity: num("100")})
	id = r.publish(event)
	r.unattended(5 * time.Second)
	require.Equal(t, 1, r.atWork())
	return r, id
}

// shut is a broker whose calendar has no session any more.
type shut struct{ *fake.Broker }

func (shut) Sessions(_ context.Context, _, _ time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	none := make(map[broker.InstrumentID][]broker.Session, len(ids))
	for _, id := range ids {
		none[id] = nil
	}
	return none, nil
}

// TestAnOrderAtWorkKeepsItsDeadline: the next process has not what it needs to trade,
// and still ends the order that the last one left, which may work for two minutes.
func TestAnOrderAtWorkKeepsItsDeadline(t *testing.T) {
	for name, change := range map[string]func(*rig, *rebalance.Config){
		"prices are down": func(r *rig, cfg *rebalance.Config) {
			cfg.Prices = pricesAfter{r.broker, func() error { return errors.New("down") }}
		},
		"no price is good enough": func(_ *rig, cfg *rebalance.Config) {
			p := *cfg.Accounts[0].Policy
			p.TradableTiers = []marketdata.Tier{marketdata.TierFrozen}
			cfg.Accounts[0].Policy = &p
		},
		"instruments cannot be looked up": func(r *rig, _ *rebalance.Config) {
			r.broker.Inject(fake.Always(fake.FailCall{Method: fake.MethodResolve}))
		},
		"the market is closed": func(r *rig, cfg *rebalance.Config) { cfg.Broker = shut{r.broker} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, id := putDownAtWork(t, queue.Event{})
				r.with(func(cfg *rebalance.Config) { change(r, cfg) })
				r.unattended(3 * time.Minute)
				require.Zero(t, r.atWork(), history(r.entry(id)))
				require.Equal(t, 1, r.sent())
			})
		})
	}
}

// TestNoBreakerStandsBeforeAnOrderAtWork: it is resolved by whatever comes next, an
// operator's command or the event of its run.
func TestNoBreakerStandsBeforeAnOrderAtWork(t *testing.T) {
	for _, c := range []struct {
		command rebalance.Command
		event   string
		outcome rebalance.Outcome
		atWork  int
	}{
		{rebalance.CommandCancelOrders, "c1", rebalance.Completed, 0},
		{rebalance.CommandReconcile, "c1", rebalance.Completed, 1}, // it cancels nothing
		{rebalance.CommandRebalance, "e1", rebalance.Deferred, 0},
	} {
		t.Run(string(c.command), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := diedAtWork(t)
				require.NoError(t, r.ForceBreaker(rebalance.BreakerBroker, retry.ForceOpen))
				res := r.do(rebalance.Request{Account: account, Command: c.command, Event: c.event})
				require.Equal(t, c.outcome, res.Outcome, "%s: %s", res.Reason, res.Detail)
				require.Equal(t, c.atWork, r.atWork())
				require.Len(t, r.standing().Open, c.atWork)
			})
		})
	}
}

// TestNoBreakerStandsBeforeAnUnblock: who looks at a blocked account is not sent away.
func TestNoBreakerStandsBeforeAnUnblock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		require.NoError(t, r.journal.Block(t.Context(), journal.Block{Account: account, Reason: "drill", Time: time.Now()}))
		require.NoError(t, r.ForceBreaker(rebalance.BreakerBroker, retry.ForceOpen))
		r.unblocked()
		require.Nil(t, r.standing().Block)
	})
}

// TestAKillEndsWhatADeadProcessLeftAtWork: the kill switch stops sends, and is no
// reason to leave an order alone.
func TestAKillEndsWhatADeadProcessLeftAtWork(t *testing.T) {
	for _, c := range []struct {
		request rebalance.Request
		outcome rebalance.Outcome
	}{
		{rebalance.Request{Account: account, Event: "e1"}, rebalance.Cancelled},
		{rebalance.Request{Account: account, Event: "e2"}, rebalance.Cancelled},
		{rebalance.Request{Account: account, Event: "c1", Command: rebalance.CommandCancelOrders}, rebalance.Completed},
	} {
		t.Run(c.request.Event, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := diedAtWork(t)
				require.NoError(t, r.Kill(t.Context(), account, "ann", "stop"))
				res := r.do(c.request)
				require.Equal(t, c.outcome, res.Outcome, res.Detail)
				require.Zero(t, r.atWork())
				require.Equal(t, 1, r.sent())
			})
		})
	}
}

// TestAKillBetweenTwoProcessesEndsWhatWorks: nobody runs when the switch is thrown. The
// next process resolves the order before it holds the event.
func TestAKillBetweenTwoProcessesEndsWhatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, id := putDownAtWork(t, queue.Event{})
		require.NoError(t, r.Kill(t.Context(), account, "ann", "stop everything"))
		r.restart()
		r.until(id, queue.Held)
		require.Zero(t, r.atWork(), history(r.entry(id)))
	})
}

// TestABlockedAccountHasNoOrderAtWork: the account was blocked while the order of a
// dead process worked.
func TestABlockedAccountHasNoOrderAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := diedAtWork(t)
		require.NoError(t, r.journal.Block(t.Context(), journal.Block{Account: account, Reason: "drill", Time: time.Now()}))
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
		require.Zero(t, r.atWork())
	})
}

// TestAHalfDoneEventIsNotThrownAway: after the deploy the event is not what the new
// configuration allows. As long as its order is not settled it is no dead letter.
func TestAHalfDoneEventIsNotThrownAway(t *testing.T) {
	event := queue.Event{Payload: []byte(`{"policy":{"exclude":["D"]}}`)}
	t.Run("its account left the configuration", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, id := putDownAtWork(t, event)
			r.with(func(cfg *rebalance.Config) { cfg.Accounts[0].ID = "U9" })
			r.unattended(time.Hour)
			require.Equal(t, queue.Delayed, r.entry(id).State, history(r.entry(id)))
			require.Len(t, r.standing().Open, 1)
			r.with(func(cfg *rebalance.Config) { cfg.Accounts[0].ID = account })
			r.until(id, queue.Done)
			require.Empty(t, r.standing().Open)
		})
	})
	t.Run("its policy contradicts that of the account", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, id := putDownAtWork(t, event)
			r.with(func(cfg *rebalance.Config) {
				p := *cfg.Accounts[0].Policy
				p.Substitutes = []rebalance.Substitute{{From: "C", To: "D"}}
				cfg.Accounts[0].Policy = &p
			})
			r.until(id, queue.Dead)
			require.Empty(t, r.standing().Open)
			require.Zero(t, r.atWork())
		})
	})
}
