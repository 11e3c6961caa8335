package rebalance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// everyPoint runs a story for each point of an undisturbed run whose orders fill in
// parts.
func everyPoint(t *testing.T, story func(t *testing.T, n int, name string)) {
	t.Helper()
	for n, name := range undisturbed(t, inParts).points {
		t.Run(fmt.Sprintf("%03d %s", n+1, name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { story(t, n+1, name) })
		})
	}
}

// requireRebalanced says that the account is at its targets, and that no order was
// taken twice.
func (r *rig) requireRebalanced() {
	r.t.Helper()
	require.Equal(r.t, "600", r.held("A"))
	require.Equal(r.t, "699", r.held("B"))
	r.requireNoOrderTwice()
}

// TestOneFailureAnywhereChangesNoEnd: one call of the journal or the broker answers an
// error, before it did anything or after.
func TestOneFailureAnywhereChangesNoEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		proof bool // of Place it says that the order was not sent
	}{
		{"of no kind", errors.New("hiccup"), false},
		{"session", broker.ErrSession, true},
		{"transient", &broker.Error{Op: "call", Kind: broker.KindTransient, Err: errors.New("503")}, true},
		{"indeterminate", broker.ErrIndeterminate, false},
		{"deadline", context.DeadlineExceeded, false},
		{"canceled", context.Canceled, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			everyPoint(t, func(t *testing.T, n int, name string) {
				if c.proof && name == "after broker place" {
					return // it would be a lie
				}
				failed := false
				k := &killer{n: n, do: func(string) error { failed = true; return c.err }}
				r := killedRig(t, k, inParts)
				var res *rebalance.Result
				for range 8 {
					var err error
					res, err = r.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
					if err == nil && res.Outcome.Ended() {
						break
					}
					time.Sleep(61 * time.Second)
				}
				require.True(t, failed)
				require.NotNil(t, res)
				require.Equal(t, rebalance.Completed, res.Outcome, "%s %s", res.Reason, res.Detail)
				r.requireRebalanced()
			})
		})
	}
}

// TestAKillAnywhereStopsTheSends: after it at most the order that was just being
// written is sent, none of ours works, and the run goes on when it may.
func TestAKillAnywhereStopsTheSends(t *testing.T) {
	everyPoint(t, func(t *testing.T, n int, name string) {
		allowed := -1
		var r *rig
		k := &killer{n: n, do: func(string) error {
			allowed = r.sent()
			return r.Kill(context.WithoutCancel(t.Context()), account, "ann", "drill")
		}}
		r = killedRig(t, k, inParts)
		r.run("e1")
		require.GreaterOrEqual(t, allowed, 0, "killed")
		if strings.HasPrefix(name, "after journal intend") || name == "before broker place" {
			allowed++
		}
		require.LessOrEqual(t, r.sent(), allowed, "sent after the kill")
		require.Zero(t, r.atWork(), "works after the kill")

		require.NoError(t, r.Resume(t.Context(), account, "ann", "over"))
		time.Sleep(2 * time.Minute)
		res := r.persist("e1", 4)
		require.True(t, res.Outcome.Ended(), "%s %s %s", res.Outcome, res.Reason, res.Detail)
		require.NotEqual(t, rebalance.Rejected, res.Outcome, res.Detail)
		for _, o := range res.Orders {
			require.NotEqual(t, journal.Unknown, o.Outcome)
		}
	})
}

// TestAPauseAnywhereIsSurvived: a process stands still for longer than its lease, and
// wakes up beside another one that took its event over.
func TestAPauseAnywhereIsSurvived(t *testing.T) {
	everyPoint(t, func(t *testing.T, n int, _ string) {
		deaf := new(atomic.Bool)
		k := &killer{n: n, do: func(string) error {
			deaf.Store(true) // nor does it extend its lease
			time.Sleep(100 * time.Second)
			return nil
		}}
		r := killedRig(t, k, inParts)
		r.queue = memqueue.New(memqueue.Options{MaxCrashes: 50})
		r.with(func(cfg *rebalance.Config) { cfg.Queue, cfg.Workers = r.queue, 1 })
		second := r.Engine
		r.with(func(cfg *rebalance.Config) { cfg.Queue = deafQueue{r.queue, deaf} })
		id := r.publish(queue.Event{})
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 2)
		go func() { stopped <- r.Run(ctx) }()
		time.Sleep(time.Millisecond)
		go func() { stopped <- second.Run(ctx) }()
		for end := time.Now().Add(time.Hour); time.Now().Before(end) && r.entry(id).State != queue.Done; {
			time.Sleep(time.Second)
		}
		time.Sleep(3 * time.Minute) // whoever is late may still do harm
		cancel()
		require.NoError(t, <-stopped)
		require.NoError(t, <-stopped)
		require.True(t, deaf.Load())
		require.Equal(t, queue.Done, r.entry(id).State, history(r.entry(id)))
		r.requireRebalanced()
	})
}

// TestTwoEnginesOfOneAccount: a second process handles another event of the account in
// the middle of a run, with no queue between them.
func TestTwoEnginesOfOneAccount(t *testing.T) {
	everyPoint(t, func(t *testing.T, n int, _ string) {
		var second *rebalance.Engine
		both := false
		k := &killer{n: n, do: func(string) error {
			both = true
			_, err := second.Rebalance(context.WithoutCancel(t.Context()), rebalance.Request{Account: account, Event: "e2"})
			require.NoError(t, err)
			return nil
		}}
		r := killedRig(t, k, inParts)
		second = r.Engine
		r.restart()
		_, err := r.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
		if err != nil {
			require.ErrorIs(t, err, journal.ErrFenced)
		}
		require.True(t, both)
		time.Sleep(2 * time.Minute)
		for _, event := range []string{"e1", "e2"} {
			res := r.persist(event, 6)
			require.True(t, res.Outcome.Ended(), "%s %s %s", res.Outcome, res.Reason, res.Detail)
		}
		res := r.run("e3")
		require.Equal(t, rebalance.NoTrade, res.Outcome, "%s %s", res.Reason, res.Detail)
		r.requireRebalanced()
	})
}
