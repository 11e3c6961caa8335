package retry_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/retry"
)

// newBreaker returns a breaker with default numbers that notes its changes.
func newBreaker() (b *retry.CircuitBreaker, changes *[]string) {
	changes = new([]string)
	b = retry.NewBreaker("prices", retry.BreakerOptions{OnChange: func(name string, from, to retry.State) {
		*changes = append(*changes, fmt.Sprintf("%s %s>%s", name, from, to))
	}})
	return b, changes
}

// do makes n calls that end with err.
func do(t *testing.T, b retry.Policy, n int, err error) {
	t.Helper()
	for range n {
		require.Equal(t, err, b.Do(t.Context(), func(context.Context) error { return err }))
	}
}

// refused makes a call that must not pass, and returns when to try again.
func refused(t *testing.T, b retry.Policy) time.Time {
	t.Helper()
	err := b.Do(t.Context(), func(context.Context) error { t.Error("called"); return nil })
	var open *retry.OpenError
	require.ErrorAs(t, err, &open)
	require.Equal(t, "prices", open.Name)
	require.Equal(t, retry.Wait, retry.ClassOf(err))
	return retry.At(err)
}

func TestBreakerOpensAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, changes := newBreaker()
		do(t, b, 4, errDown)
		do(t, b, 1, nil)
		do(t, b, 4, errDown)
		require.Equal(t, retry.Closed, b.State(), "never five in a row")
		do(t, b, 1, errDown)
		require.Equal(t, retry.Open, b.State())

		at := refused(t, b)
		require.Equal(t, time.Now().Add(30*time.Second), at)
		time.Sleep(time.Until(at) - 1)
		require.Equal(t, at, refused(t, b))
		time.Sleep(time.Nanosecond)
		require.Equal(t, retry.HalfOpen, b.State(), "at the very instant that it named")
		do(t, b, 1, nil)
		require.Equal(t, retry.HalfOpen, b.State(), "one success is not enough")
		do(t, b, 1, nil)
		require.Equal(t, retry.Closed, b.State())
		do(t, b, 4, errDown)
		require.Equal(t, retry.Closed, b.State(), "it counts from the beginning again")
		require.Equal(t, []string{"prices closed>open", "prices open>half_open", "prices half_open>closed"}, *changes)
	})
}

func TestBreakerStaysOpenLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, changes := newBreaker()
		do(t, b, 5, errDown)
		for _, want := range secs(30, 60, 120, 240, 300, 300) {
			at := refused(t, b)
			require.Equal(t, want, time.Until(at))
			time.Sleep(time.Until(at))
			do(t, b, 1, errDown)
			require.Equal(t, retry.Open, b.State())
		}
		time.Sleep(time.Until(refused(t, b)))
		do(t, b, 1, nil)
		do(t, b, 1, errDown)
		require.Equal(t, 300*time.Second, time.Until(refused(t, b)), "one success does not make it short again")
		time.Sleep(time.Until(refused(t, b)))
		do(t, b, 2, nil)
		do(t, b, 5, errDown)
		require.Equal(t, 30*time.Second, time.Until(refused(t, b)), "short again once it was closed")
		require.Len(t, *changes, 1+2*8+1)
	})
}

// A call that began long ago must not make a longer opening end early.
func TestBreakerIsNotClosedByAnOldCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBreaker()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			_ = b.Do(t.Context(), func(context.Context) error { time.Sleep(75 * time.Second); return nil })
		})
		synctest.Wait()
		do(t, b, 5, errDown)
		time.Sleep(30 * time.Second)
		do(t, b, 1, errDown) // open for 60 s now
		time.Sleep(50 * time.Second)
		require.Equal(t, retry.Open, b.State())
		require.Equal(t, 10*time.Second, time.Until(refused(t, b)))
		time.Sleep(10 * time.Second)
		require.Equal(t, retry.HalfOpen, b.State())
	})
}

func TestBreakerLetsOneCallTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBreaker()
		do(t, b, 5, errDown)
		time.Sleep(30 * time.Second)
		release := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = b.Do(t.Context(), func(context.Context) error { <-release; return nil })
		})
		synctest.Wait()
		require.Equal(t, 3*time.Second, time.Until(refused(t, b)))
		close(release)
		wg.Wait()
		do(t, b, 1, nil)
		require.Equal(t, retry.Closed, b.State(), "the second success")
	})
}

// TestBreakerOpensWhenHalfOfTheCallsFail: never five in a row.
func TestBreakerOpensWhenHalfOfTheCallsFail(t *testing.T) {
	// pairs makes n pairs of a success and a failure.
	pairs := func(t *testing.T, b retry.Policy, n int) {
		t.Helper()
		for range n {
			do(t, b, 1, nil)
			do(t, b, 1, errDown)
		}
	}
	for _, c := range []struct {
		name  string
		calls func(*testing.T, retry.Policy)
		want  retry.State
	}{
		{"half of ten", func(t *testing.T, b retry.Policy) { pairs(t, b, 5) }, retry.Open},
		{"half of eight", func(t *testing.T, b retry.Policy) { pairs(t, b, 4) }, retry.Closed},
		{"less than half of many", func(t *testing.T, b retry.Policy) { do(t, b, 6, nil); pairs(t, b, 40) }, retry.Closed},
		{"half of ten, but not within a minute", func(t *testing.T, b retry.Policy) {
			pairs(t, b, 4)
			time.Sleep(66 * time.Second)
			pairs(t, b, 1)
		}, retry.Closed},
		{"half of ten that say anything", func(t *testing.T, b retry.Policy) {
			do(t, b, 50, &fault{class: retry.Permanent})
			pairs(t, b, 5)
		}, retry.Open},
		{"a failure a minute", func(t *testing.T, b retry.Policy) {
			for range 5 {
				do(t, b, 1, errDown)
				time.Sleep(time.Minute)
			}
		}, retry.HalfOpen}, // five in a row count however far apart
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBreaker()
				c.calls(t, b)
				require.Equal(t, c.want, b.State())
			})
		})
	}
}

// TestBreakerForgetsTheRateWhenItCloses: what failed before it opened does not open
// it again.
func TestBreakerForgetsTheRateWhenItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := retry.NewBreaker("prices", retry.BreakerOptions{OpenFor: time.Second})
		do(t, b, 5, errDown)
		time.Sleep(time.Second)
		do(t, b, 2, nil)
		require.Equal(t, retry.Closed, b.State())
		do(t, b, 4, errDown)
		require.Equal(t, retry.Closed, b.State(), "11 calls within the minute, 9 failures")
	})
}

// TestBreakerHasItsOwnNumbers tells each option from its default.
func TestBreakerHasItsOwnNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := retry.NewBreaker("prices", retry.BreakerOptions{Failures: 50, Ratio: 0.25, Calls: 4, Window: 10 * time.Second, Successes: 3})
		do(t, b, 1, errDown)
		time.Sleep(11 * time.Second)
		do(t, b, 2, nil)
		do(t, b, 1, errDown)
		require.Equal(t, retry.Closed, b.State(), "3 calls in the window")
		do(t, b, 1, nil)
		require.Equal(t, retry.Closed, b.State(), "only a failure opens it")
		do(t, b, 1, errDown)
		require.Equal(t, retry.Open, b.State())
		time.Sleep(30 * time.Second)
		do(t, b, 2, nil)
		require.Equal(t, retry.HalfOpen, b.State())
		do(t, b, 1, nil)
		require.Equal(t, retry.Closed, b.State())
	})
}

func TestBreakerCountsOnlyTransientErrors(t *testing.T) {
	for _, class := range []retry.Class{retry.Wait, retry.Permanent, retry.Indeterminate, retry.Session, retry.Cancelled} {
		t.Run(class.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBreaker()
				do(t, b, 50, &fault{class: class})
				require.Equal(t, retry.Closed, b.State())
				do(t, b, 4, errDown)
				do(t, b, 1, &fault{class: class})
				do(t, b, 1, errDown)
				require.Equal(t, retry.Open, b.State(), "not a success either")
				time.Sleep(30 * time.Second)
				do(t, b, 3, &fault{class: class})
				require.Equal(t, retry.HalfOpen, b.State(), "the next call may try")
			})
		})
	}
}

func TestBreakerIgnoresCallsOfCallersWhoGaveUp(t *testing.T) {
	b, _ := newBreaker()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		require.Equal(t, errDown, b.Do(ctx, func(context.Context) error { cancel(); return errDown }))
	}
	require.Equal(t, retry.Closed, b.State())

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	err := b.Do(ctx, func(context.Context) error { t.Error("called"); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errDown)
	require.Equal(t, retry.Cancelled, retry.ClassOf(err))
}

func TestBreakerCountsAPanic(t *testing.T) {
	b, _ := newBreaker()
	for range 5 {
		require.PanicsWithValue(t, "boom", func() {
			_ = b.Do(t.Context(), func(context.Context) error { panic("boom") })
		})
	}
	require.Equal(t, retry.Open, b.State())
}

func TestOperatorForcesTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, changes := newBreaker()
		b.Force(retry.ForceOpen)
		require.Equal(t, retry.Open, b.State())
		require.Equal(t, 30*time.Second, time.Until(refused(t, b)))
		time.Sleep(time.Hour)
		refused(t, b)

		b.Force(retry.ForceClosed)
		do(t, b, 20, errDown)
		require.Equal(t, retry.Closed, b.State())

		b.Force(retry.Auto)
		require.Equal(t, retry.Closed, b.State(), "what happened meanwhile does not count")
		do(t, b, 5, errDown)
		b.Force(retry.ForceClosed)
		do(t, b, 1, nil)
		b.Force(retry.Auto)
		require.Equal(t, retry.Open, b.State(), "the results left it open")
		require.Equal(t, []string{
			"prices closed>open", "prices open>closed", "prices closed>open", "prices open>closed", "prices closed>open",
		}, *changes)
	})
}

func TestOnChangeMayUseTheBreaker(t *testing.T) {
	var b *retry.CircuitBreaker
	var seen []retry.State
	depth := 0
	b = retry.NewBreaker("x", retry.BreakerOptions{Failures: 1, OnChange: func(_ string, _, to retry.State) {
		seen = append(seen, to)
		depth++
		defer func() { depth-- }()
		require.Equal(t, 1, depth, "one change at a time")
		if to == retry.Open {
			b.Force(retry.ForceClosed)
		}
		_ = b.State()
	}})
	do(t, b, 1, errDown)
	require.Equal(t, []retry.State{retry.Open, retry.Closed}, seen)
}

func TestOpenErrorTellsTheFailureButIsNotIt(t *testing.T) {
	b, _ := newBreaker()
	do(t, b, 5, errDown)
	err := b.Do(t.Context(), func(context.Context) error { return nil })
	require.ErrorContains(t, err, "retry: breaker prices is open until ")
	require.ErrorContains(t, err, "last failure: down")
	require.NotErrorIs(t, err, errDown)
	b.Force(retry.ForceOpen)
	require.ErrorContains(t, b.Do(t.Context(), func(context.Context) error { return nil }), "opened by an operator")
}

func TestBreakerInsideABackoffEndsTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBreaker()
		s := newScript(errDown)
		err := retry.Compose(retry.NewBackoff(retry.BackoffOptions{Retries: 20}), b).Do(t.Context(), s.call)
		require.Len(t, s.times, 5)
		require.Equal(t, retry.Wait, retry.ClassOf(err))
		require.True(t, retry.At(err).After(time.Now()))
	})
}

func TestBreakerUnderManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened, trying, most atomic.Int64
		last := retry.Closed
		b := retry.NewBreaker("busy", retry.BreakerOptions{OnChange: func(_ string, from, to retry.State) {
			if from != last {
				t.Errorf("%s>%s told after %s", from, to, last)
			}
			if last = to; to == retry.Open {
				opened.Add(1)
			}
		}})
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for k := range 400 {
					_ = b.Do(t.Context(), func(context.Context) error {
						if b.State() == retry.HalfOpen {
							most.Store(max(most.Load(), trying.Add(1)))
							defer trying.Add(-1)
						}
						time.Sleep(time.Duration(1+(i*k)%50) * time.Millisecond)
						if (k/40)%2 == 0 {
							return errDown
						}
						return nil
					})
					time.Sleep(time.Second)
				}
			})
		}
		wg.Wait()
		require.Positive(t, opened.Load())
		require.LessOrEqual(t, most.Load(), int64(1))
	})
}

func TestBreakerRefusesSenselessNumbers(t *testing.T) {
	require.Panics(t, func() { retry.NewBreaker("", retry.BreakerOptions{}) })
	require.Panics(t, func() { retry.NewBreaker("x", retry.BreakerOptions{OpenFor: -1}) })
	require.Panics(t, func() { retry.NewBreaker("x", retry.BreakerOptions{OpenFor: time.Minute, MaxOpenFor: time.Second}) })
	for _, o := range []retry.BreakerOptions{{Ratio: -1}, {Ratio: 1.1}, {Calls: -1}, {Window: 1}} {
		require.Panics(t, func() { retry.NewBreaker("x", o) }, "%+v", o)
	}
	require.Equal(t, "invalid", retry.State(9).String())
}

// TestCountIsADoThatIsOver holds Count to Do, in every state.
func TestCountIsADoThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, changes := newBreaker()
		count := func(n int, err error) {
			for range n {
				b.Count(err)
			}
		}
		count(4, errDown)
		count(1, nil)
		count(4, errDown)
		require.Equal(t, retry.Closed, b.State(), "never five in a row")
		count(100, nil)
		count(4, errDown)
		require.Equal(t, retry.Closed, b.State(), "the successes count too, in the share")
		count(1, errDown)
		require.Equal(t, retry.Open, b.State())
		count(10, nil)
		require.Equal(t, retry.Open, b.State(), "nothing passes")
		time.Sleep(time.Until(refused(t, b)))
		count(1, nil)
		require.Equal(t, retry.HalfOpen, b.State())
		count(1, nil)
		require.Equal(t, retry.Closed, b.State())
		b.Force(retry.ForceClosed)
		count(20, errDown)
		b.Force(retry.Auto)
		require.Equal(t, retry.Closed, b.State(), "forced, nothing counts")
		require.Equal(t, []string{"prices closed>open", "prices open>half_open", "prices half_open>closed"}, *changes)
	})
}
