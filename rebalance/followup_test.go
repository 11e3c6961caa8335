package rebalance_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestNoFollowUpStopsAFullLine: the account's line is full, and each event in it waits
// for the one that wants to add another. What waits rebalances as well.
func TestNoFollowUpStopsAFullLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{FollowUp: true})
		r.queue = memqueue.New(memqueue.Options{MaxPerAccount: 3})
		r.with(func(cfg *rebalance.Config) { cfg.Queue, cfg.Workers = r.queue, 1 })
		r.broker.Inject(fake.RejectOrder{N: 2})
		ids := []string{
			r.publish(queue.Event{}),
			r.publish(queue.Event{Payload: []byte(`{"reason":"two"}`)}),
			r.publish(queue.Event{Payload: []byte(`{"reason":"three"}`)}),
		}
		r.unattended(time.Hour)
		for _, id := range ids {
			require.Equal(t, queue.Done, r.entry(id).State, history(r.entry(id)))
		}
		require.Equal(t, "699", r.held("B"))
	})
}

// TestALongEventIDHasItsFollowUp: the follow-up's key is made of it, and has no more
// room than the ID had.
func TestALongEventIDHasItsFollowUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := partially(t, rebalance.Partial{FollowUp: true})
		r.broker.Inject(fake.RejectOrder{N: 2})
		id := r.publish(queue.Event{ID: strings.Repeat("x", 125)})
		r.unattended(time.Hour)
		require.Equal(t, queue.Done, r.entry(id).State, history(r.entry(id)))
		require.Equal(t, 1, r.followUps(id))
		require.Equal(t, "699", r.held("B"))
	})
}
