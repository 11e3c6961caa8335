package redisimport_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/queue/redisimport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// old is the old system's database.
type old struct {
	t *testing.T
	redis.UniversalClient
}

// systems runs a test on a server inside the process and on a real one.
func systems(t *testing.T, test func(*testing.T, *old)) {
	t.Helper()
	connect := func(t *testing.T, address string) *old {
		client := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{Addrs: []string{address}}))
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		return &old{t, client}
	}
	t.Run("in process", func(t *testing.T) { test(t, connect(t, redistest.Mini(t).Addr())) })
	t.Run("redis-server", func(t *testing.T) {
		test(t, connect(t, redistest.Start(t, redistest.Options{}).Addr))
	})
}

// event is an event as the old system writes it.
func event(id, account, exec string) string {
	return fmt.Sprintf(`{"event_id": %q, "account_id": %q, "exec": %q, "status": "pending", "received_at": "2025-08-01T09:30:00.123",`+
		` "times_queued": 1, "created_at": "2025-08-01T09:30:00.123", "data": {}}`, id, account, exec)
}

// queued puts an event where new ones are put.
func (o *old) queued(text string) {
	require.NoError(o.t, o.LPush(o.t.Context(), "rebalance_queue", text).Err())
}

func (o *old) sorted(key, text string, at float64) {
	require.NoError(o.t, o.ZAdd(o.t.Context(), key, redis.Z{Score: at, Member: text}).Err())
}

func (o *old) active(member string) {
	require.NoError(o.t, o.SAdd(o.t.Context(), "active_events_set", member).Err())
}

// filled has an event of each kind.
func (o *old) filled() {
	o.queued(event("e1", "U1", "rebalance"))
	o.queued(event("e2", "U2", "print-rebalance"))
	o.active("U1:rebalance")
	o.active("U2:print-rebalance")
	o.sorted("rebalance_retry_set", strings.Replace(event("e3", "U3", "rebalance"), `"times_queued": 1`, `"times_queued": 4`, 1), 1_754_000_000)
	o.sorted("delayed_execution_set", strings.Replace(event("e4", "U4", "cancel-orders"), `"data": {}`, `"delayed_until": "x", "strategy": "core"`, 1), 4_000_000_000)
	o.active("U9:rebalance") // its worker died
}

// entries are the events of the new queue, in order.
func entries(t *testing.T, q queue.Admin) (all []queue.Event) {
	t.Helper()
	for _, state := range []queue.State{queue.Queued, queue.Delayed} {
		for e, err := range q.Entries(t.Context(), state) {
			require.NoError(t, err)
			all = append(all, e.Event)
		}
	}
	return all
}

func TestReadingChangesNothing(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.filled()
		before := o.Keys(t.Context(), "*").Val()
		r, err := redisimport.Read(t.Context(), o, nil)
		require.NoError(t, err)
		require.Equal(t, 4, r.Count(redisimport.Planned))
		require.Equal(t, 1, r.Count(redisimport.Lost))
		var table strings.Builder
		require.NoError(t, r.Table(&table))
		require.Contains(t, table.String(), "left out: strategy")
		after := o.Keys(t.Context(), "*").Val()
		slices.Sort(before)
		slices.Sort(after)
		require.Equal(t, before, after)
	})
}

func TestEveryEventIsImportedOnceInItsOrder(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.filled()
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), o, q, nil)
		require.NoError(t, err)
		require.Equal(t, 4, r.Count(redisimport.Published))
		got := entries(t, q)
		require.Len(t, got, 4)
		var order []string
		for _, e := range got {
			order = append(order, e.Account+" "+e.Command)
		}
		require.Equal(t, []string{"U1 rebalance", "U2 preview", "U3 rebalance", "U4 cancel_orders"}, order)
		require.Equal(t, time.Unix(4_000_000_000, 0).UTC(), got[3].NotBefore.UTC())
		require.Equal(t, 4, r.Rows[2].TimesQueued)

		for _, to := range []*memqueue.Queue{q, memqueue.New(memqueue.Options{})} { // also one that forgot the keys
			r, err = redisimport.Import(t.Context(), o, to, nil)
			require.NoError(t, err)
			require.Equal(t, 4, r.Count(redisimport.Earlier))
		}
		require.Len(t, entries(t, q), 4)
		require.EqualValues(t, 2, o.LLen(t.Context(), "rebalance_queue").Val(), "the old keys are only read")
	})
}

// failing refuses to publish after some events, once it took them.
type failing struct {
	queue.EventQueue
	left int
}

func (f *failing) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	r, err := f.EventQueue.Publish(ctx, e)
	if f.left--; f.left < 0 {
		return queue.Receipt{}, errors.New("no answer")
	}
	return r, err
}

func TestAnImportThatFailedHalfWayGoesOn(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.filled()
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), o, &failing{q, 2}, nil)
		require.ErrorContains(t, err, `account U3: publish event "e3": no answer`)
		require.Equal(t, 2, r.Count(redisimport.Published))
		r, err = redisimport.Import(t.Context(), o, q, nil)
		require.NoError(t, err)
		require.Equal(t, 3, r.Count(redisimport.Earlier))
		require.Equal(t, 1, r.Count(redisimport.Published))
		require.Len(t, entries(t, q), 4)
	})
}

func TestLostEventsArePublishedOnRequest(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.filled()
		q := memqueue.New(memqueue.Options{})
		_, err := redisimport.Import(t.Context(), o, q, &redisimport.Options{Lost: true})
		require.NoError(t, err)
		got := entries(t, q)
		require.Len(t, got, 5)
		require.True(t, slices.ContainsFunc(got, func(e queue.Event) bool { return e.Account == "U9" && e.Command == "rebalance" }))
	})
}

func TestAnEventInTwoPlacesIsOne(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.queued(event("e1", "U1", "rebalance"))
		o.sorted("rebalance_retry_set", strings.Replace(event("e1", "U1", "rebalance"), `"times_queued": 1`, `"times_queued": 2`, 1), 1)
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), o, q, nil)
		require.NoError(t, err)
		require.Equal(t, 1, r.Count(redisimport.Duplicate))
		require.Len(t, entries(t, q), 1)
	})
}

func TestAnEventForLaterIsNotTakenForOneForNow(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.queued(event("now", "U1", "rebalance"))
		o.sorted("delayed_execution_set", event("later", "U1", "rebalance"), 4_000_000_000)
		q := memqueue.New(memqueue.Options{})
		_, err := redisimport.Import(t.Context(), o, q, nil)
		require.NoError(t, err)
		require.Len(t, entries(t, q), 2, "today's and the one for later")
	})
}

func TestOneIDForTwoRequestsIsAFault(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.queued(event("e1", "U1", "rebalance"))
		o.queued(event("e1", "U2", "rebalance"))
		_, err := redisimport.Import(t.Context(), o, memqueue.New(memqueue.Options{}), nil)
		require.ErrorIs(t, err, redisimport.ErrFaulty)
		require.ErrorContains(t, err, "U1:rebalance")
		require.ErrorContains(t, err, "U2:rebalance")
	})
}

func TestARehearsalDoesNotCount(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.filled()
		_, err := redisimport.Import(t.Context(), o, memqueue.New(memqueue.Options{}), &redisimport.Options{Target: "rehearsal"})
		require.NoError(t, err)
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), o, q, nil)
		require.NoError(t, err)
		require.Equal(t, 4, r.Count(redisimport.Published))
		require.Len(t, entries(t, q), 4)
	})
}

func TestAllFaultsAreNamedAndNothingIsImported(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		o.queued(event("good", "U1", "rebalance"))
		o.queued(event("e2", "U2", "sell-everything"))
		o.queued(`{"event_id": "e3", "account_id": "U3", "exec": "rebalance"`)
		o.queued(`{"event_id": "e4", "account_id": "", "exec": 7, "times_queued": "often"}`)
		o.queued(`{"event_id": "e5", "account_id": "U5", "account_id": "U6", "exec": "rebalance"}`)
		o.queued(event("e6", "U 6", "rebalance"))
		o.active("nonsense")
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), o, q, nil)
		require.ErrorIs(t, err, redisimport.ErrFaulty)
		for _, part := range []string{"sell-everything", "print-rebalance", "account_id", "often", "U 6", "nonsense"} {
			require.ErrorContains(t, err, part)
		}
		require.Equal(t, 6, r.Count(redisimport.Faulty))
		require.Empty(t, entries(t, q))

		r, err = redisimport.Import(t.Context(), o, q, &redisimport.Options{SkipFaults: true})
		require.NoError(t, err)
		require.Equal(t, 1, r.Count(redisimport.Published))
		require.Len(t, entries(t, q), 1)
	})
}

func TestAKeyOfTheWrongTypeIsNamed(t *testing.T) {
	for _, key := range []string{"rebalance_queue", "rebalance_retry_set", "delayed_execution_set", "active_events_set", "evenkeel_imported"} {
		t.Run(key, func(t *testing.T) {
			systems(t, func(t *testing.T, o *old) {
				require.NoError(t, o.Set(t.Context(), key, "text", 0).Err())
				_, err := redisimport.Import(t.Context(), o, memqueue.New(memqueue.Options{}), nil)
				require.ErrorContains(t, err, key)
			})
		})
	}
}

func TestManyEventsKeepTheirOrder(t *testing.T) {
	systems(t, func(t *testing.T, o *old) {
		const n = 2_500
		for i := range n {
			o.queued(event(fmt.Sprintf("e%d", i), fmt.Sprintf("U%d", i), "rebalance"))
		}
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), o, q, nil)
		require.NoError(t, err)
		require.Equal(t, n, r.Count(redisimport.Published))
		for i, e := range entries(t, q) {
			require.Equal(t, fmt.Sprintf("U%d", i), e.Account)
		}
		_, err = redisimport.Read(t.Context(), o, &redisimport.Options{Limit: 10})
		require.ErrorContains(t, err, "Options.Limit")
	})
}

func TestBadOptionsAreNamedAtOnce(t *testing.T) {
	_, err := redisimport.Read(t.Context(), nil, nil)
	require.ErrorContains(t, err, "client is nil")
	client := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{Addrs: []string{redistest.Mini(t).Addr()}}))
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	_, err = redisimport.Read(t.Context(), client, &redisimport.Options{
		Retry: "rebalance_queue", RetryDelay: -time.Second, Limit: -1, Commands: map[string]string{"go": " "},
	})
	for _, part := range []string{"used twice", "RetryDelay", "Limit", `"go"`} {
		require.ErrorContains(t, err, part)
	}
	_, err = redisimport.Import(t.Context(), client, nil, nil)
	require.ErrorContains(t, err, "queue to import into is nil")
}

// FuzzDecode feeds any text to the old queue: it is read, or named as a fault,
// and what is planned can be published.
func FuzzDecode(f *testing.F) {
	f.Add(event("e1", "U1", "rebalance"))
	f.Add(`{"event_id":1,"account_id":"U1","exec":"rebalance","times_queued":99999999999999999999}`)
	f.Add("\xff")
	mini := redistest.Mini(f)
	client := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{Addrs: []string{mini.Addr()}}))
	f.Cleanup(func() { _ = client.Close() }) //nolint:errcheck // the test is over
	f.Fuzz(func(t *testing.T, text string) {
		mini.FlushAll()
		_, err := mini.Lpush("rebalance_queue", text)
		require.NoError(t, err)
		q := memqueue.New(memqueue.Options{})
		r, err := redisimport.Import(t.Context(), client, q, &redisimport.Options{SkipFaults: true})
		require.NoError(t, err)
		require.Len(t, r.Rows, 1)
		require.Equal(t, 1, r.Count(redisimport.Published)+r.Count(redisimport.Faulty))
		require.Len(t, entries(t, q), r.Count(redisimport.Published))
	})
}
