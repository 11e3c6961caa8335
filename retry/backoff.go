package retry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Unlimited as BackoffOptions.Retries sets no limit to the number of calls;
// MaxElapsed then ends them.
const Unlimited = -1

// BackoffOptions are the numbers of a backoff.
type BackoffOptions struct {
	// Initial is the wait after the first failed call. Default: 1 s.
	Initial time.Duration
	// Multiplier makes each wait longer than the one before, at least 1. Default: 2.
	Multiplier float64
	// Max is the longest wait, jitter included. Only a dependency that asked for
	// it gets a longer one. Default: 30 s, or Initial if that is longer.
	Max time.Duration
	// Jitter spreads each wait by this fraction both ways: 0.2 is ±20 %, 1 is
	// anything from nothing to twice the wait. From 0 to 1. Default: 0, none.
	Jitter float64
	// Retries is the number of calls after the first one, or [Unlimited].
	// Default: 3.
	Retries int
	// MaxElapsed bounds the whole of the calls and waits: the context of the
	// calls ends then. Default: 0, no bound.
	MaxElapsed time.Duration
	// MaxWait is the longest wait that a dependency may ask for (see [At]). When
	// it asks for more, the error is returned at once, as class Wait. Default: 5 min.
	MaxWait time.Duration
	// Budget bounds the retries of all policies that share it. Default: nil, no bound.
	Budget *Budget
}

// Check reports everything that is wrong with the options.
func (o BackoffOptions) Check() error {
	o = o.withDefaults()
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("retry: backoff: "+format, args...))
	}
	if o.Initial < 0 {
		fault("Initial is %s: want more than 0", o.Initial)
	}
	if !(o.Multiplier >= 1) || math.IsInf(o.Multiplier, 0) {
		fault("Multiplier is %g: want 1 or more", o.Multiplier)
	}
	if o.Max < o.Initial {
		fault("Max is %s: want at least Initial, %s", o.Max, o.Initial)
	}
	if !(o.Jitter >= 0 && o.Jitter <= 1) {
		fault("Jitter is %g: want a fraction from 0 to 1", o.Jitter)
	}
	if o.Retries < Unlimited {
		fault("Retries is %d: want 1 or more, or Unlimited", o.Retries)
	}
	if o.Retries == Unlimited && o.MaxElapsed == 0 {
		fault("Retries is Unlimited: MaxElapsed must then set an end")
	}
	if o.MaxElapsed < 0 {
		fault("MaxElapsed is %s: want 0 or more", o.MaxElapsed)
	}
	if o.MaxWait < 0 {
		fault("MaxWait is %s: want 0 or more", o.MaxWait)
	}
	return errors.Join(errs...)
}

// withDefaults fills in what was left zero.
func (o BackoffOptions) withDefaults() BackoffOptions {
	if o.Initial == 0 {
		o.Initial = time.Second
	}
	if o.Multiplier == 0 {
		o.Multiplier = 2
	}
	if o.Max == 0 {
		o.Max = max(30*time.Second, o.Initial)
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.MaxWait == 0 {
		o.MaxWait = 5 * time.Minute
	}
	return o
}

// Backoff calls again after errors of class [Transient], with growing waits in
// between. An error of any other class is returned at once, as it is.
//
// A dependency that says when to call again (see [At]) is not called before; if
// that time does not fit into MaxWait, MaxElapsed or the context's deadline, the
// error is returned at once as class [Wait] with its time.
//
// A wait that the context's deadline would cut is not begun. When the context
// ends during a wait, the error matches its cause, its Err and the last error;
// its class is [Cancelled], or Transient after a deadline, unless the cause
// declares another. Every other end returns the last error behind a text that
// says why; its class is Transient; with a used-up budget it matches [ErrBudget].
//
// f is always called at least once. It is safe for concurrent use; each Do
// begins anew.
type Backoff struct {
	o BackoffOptions
}

var _ Policy = (*Backoff)(nil)

// NewBackoff returns a backoff. It panics on options that their Check refuses;
// call that first when they come from a configuration.
func NewBackoff(o BackoffOptions) *Backoff {
	if err := o.Check(); err != nil {
		panic(err)
	}
	return &Backoff{o.withDefaults()}
}

// Do calls f until it succeeds or another call is of no use.
func (b *Backoff) Do(ctx context.Context, f func(context.Context) error) error {
	b.o.Budget.called()
	s := series{o: &b.o, start: time.Now()}
	bounded := ctx
	if b.o.MaxElapsed > 0 {
		var cancel context.CancelFunc
		bounded, cancel = withDeadline(ctx, s.start.Add(b.o.MaxElapsed))
		defer cancel()
	}
	for {
		err := f(bounded)
		if err == nil {
			return nil
		}
		s.calls++
		wait, end := s.next(ctx, bounded, err)
		if end != nil {
			return end
		}
		if !sleep(ctx, wait) {
			return s.stopped(ctx, err)
		}
	}
}

// series is the state of one Do.
type series struct {
	o     *BackoffOptions
	start time.Time
	calls int
	waits *backoff.ExponentialBackOff // made when first needed
}

// next returns how long to wait before the next call, or the error to end with.
func (s *series) next(ctx, bounded context.Context, err error) (time.Duration, error) {
	switch class := ClassOf(err); {
	case class != Transient && class != Cancelled:
		return 0, err
	case ctx.Err() != nil:
		return 0, s.stopped(ctx, err)
	case bounded.Err() != nil:
		return 0, As(s.ended(err, fmt.Sprintf("its %s are used up", s.o.MaxElapsed)), Transient)
	case class == Cancelled:
		return 0, err
	}
	if s.o.Retries != Unlimited && s.calls > s.o.Retries {
		return 0, s.ended(err, "no retry is left")
	}
	wait, asked := s.wait(err)
	if why := s.obstacle(ctx, wait, asked); why != "" {
		end := s.ended(err, why)
		if asked {
			end = As(end, Wait)
		}
		return 0, end
	}
	if !s.o.Budget.retry() {
		return 0, &budgetError{s.ended(err, ErrBudget.Error())}
	}
	return wait, nil
}

// wait returns the next wait: the next of the growing ones, or a longer one that
// the dependency asked for.
func (s *series) wait(err error) (wait time.Duration, asked bool) {
	if s.waits == nil {
		s.waits = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(s.o.Initial),
			backoff.WithMultiplier(s.o.Multiplier),
			backoff.WithMaxInterval(s.o.Max),
			backoff.WithRandomizationFactor(s.o.Jitter),
			backoff.WithMaxElapsedTime(0),
		)
	}
	wait = min(max(s.waits.NextBackOff(), 0), s.o.Max)
	if at := At(err); !at.IsZero() {
		if d := time.Until(at); d > wait {
			return d, true
		}
	}
	return wait, false
}

// obstacle says why there is no time for a wait, or nothing.
func (s *series) obstacle(ctx context.Context, wait time.Duration, asked bool) string {
	shown := wait.Round(time.Millisecond)
	if asked && wait > s.o.MaxWait {
		return fmt.Sprintf("asked to wait %s, more than %s", shown, s.o.MaxWait)
	}
	now := time.Now()
	if limit := s.o.MaxElapsed; limit > 0 && now.Sub(s.start)+wait >= limit {
		return fmt.Sprintf("the next wait of %s would pass its %s", shown, limit)
	}
	if deadline, ok := ctx.Deadline(); ok && !deadline.After(now.Add(wait)) {
		return fmt.Sprintf("the next wait of %s would pass the deadline", shown)
	}
	return ""
}

// ended returns err behind a text that says why there is no other call.
func (s *series) ended(err error, why string) error {
	calls := "1 call"
	if s.calls != 1 {
		calls = fmt.Sprintf("%d calls", s.calls)
	}
	return fmt.Errorf("retry: gave up after %s: %s: %w", calls, why, err)
}

// stopped returns the error for a context that ended.
func (s *series) stopped(ctx context.Context, last error) error {
	return stopped(ctx, s.ended(last, context.Cause(ctx).Error()).Error(), last)
}

// sleep waits, and reports whether the context is still alive then.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
