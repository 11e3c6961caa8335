package ingest_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ingest"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Each day has one event, also when its hour is left out or comes twice.
func TestADayHasOneEventWhenTheClocksChange(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		at   time.Duration
		from time.Time
	}{
		"the hour is left out": {2*time.Hour + 30*time.Minute, time.Date(2026, 3, 6, 12, 0, 0, 0, newYork)},
		"the hour comes twice": {time.Hour + 30*time.Minute, time.Date(2026, 10, 30, 12, 0, 0, 0, newYork)},
	} {
		t.Run(name, func(t *testing.T) {
			s := &config.Schedule{At: c.at, Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: newYork}
			days, at := map[string]int{}, c.from
			for range 5 {
				next, ok := ingest.Next(s, at)
				require.True(t, ok)
				require.True(t, next.After(at))
				days[next.In(newYork).Format(time.DateOnly)]++
				at = next
			}
			require.Len(t, days, 5, "%v", days)
		})
	}
}

// away is a queue that does not answer until a time.
type away struct {
	until time.Time
	to    ingest.Enqueuer
}

func (a away) Enqueue(ctx context.Context, e ops.NewEvent) (queue.Receipt, error) {
	if time.Now().Before(a.until) {
		return down{}.Enqueue(ctx, e)
	}
	return a.to.Enqueue(ctx, e)
}

func TestAScheduleOutlastsAQueueThatIsAway(t *testing.T) {
	daily := config.Schedule{At: 2 * time.Hour, Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: time.UTC, CatchUp: time.Hour}
	hourly := config.Schedule{At: -1, Every: time.Minute, CatchUp: time.Hour}
	for name, c := range map[string]struct {
		s    config.Schedule
		away time.Duration // from midnight
		runs time.Duration
		want int
	}{
		"within its patience":                  {daily, 2*time.Hour + 50*time.Minute, 4 * time.Hour, 1},
		"beyond it":                            {daily, 3*time.Hour + 10*time.Minute, 4 * time.Hour, 0},
		"an interval makes up only for itself": {hourly, 30*time.Minute + 10*time.Second, 32*time.Minute + 30*time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate, q := box()
				s := c.s
				s.Name, s.Command, s.Accounts = "s", rebalance.CommandSnapshot, []broker.AccountID{"A"}
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				held := &ingest.Gate{Verbs: away{until: time.Now().Add(c.away), to: gate.Verbs}} // the bubble begins at midnight
				wg.Go(func() { ingest.Schedule(ctx, held, &s, quiet) })
				time.Sleep(c.runs)
				cancel()
				wg.Wait()
				require.Len(t, accepted(t, q), c.want)
			})
		})
	}
}

// What was due while nobody ran is asked for at the next start, once.
func TestAMissedTickIsMadeUpForAtTheNextStart(t *testing.T) {
	for late, want := range map[time.Duration]int{30 * time.Minute: 1, 90 * time.Minute: 0} {
		synctest.Test(t, func(t *testing.T) {
			gate, q := box()
			s := &config.Schedule{
				Name: "s", Command: rebalance.CommandSnapshot, Accounts: []broker.AccountID{"A"}, At: 2 * time.Hour,
				Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: time.UTC, CatchUp: time.Hour,
			}
			time.Sleep(2*time.Hour + late)
			for range 2 { // two starts
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				ingest.Schedule(ctx, gate, s, quiet)
				cancel()
			}
			require.Len(t, accepted(t, q), want, "%s late", late)
		})
	}
}
