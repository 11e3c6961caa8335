package retry_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/retry"
)

// instant is a backoff that hardly waits, under a budget.
func instant(b *retry.Budget, retries int) *retry.Backoff {
	return retry.NewBackoff(retry.BackoffOptions{Initial: 1, Max: 1, Retries: retries, Budget: b})
}

func TestBudgetHasAFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := instant(retry.NewBudget(retry.BudgetOptions{}), 10)
		s := newScript(errDown)
		err := p.Do(t.Context(), s.call)
		require.Len(t, s.times, 1+3)
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, err, retry.ErrBudget)
		require.ErrorContains(t, err, "gave up after 4 calls: the retry budget is used up: down")
		require.Equal(t, retry.Transient, retry.ClassOf(err))

		other := newScript(errDown)
		require.ErrorIs(t, instant(nil, 2).Do(t.Context(), other.call), errDown)
		require.Len(t, other.times, 3, "another policy is not affected")

		time.Sleep(time.Minute)
		s = newScript(errDown)
		require.Error(t, p.Do(t.Context(), s.call))
		require.Len(t, s.times, 1+3, "a window later the floor is there again")
	})
}

func TestBudgetGrowsWithTheCallsOfTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := retry.NewBudget(retry.BudgetOptions{})
		ok := newScript(nil)
		for range 99 {
			require.NoError(t, instant(budget, 1).Do(t.Context(), ok.call))
		}
		s := newScript(errDown)
		require.ErrorIs(t, instant(budget, 1000).Do(t.Context(), s.call), retry.ErrBudget)
		require.Len(t, s.times, 1+20, "20 % of 100 calls")

		time.Sleep(30 * time.Second)
		s = newScript(errDown)
		require.ErrorIs(t, instant(budget, 1000).Do(t.Context(), s.call), retry.ErrBudget)
		require.Len(t, s.times, 1, "half a window later they still count")

		time.Sleep(31 * time.Second)
		s = newScript(errDown)
		require.ErrorIs(t, instant(budget, 1000).Do(t.Context(), s.call), retry.ErrBudget)
		require.Len(t, s.times, 1+3, "the old calls left the window")
	})
}

func TestBudgetIsSharedByGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := retry.NewBudget(retry.BudgetOptions{Ratio: 0.5, Floor: 10})
		var calls atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				_ = instant(budget, 100).Do(t.Context(), func(context.Context) error {
					calls.Add(1)
					return errDown
				})
			})
		}
		wg.Wait()
		require.LessOrEqual(t, calls.Load(), int64(40+20))
		require.GreaterOrEqual(t, calls.Load(), int64(40+10))
	})
}

func TestBudgetRefusesSenselessNumbers(t *testing.T) {
	for _, o := range []retry.BudgetOptions{{Ratio: -1}, {Ratio: 1.5}, {Floor: -1}, {Window: time.Microsecond}} {
		require.Panics(t, func() { retry.NewBudget(o) }, "%+v", o)
	}
}
