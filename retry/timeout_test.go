package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/retry"
)

// hang waits for its context and returns what the context says.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("reading: %w", ctx.Err())
}

func TestTimeoutEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := retry.Timeout(30*time.Second).Do(t.Context(), hang)
		require.Equal(t, 30*time.Second, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "retry: call ended at its limit of 30s: reading: context deadline exceeded")
		require.Equal(t, retry.Transient, retry.ClassOf(err))
		var timeout *retry.TimeoutError
		require.ErrorAs(t, err, &timeout)
		require.Equal(t, 30*time.Second, timeout.Limit)
	})
}

func TestTimeoutKeepsWhatTheCallSays(t *testing.T) {
	errText := errors.New("i/o timeout")
	for _, c := range []struct {
		name  string
		err   error
		timed bool
		class retry.Class
	}{
		{"success after the limit", nil, false, retry.Transient},
		{"an outcome that is unknown stays unknown", &fault{class: retry.Indeterminate}, false, retry.Indeterminate},
		{"permanent", &fault{class: retry.Permanent}, false, retry.Permanent},
		{"session", &fault{class: retry.Session}, false, retry.Session},
		{"an error of its own making", errText, true, retry.Transient},
		{"a cancellation of its own making", context.Canceled, true, retry.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := retry.Timeout(time.Second).Do(t.Context(), func(ctx context.Context) error {
					<-ctx.Done()
					return c.err
				})
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.timed, errors.Is(err, context.DeadlineExceeded))
				require.Equal(t, c.class, retry.ClassOf(err))
			})
		})
	}
}

func TestTimeoutDoesNotDisguiseTheCallersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var timeout *retry.TimeoutError
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := retry.Timeout(time.Minute).Do(ctx, hang)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorAs(t, err, &timeout)
		require.Equal(t, retry.Cancelled, retry.ClassOf(err))

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = retry.Timeout(time.Minute).Do(ctx, hang)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorAs(t, err, &timeout)
	})
}

func TestTimeoutLeavesFastCallsAlone(t *testing.T) {
	require.NoError(t, retry.Timeout(time.Minute).Do(t.Context(), newScript(nil).call))
	require.Equal(t, errDown, retry.Timeout(time.Minute).Do(t.Context(), newScript(errDown).call))
	require.Panics(t, func() { retry.Timeout(0) })
	require.Panics(t, func() { retry.Timeout(-time.Second) })
}
