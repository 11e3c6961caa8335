package retry_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/retry"
)

func TestBackoffWaitsGrowUpToTheMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.NewBackoff(retry.BackoffOptions{Max: 3 * time.Second, Retries: 4})
		s := newScript(errDown)
		err := p.Do(t.Context(), s.call)
		require.ErrorIs(t, err, errDown)
		require.ErrorContains(t, err, "retry: gave up after 5 calls: no retry is left: down")
		require.Equal(t, retry.Transient, retry.ClassOf(err))
		require.Equal(t, secs(0, 1, 3, 6, 9), s.times)

		again := newScript(errDown, nil)
		require.NoError(t, p.Do(t.Context(), again.call), "each Do begins anew")
		require.Equal(t, secs(0, 1), again.times)
	})
}

func TestPresets(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy retry.Policy
		want   []time.Duration // nil: jittered
		calls  int
		total  time.Duration
	}{
		{"preparation", retry.PreparationBackoff(), secs(0, 1, 3), 3, 3 * time.Second},
		{"resolve", retry.ResolveBackoff(), secs(0, 1, 3, 7, 15, 25, 35, 45, 55), 9, time.Minute},
		{"allocation", retry.AllocationBackoff(), nil, 4, 14 * time.Second},
		{"connect", retry.ConnectBackoff(), nil, 4, 42 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(errDown)
				require.ErrorIs(t, c.policy.Do(t.Context(), s.call), errDown)
				require.Len(t, s.times, c.calls)
				require.LessOrEqual(t, s.times[len(s.times)-1], c.total)
				if c.want != nil {
					require.Equal(t, c.want, s.times)
				}
			})
		})
	}
}

func TestJitterStaysInItsRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.NewBackoff(retry.BackoffOptions{Initial: 10 * time.Second, Max: 11 * time.Second, Jitter: 0.2, Retries: 1})
		different := map[time.Duration]bool{}
		for range 200 {
			s := newScript(errDown, nil)
			require.NoError(t, p.Do(t.Context(), s.call))
			require.GreaterOrEqual(t, s.times[1], 8*time.Second)
			require.LessOrEqual(t, s.times[1], 11*time.Second)
			different[s.times[1]] = true
		}
		require.Greater(t, len(different), 20)
	})
}

func TestBackoffRetriesOnlyWhatIsTransient(t *testing.T) {
	for _, class := range []retry.Class{retry.Wait, retry.Permanent, retry.Indeterminate, retry.Session, retry.Cancelled} {
		t.Run(class.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fault{class: class}
				s := newScript(errDown, f, nil)
				err := retry.NewBackoff(retry.BackoffOptions{MaxElapsed: time.Minute}).Do(t.Context(), s.call)
				require.Same(t, f, err, "as it is")
				require.Equal(t, secs(0, 1), s.times)
			})
		})
	}
}

func TestBackoffObeysTheDependency(t *testing.T) {
	in := func(d time.Duration) error { return &fault{at: time.Now().Add(d)} }
	for _, c := range []struct {
		name    string
		asked   time.Duration
		options retry.BackoffOptions
		times   []time.Duration
		class   retry.Class
	}{
		{"longer than its own wait", 20 * time.Second, retry.BackoffOptions{}, secs(0, 20), retry.Transient},
		{"shorter than its own wait", time.Millisecond, retry.BackoffOptions{}, secs(0, 1), retry.Transient},
		{"in the past", -time.Hour, retry.BackoffOptions{}, secs(0, 1), retry.Transient},
		{"as long as is allowed", 5 * time.Minute, retry.BackoffOptions{}, secs(0, 300), retry.Transient},
		{"longer than MaxWait", 5*time.Minute + 1, retry.BackoffOptions{}, secs(0), retry.Wait},
		{"longer than MaxWait, not than Max", 2 * time.Minute, retry.BackoffOptions{MaxWait: time.Minute, Max: time.Hour}, secs(0), retry.Wait},
		{"longer than MaxElapsed", 2 * time.Minute, retry.BackoffOptions{MaxElapsed: time.Minute}, secs(0), retry.Wait},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := in(c.asked)
				s := newScript(first, nil)
				err := retry.NewBackoff(c.options).Do(t.Context(), s.call)
				require.Equal(t, c.times, s.times)
				if len(c.times) == 2 {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, first)
				require.Equal(t, c.class, retry.ClassOf(err))
				require.Equal(t, retry.At(first), retry.At(err), "the time is kept")
			})
		})
	}
}

func TestBackoffEndsWithItsContext(t *testing.T) {
	errLease := &fault{class: retry.Session}
	for _, c := range []struct {
		name  string
		cause error
		class retry.Class
	}{
		{"cancelled", nil, retry.Cancelled},
		{"cancelled with a cause", errors.New("draining"), retry.Cancelled},
		{"cancelled with a cause of a class", errLease, retry.Session},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(2500*time.Millisecond, func() { cancel(c.cause) })
				s := newScript(errDown)
				err := retry.NewBackoff(retry.BackoffOptions{MaxElapsed: time.Minute}).Do(ctx, s.call)
				require.Equal(t, 2500*time.Millisecond, time.Since(s.start), "it does not wait on")
				require.ErrorIs(t, err, errDown)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, context.Cause(ctx))
				require.Equal(t, c.class, retry.ClassOf(err))
			})
		})
	}
}

func TestBackoffEndsWhenItsCallWasCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	errStop := errors.New("stop")
	err := retry.PreparationBackoff().Do(ctx, func(context.Context) error { cancel(errStop); return errDown })
	require.ErrorIs(t, err, errStop)
	require.ErrorIs(t, err, errDown)
	require.Equal(t, retry.Cancelled, retry.ClassOf(err), "whatever the call returned")
}

func TestBackoffDoesNotBeginAWaitThatTheDeadlineCuts(t *testing.T) {
	for _, c := range []struct {
		name     string
		deadline time.Duration
		times    []time.Duration
	}{
		{"before", 2 * time.Second, secs(0, 1)},
		{"at the same instant", 3 * time.Second, secs(0, 1)},
		{"behind", 3*time.Second + 1, secs(0, 1, 3)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				s := newScript(errDown)
				err := retry.NewBackoff(retry.BackoffOptions{}).Do(ctx, s.call)
				require.ErrorIs(t, err, errDown)
				require.ErrorContains(t, err, "would pass the deadline")
				require.NoError(t, ctx.Err())
				require.Equal(t, c.times, s.times)
				require.Equal(t, retry.Transient, retry.ClassOf(err))
			})
		})
	}
}

func TestMaxElapsedBoundsTheCallsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.Compose(
			retry.NewBackoff(retry.BackoffOptions{Retries: 9, MaxElapsed: 90 * time.Second}),
			retry.Timeout(40*time.Second),
		)
		start, calls := time.Now(), 0
		err := p.Do(t.Context(), func(ctx context.Context) error {
			calls++
			<-ctx.Done()
			return ctx.Err()
		})
		require.Equal(t, 90*time.Second, time.Since(start)) // 40, 1, 40, 2 and what is left
		require.Equal(t, 3, calls)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "its 1m30s are used up")
		require.Equal(t, retry.Transient, retry.ClassOf(err))
	})
}

func TestBackoffOptionsAreChecked(t *testing.T) {
	bad := retry.BackoffOptions{
		Initial: -1, Multiplier: math.NaN(), Max: -time.Hour, Jitter: 1.1, Retries: -2, MaxElapsed: -1, MaxWait: -1,
	}
	err := bad.Check()
	for _, field := range []string{"Initial", "Multiplier", "Max is", "Jitter", "Retries", "MaxElapsed", "MaxWait"} {
		require.ErrorContains(t, err, field)
	}
	require.Panics(t, func() { retry.NewBackoff(bad) })
	require.Error(t, retry.BackoffOptions{Retries: retry.Unlimited}.Check(), "no end")
	require.NoError(t, retry.BackoffOptions{}.Check())
	require.NoError(t, retry.BackoffOptions{Initial: time.Hour}.Check())
}

// However the numbers are drawn, the calls and waits keep to them.
func TestBackoffKeepsItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i := range 300 {
			o := retry.BackoffOptions{
				Initial:    time.Duration(1+i%7) * 100 * time.Millisecond,
				Multiplier: 1 + float64(i%5)/2,
				Max:        time.Duration(1+i%11) * time.Second,
				Jitter:     float64(i%4) / 3,
				Retries:    1 + i%9,
				MaxElapsed: time.Duration(i%13) * 5 * time.Second,
			}
			s := newScript(errDown)
			require.Error(t, retry.NewBackoff(o).Do(t.Context(), s.call))
			require.LessOrEqual(t, len(s.times), o.Retries+1)
			if o.MaxElapsed > 0 {
				require.Less(t, s.times[len(s.times)-1], o.MaxElapsed)
			} else {
				require.Len(t, s.times, o.Retries+1)
			}
			for k := range len(s.times) - 1 {
				require.LessOrEqual(t, s.times[k+1]-s.times[k], o.Max)
			}
		}
	})
}
