package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/retry"
)

// within runs f in a bubble with the context that a call gets whose limit is 10 s.
func within(t *testing.T, f func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		_ = retry.Timeout(10*time.Second).Do(t.Context(), func(ctx context.Context) error {
			f(t, ctx)
			return nil
		})
	})
}

func TestTheContextOfACallIsOneOfPackageContext(t *testing.T) {
	t.Run("who only looks finds it ended", func(t *testing.T) {
		within(t, func(t *testing.T, ctx context.Context) {
			time.Sleep(10*time.Second - 1)
			require.NoError(t, ctx.Err())
			require.NoError(t, context.Cause(ctx))
			time.Sleep(time.Nanosecond)
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		})
	})
	t.Run("its cause is known without a look before", func(t *testing.T) {
		within(t, func(t *testing.T, ctx context.Context) {
			time.Sleep(11 * time.Second)
			require.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
		})
	})
	t.Run("who waits is told", func(t *testing.T) {
		within(t, func(t *testing.T, ctx context.Context) {
			began := time.Now()
			<-ctx.Done()
			require.Equal(t, 10*time.Second, time.Since(began))
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		})
	})
	t.Run("the contexts made of it end with it", func(t *testing.T) {
		within(t, func(t *testing.T, ctx context.Context) {
			child, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			ended := make(chan struct{})
			context.AfterFunc(child, func() { close(ended) })
			<-ended
			require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
			at, ok := child.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Now(), at)
		})
	})
}

func TestTheContextOfACallEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		type key struct{}
		caller, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, 7))
		var kept context.Context
		_ = retry.Timeout(time.Minute).Do(caller, func(ctx context.Context) error {
			require.Equal(t, 7, ctx.Value(key{}))
			cancel(stop)
			require.ErrorIs(t, ctx.Err(), context.Canceled)
			require.ErrorIs(t, context.Cause(ctx), stop)
			kept = ctx
			return nil
		})
		time.Sleep(2 * time.Minute)
		require.ErrorIs(t, kept.Err(), context.Canceled, "how it ended does not change")
	})
}

func TestTheContextOfACallEndsWithTheCall(t *testing.T) {
	for name, used := range map[string]func(context.Context){
		"that nobody used":     func(context.Context) {},
		"that somebody awaits": func(ctx context.Context) { ctx.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kept context.Context
				policy := retry.NewBackoff(retry.BackoffOptions{MaxElapsed: time.Minute})
				require.NoError(t, policy.Do(t.Context(), func(ctx context.Context) error {
					kept = ctx
					used(ctx)
					return nil
				}))
				require.ErrorIs(t, kept.Err(), context.Canceled)
				<-kept.Done()
			})
		})
	}
}

func TestTheNearerDeadlineCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = retry.Timeout(time.Minute).Do(near, func(ctx context.Context) error {
			at, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Now().Add(time.Second), at)
			time.Sleep(time.Second)
			synctest.Wait()
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
			return nil
		})
	})
}
