package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestAResultThatCannotBeReadIsForAHuman: the run of the event ended, by a newer
// release. Nothing is sent again, the record stays, and the event says where it is.
func TestAResultThatCannotBeReadIsForAHuman(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drops queue.Admin
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { drops = cfg.Queue.(queue.Admin) })
		id := r.publish(queue.Event{})
		begun, err := r.journal.Begin(t.Context(), journal.Claim{Account: account, Event: id, Command: "rebalance", Time: time.Now()})
		require.NoError(t, err)
		raw := []byte(`{"schema":99,"outcome":"completed"}`)
		require.NoError(t, r.journal.Finish(t.Context(), begun.Grant, journal.Outcome{Name: "completed", Time: time.Now(), Result: raw}))

		e := r.until(id, queue.Held)
		last := e.History[len(e.History)-1]
		require.Contains(t, last.Detail, "unreadable_result")
		require.Contains(t, last.Detail, id+"/1 ended as completed")
		require.Contains(t, last.Detail, "update this worker")
		require.Zero(t, r.sent())
		run, err := r.journal.Run(t.Context(), begun.Run.ID)
		require.NoError(t, err)
		require.JSONEq(t, string(raw), string(run.Outcome.Result), "the record is what it was")

		_, err = drops.Operator(t.Context(), queue.Action{Verb: queue.Release, ID: id, Operator: "ann", Reason: "try", Token: "t1"})
		require.NoError(t, err)
		require.Equal(t, queue.Held, r.until(id, queue.Held).State, "it can be looked at again")
		require.Equal(t, rebalance.Completed, r.run("other").Outcome, "the account goes on")
	})
}
