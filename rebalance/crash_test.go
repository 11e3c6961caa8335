package rebalance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// crash is what a killed process panics with.
type crash struct{ at string }

// killer kills the process at one point of its calls of journal and broker.
type killer struct {
	n  int // the point; 0 is never
	at int
	// names has the points in order, when nothing is killed.
	names []string
}

// point is right before or right after a call.
func (k *killer) point(name string) {
	k.at++
	k.names = append(k.names, name)
	if k.at == k.n {
		panic(crash{name})
	}
}

// killedJournal has a point around each write.
type killedJournal struct {
	journal.Journal
	k *killer
}

func (j killedJournal) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	j.k.point("before journal begin")
	defer j.k.point("after journal begin")
	return j.Journal.Begin(ctx, c)
}

func (j killedJournal) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	j.k.point("before journal checkpoint " + s.Name)
	defer j.k.point("after journal checkpoint " + s.Name)
	return j.Journal.Checkpoint(ctx, g, s)
}

func (j killedJournal) Intend(ctx context.Context, g journal.Grant, intents ...journal.Intent) error {
	name := string(intents[0].Order.Side) + " " + string(intents[0].Order.Instrument)
	j.k.point("before journal intend " + name)
	defer j.k.point("after journal intend " + name)
	return j.Journal.Intend(ctx, g, intents...)
}

func (j killedJournal) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	j.k.point("before journal settle")
	defer j.k.point("after journal settle")
	return j.Journal.Settle(ctx, g, s...)
}

func (j killedJournal) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	j.k.point("before journal finish")
	defer j.k.point("after journal finish")
	return j.Journal.Finish(ctx, g, o)
}

// killedRig is a rig whose process can be killed at one point.
func killedRig(t *testing.T, k *killer, change func(*fake.Config)) *rig {
	r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
		cfg.Journal = killedJournal{cfg.Journal, k}
		sim.OnCall = func(c fake.Call) error {
			if c.After {
				k.point("after broker " + c.Method)
			} else {
				k.point("before broker " + c.Method)
			}
			return nil
		}
		if change != nil {
			change(sim)
		}
	})
	return r
}

// runKilled runs an event; it reports where the process was killed, if it was.
func (r *rig) runKilled(event string) (result *rebalance.Result, died string) {
	r.t.Helper()
	defer func() {
		switch v := recover().(type) {
		case nil:
		case crash:
			died = v.at
		default:
			panic(v)
		}
	}()
	result, err := r.Rebalance(r.t.Context(), rebalance.Request{Account: account, Event: event})
	require.NoError(r.t, err)
	return result, ""
}

// TestCrashAtEveryPoint kills a run right before and right after each write of
// the journal and each call of the broker, restarts it, and compares what the
// account holds in the end with an undisturbed run.
func TestCrashAtEveryPoint(t *testing.T) {
	for _, world := range []struct {
		name   string
		change func(*fake.Config)
	}{
		{"fills at once", nil},
		{"fills in parts", func(sim *fake.Config) { sim.Fill = fake.Partial{Lots: 150, Every: 5_100_000_000} }}, // never at the instant of another wait
		{"a position is sold to its last unit", func(sim *fake.Config) { sim.Accounts[0].Positions["C"] = num("2000") }},
	} {
		t.Run(world.name, func(t *testing.T) {
			calm := undisturbed(t, world.change)
			require.Greater(t, len(calm.points), 40)
			for n, name := range calm.points {
				t.Run(fmt.Sprintf("%03d %s", n+1, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { crashAt(t, n+1, name, world.change, calm.end) })
				})
			}
		})
	}
}

// calmRun is a run that nobody kills: its points, and what the account has then.
type calmRun struct {
	points []string
	end    string
}

func undisturbed(t *testing.T, change func(*fake.Config)) (calm calmRun) {
	synctest.Test(t, func(t *testing.T) {
		k := &killer{}
		r := killedRig(t, k, change)
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		calm = calmRun{k.names, r.end()}
	})
	return calm
}

// end is what the account has, and how many orders that took.
func (r *rig) end() string {
	return fmt.Sprintf("A %s, B %s, C %s, cash %s, orders %d", r.held("A"), r.held("B"), r.held("C"), r.cash(), r.sent())
}

func crashAt(t *testing.T, n int, name string, change func(*fake.Config), end string) {
	k := &killer{n: n}
	r := killedRig(t, k, change)
	_, died := r.runKilled("e1")
	require.Equal(t, name, died)
	k.n = 0
	r.restart()
	result, died := r.runKilled("e1")
	require.Empty(t, died)

	require.Equal(t, rebalance.Completed, result.Outcome, result.Detail)
	require.Equal(t, end, r.end())
	for _, o := range r.broker.Ledger().Orders {
		require.Zero(t, o.Duplicates)
	}
	standing, err := r.journal.Account(t.Context(), account)
	require.NoError(t, err)
	require.Empty(t, standing.Open)
	require.Empty(t, standing.Unfinished)
	again := r.run("e1")
	require.Equal(t, result.PlanHash, again.PlanHash, "one result")
}
