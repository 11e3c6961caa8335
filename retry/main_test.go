package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault is an error that says its class and its wish.
type fault struct {
	class retry.Class
	at    time.Time
}

func (f *fault) Error() string      { return "fault: " + f.class.String() }
func (f *fault) ErrorClass() string { return f.class.String() }
func (f *fault) RetryAt() time.Time { return f.at }

var errDown = errors.New("down")

// script answers call n with its nth error, and then with the last one.
type script struct {
	errs  []error
	start time.Time
	times []time.Duration // when it was called
}

func newScript(errs ...error) *script { return &script{errs: errs, start: time.Now()} }

func (s *script) call(context.Context) error {
	s.times = append(s.times, time.Since(s.start))
	return s.errs[min(len(s.times), len(s.errs))-1]
}

// secs makes durations of seconds.
func secs(s ...float64) []time.Duration {
	var out []time.Duration
	for _, x := range s {
		out = append(out, time.Duration(x*float64(time.Second)))
	}
	return out
}

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want retry.Class
	}{
		{errDown, retry.Transient},
		{context.DeadlineExceeded, retry.Transient},
		{context.Canceled, retry.Cancelled},
		{fmt.Errorf("x: %w", &fault{class: retry.Permanent}), retry.Permanent},
		{retry.As(&fault{class: retry.Permanent}, retry.Session), retry.Session},
		{errors.Join(errDown, &fault{class: retry.Wait}), retry.Wait},
	} {
		require.Equal(t, c.want, retry.ClassOf(c.err), "%v", c.err)
	}
	require.NoError(t, retry.As(nil, retry.Wait))
	require.Equal(t, "invalid", retry.Class(99).String())
}

func TestComposeNestsOutermostFirst(t *testing.T) {
	var order []string
	named := func(name string) retry.Policy {
		return policyFunc(func(ctx context.Context, f func(context.Context) error) error {
			order = append(order, name)
			return f(ctx)
		})
	}
	p := retry.Compose(named("a"), nil, named("b"), named("c"))
	require.NoError(t, p.Do(t.Context(), func(context.Context) error { order = append(order, "f"); return nil }))
	require.Equal(t, []string{"a", "b", "c", "f"}, order)
	require.Equal(t, retry.None, retry.Compose())
}

func TestValueIsZeroOnError(t *testing.T) {
	v, err := retry.Value(t.Context(), retry.None, func(context.Context) (int, error) { return 7, errDown })
	require.ErrorIs(t, err, errDown)
	require.Zero(t, v)
	v, err = retry.Value(t.Context(), retry.None, func(context.Context) (int, error) { return 7, nil })
	require.NoError(t, err)
	require.Equal(t, 7, v)
}

type policyFunc func(context.Context, func(context.Context) error) error

func (p policyFunc) Do(ctx context.Context, f func(context.Context) error) error { return p(ctx, f) }
