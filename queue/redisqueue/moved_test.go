package redisqueue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// TestOldSettlement: a settlement that is repeated after the next delivery was
// settled is still known.
func TestOldSettlement(t *testing.T) {
	q := open(t, client(t, redistest.Mini(t).Addr()), redisqueue.Options{})
	publish(t, q, queue.Event{Account: "A", Command: "c"})
	verdicts := []queue.Verdict{}
	leases := []queue.Lease{}
	for i := range 12 {
		v := queue.Verdict{Verb: queue.VerbRetry, Note: queue.Note{Cause: fmt.Sprint(i)}}
		if i == 11 {
			v.Verb = queue.VerbAck
		}
		d := next(t, q)
		require.NoError(t, d.Settle(t.Context(), v))
		verdicts, leases = append(verdicts, v), append(leases, d.Lease())
	}
	for i, lease := range leases {
		if i < 3 { // nine are known
			require.ErrorIs(t, q.Settle(t.Context(), lease, verdicts[i]), queue.ErrLeaseLost, i)
			continue
		}
		require.NoError(t, q.Settle(t.Context(), lease, verdicts[i]), i)
		other := queue.Verdict{Verb: queue.VerbHold}
		require.ErrorIs(t, q.Settle(t.Context(), lease, other), queue.ErrSettled, i)
		require.ErrorContains(t, q.Settle(t.Context(), lease, other), string(verdicts[i].Verb))
	}
	require.ErrorIs(t, q.Settle(t.Context(), queue.Lease{Account: "A", Event: leases[0].Event, Token: ""}, verdicts[0]), queue.ErrLeaseLost)
}

// TestAnotherServerAnswers: what throws an event away is refused by a server that
// did not grant its lease, because it may lack the result. The event is delivered
// again, and a settlement that arrived before is still known.
func TestAnotherServerAnswers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	q := open(t, client(t, server.Addr), redisqueue.Options{})
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	verdicts := map[string]queue.Verdict{
		"acked": {Verb: queue.VerbAck}, "ack": {Verb: queue.VerbAck}, "dead": {Verb: queue.VerbDead},
		"retry": {Verb: queue.VerbRetry, After: time.Hour}, "defer": {Verb: queue.VerbDefer, Until: later}, "hold": {Verb: queue.VerbHold},
	}
	leases := map[string]queue.Lease{}
	for account := range verdicts {
		publish(t, q, queue.Event{Account: account, Command: "c"})
		leases[account] = next(t, q).Lease()
	}
	require.NoError(t, q.Settle(ctx, leases["acked"], verdicts["acked"]))

	server.Restart()
	for _, account := range []string{"acked", "retry", "defer", "hold"} {
		require.NoError(t, q.Settle(ctx, leases[account], verdicts[account]), account)
	}
	for _, account := range []string{"ack", "dead"} {
		longer, err := q.Extend(ctx, leases[account])
		require.NoError(t, err, "only the end is refused")
		err = q.Settle(ctx, longer, verdicts[account])
		require.ErrorIs(t, err, queue.ErrLeaseLost)
		require.ErrorContains(t, err, "run_id")
		require.ErrorIs(t, q.Settle(ctx, longer, verdicts[account]), queue.ErrLeaseLost, "and again")
	}
	for range 2 {
		d := next(t, q)
		require.Contains(t, []string{"ack", "dead"}, d.Event.Account)
		require.Equal(t, []any{1, 0}, []any{d.Attempt, d.Crashes}, "it is not the event's fault")
		require.Greater(t, d.Fence, leases[d.Event.Account].Fence)
		require.NoError(t, d.Settle(ctx, verdicts[d.Event.Account]))
	}
	faults, err := q.Audit(ctx)
	require.NoError(t, err)
	require.Empty(t, faults)
}
