package rebalance_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// crash is what a killed process panics with.
type crash struct{ at string }

// killer kills the process at one point of its calls of journal and broker, or does
// something else there. Engines may share it.
type killer struct {
	n int // the point; 0 is never
	// do is what happens there instead; its error is what the call answers.
	do func(name string) error

	mu sync.Mutex
	at int
	// names has the points in order, as far as the run came.
	names []string
	quiet bool // what happens at the point has none of its own
}

// point is right before or right after a call.
func (k *killer) point(name string) error {
	if !k.reached(name) {
		return nil
	}
	if k.do == nil {
		panic(crash{name})
	}
	k.hush(true)
	defer k.hush(false)
	return k.do(name)
}

// reached counts a point, and reports whether it is the one.
func (k *killer) reached(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.quiet {
		return false
	}
	k.at++
	k.names = append(k.names, name)
	return k.at == k.n
}

func (k *killer) hush(quiet bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.quiet = quiet
}

// around has a point before and after a call.
func around[T any](k *killer, name string, call func() (T, error)) (T, error) {
	var none T
	if err := k.point("before " + name); err != nil {
		return none, err
	}
	v, err := call()
	if e := k.point("after " + name); e != nil {
		return none, e
	}
	return v, err
}

// aroundWrite is the same for a call that answers nothing.
func aroundWrite(k *killer, name string, call func() error) error {
	_, err := around(k, name, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// killedJournal has a point around each write, and around the look at an account.
type killedJournal struct {
	journal.Journal
	k *killer
}

func (j killedJournal) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	return around(j.k, "journal begin", func() (journal.Begun, error) { return j.Journal.Begin(ctx, c) })
}

func (j killedJournal) Account(ctx context.Context, id broker.AccountID) (journal.Standing, error) {
	return around(j.k, "journal account", func() (journal.Standing, error) { return j.Journal.Account(ctx, id) })
}

func (j killedJournal) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	return aroundWrite(j.k, "journal checkpoint "+s.Name, func() error { return j.Journal.Checkpoint(ctx, g, s) })
}

func (j killedJournal) Intend(ctx context.Context, g journal.Grant, intents ...journal.Intent) error {
	name := "journal intend " + string(intents[0].Order.Side) + " " + string(intents[0].Order.Instrument)
	return aroundWrite(j.k, name, func() error { return j.Journal.Intend(ctx, g, intents...) })
}

func (j killedJournal) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	return aroundWrite(j.k, "journal settle", func() error { return j.Journal.Settle(ctx, g, s...) })
}

func (j killedJournal) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	return aroundWrite(j.k, "journal finish", func() error { return j.Journal.Finish(ctx, g, o) })
}

// killedRig is a rig whose process can be killed at one point.
func killedRig(t *testing.T, k *killer, change func(*fake.Config)) *rig {
	t.Helper()
	return newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
		cfg.Journal = killedJournal{cfg.Journal, k}
		sim.OnCall = func(c fake.Call) error {
			if c.After {
				return k.point("after broker " + c.Method)
			}
			return k.point("before broker " + c.Method)
		}
		if change != nil {
			change(sim)
		}
	})
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

// pointNamed is the number of the first point with a name.
func pointNamed(t *testing.T, name string) int {
	t.Helper()
	k := &killer{}
	r := killedRig(t, k, nil)
	r.run("e1")
	for i, p := range k.names {
		if p == name {
			return i + 1
		}
	}
	t.Fatalf("no point %q", name)
	return 0
}
