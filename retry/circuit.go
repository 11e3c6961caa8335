package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Mode says who decides about a [CircuitBreaker].
type Mode uint8

// The modes.
const (
	Auto        Mode = iota // the results of the calls
	ForceOpen               // an operator: no call passes
	ForceClosed             // an operator: every call passes
)

// BreakerOptions are the numbers of a breaker.
type BreakerOptions struct {
	// Failures is how many calls must fail one after the other to open it. Default: 5.
	Failures uint32
	// Ratio opens it as well, when at least this share of the calls of Window
	// failed, more than 0 and at most 1, and there were at least Calls of them.
	// Default: 0.5.
	Ratio float64
	// Calls is from how many calls on Ratio counts. Default: 10.
	Calls int
	// Window is the time over which Ratio is counted. Default: 1 min.
	Window time.Duration
	// Successes is how many calls must succeed, one after the other, to close it
	// when it is half open. Default: 2.
	Successes uint32
	// OpenFor is how long it stays open before one call may try. It doubles each
	// time that call fails. Default: 30 s.
	OpenFor time.Duration
	// MaxOpenFor is the longest that it stays open. Default: 5 min, or OpenFor if
	// that is longer.
	MaxOpenFor time.Duration
	// OnChange hears of each change of state, one at a time and in order, from
	// the goroutine that found it. It may call the breaker. Default: nil.
	OnChange func(name string, from, to State)
}

// CircuitBreaker is a [Breaker] with three states. Closed, it lets all calls
// pass and opens after a number of consecutive failures, or when too large a share
// of the recent calls failed. Open, it refuses every call with an *[OpenError].
// After a while it is half open: one call at a time passes; a few successes close
// it, a failure opens it for twice as long.
//
// Only an error of class [Transient] is a failure, and a panic. An error of any
// other class is neither failure nor success: a wait and a permanent error show
// that the dependency answers; a session event or an unknown outcome is healed
// by reading again, which an open breaker would prevent; and a cancelled call
// says nothing, whatever its error.
//
// It is safe for concurrent use and starts no goroutine. It finds that its time
// is over when it is next called or asked for its state.
type CircuitBreaker struct {
	name    string
	o       BreakerOptions
	machine *gobreaker.CircuitBreaker[struct{}] // its lock is taken before mu, never under it

	mu        sync.Mutex
	mode      Mode
	state     State         // of the machine
	shown     State         // as last told to OnChange
	recent    window        // calls and failures while it is closed
	trying    bool          // a call tries while it is half open
	openFor   time.Duration // how long it is open, the next time
	until     time.Time     // of the present opening
	last      error         // the failure that opened it
	news      []change      // not yet told
	reporting bool          // somebody is telling
}

var _ Breaker = (*CircuitBreaker)(nil)

// change is one change of state.
type change struct{ from, to State }

// What a call says about the dependency, for the machine.
var (
	errFailure = errors.New("failure")
	errNeutral = errors.New("neither failure nor success")
)

// NewBreaker returns a closed breaker for the dependency that name names. It
// panics without a name or on a number outside its range.
func NewBreaker(name string, o BreakerOptions) *CircuitBreaker {
	o.Failures = cmp.Or(o.Failures, 5)
	o.OpenFor = cmp.Or(o.OpenFor, 30*time.Second)
	o.MaxOpenFor = cmp.Or(o.MaxOpenFor, max(5*time.Minute, o.OpenFor))
	o.Ratio = cmp.Or(o.Ratio, 0.5)
	o.Calls = cmp.Or(o.Calls, 10)
	o.Window = cmp.Or(o.Window, time.Minute)
	o.Successes = cmp.Or(o.Successes, 2)
	if name == "" || o.OpenFor < time.Millisecond || o.MaxOpenFor < o.OpenFor {
		panic(fmt.Errorf("retry: breaker %q: OpenFor %s, MaxOpenFor %s: want a name, at least 1 ms, and a maximum that is not less",
			name, o.OpenFor, o.MaxOpenFor))
	}
	if !(o.Ratio > 0 && o.Ratio <= 1) || o.Calls < 0 || o.Window < time.Millisecond {
		panic(fmt.Errorf("retry: breaker %q: Ratio %g, Calls %d, Window %s: want a ratio from 0 to 1, 1 call or more, a window of 1 ms or more",
			name, o.Ratio, o.Calls, o.Window))
	}
	b := &CircuitBreaker{name: name, o: o, openFor: o.OpenFor, recent: newWindow(o.Window)}
	b.machine = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name,
		// So many successes close it. That one call tries at a time is up to enter.
		MaxRequests: o.Successes,
		// The machine counts itself open through the very last instant; ours is
		// over at until.
		Timeout:       o.OpenFor - 1,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= o.Failures || b.tooMany() },
		IsExcluded:    func(err error) bool { return errors.Is(err, errNeutral) },
		OnStateChange: func(_ string, _, to gobreaker.State) { b.moved(stateOf(to)) },
	})
	return b
}

// Do calls f if calls pass now, else it returns an *[OpenError].
func (b *CircuitBreaker) Do(ctx context.Context, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return stopped(ctx, fmt.Sprintf("retry: breaker %s: not called: %s", b.name, context.Cause(ctx)))
	}
	defer b.report()
	way, refusal := b.enter()
	switch {
	case refusal != nil:
		return refusal
	case way == past:
		return f(ctx)
	case way == trial:
		defer b.tried()
	}
	called := false
	var result error
	_, err := b.machine.Execute(func() (struct{}, error) {
		called = true
		result = f(ctx)
		return struct{}{}, b.verdict(ctx, result)
	})
	if !called {
		return b.refused(err)
	}
	return result
}

// Count counts the result of a call that the breaker did not stand before, as Do
// would. While calls do not pass, it counts nothing.
//
//nolint:contextcheck,nolintlint // there is no call to pass a context to
func (b *CircuitBreaker) Count(err error) {
	if err == nil && b.machine.Counts().ConsecutiveFailures == 0 && b.countSuccess() {
		return
	}
	_ = b.Do(context.Background(), func(context.Context) error { return err }) //nolint:errcheck // it is the caller's
}

// countSuccess counts a success that changes no state, without asking the machine,
// which has no failures to forget. It reports whether it was such a one.
func (b *CircuitBreaker) countSuccess() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mode != Auto || b.state != Closed || b.shown != Closed {
		return false
	}
	b.recent.add(time.Now(), counts{calls: 1})
	return true
}

// State returns the present state. A forced breaker is open or closed.
func (b *CircuitBreaker) State() State {
	defer b.report()
	if b.due() {
		b.machine.State() // moves on if its time is over
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.present()
}

// Force opens or closes the breaker until it is forced otherwise, or hands it
// back to the results of the calls with [Auto], in the state that they left.
// While it is forced, results do not count.
func (b *CircuitBreaker) Force(mode Mode) {
	b.mu.Lock()
	b.mode = mode
	b.changed()
	b.mu.Unlock()
	b.report()
}

// passage is how a call passes.
type passage uint8

const (
	through passage = iota // counted, while it is closed
	trial                  // counted, as the one that tries
	past                   // not counted
)

// enter returns how a call passes, or an error if it does not for sure.
func (b *CircuitBreaker) enter() (passage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.mode == ForceOpen:
		return past, &OpenError{Name: b.name, Until: time.Now().Add(b.o.OpenFor), Forced: true}
	case b.mode == ForceClosed:
		b.changed()
		return past, nil
	case b.state == Closed:
		b.changed()
		return through, nil
	}
	now := time.Now()
	switch {
	case now.Before(b.until):
		return past, &OpenError{Name: b.name, Until: b.until, Last: b.last}
	case b.trying:
		return past, &OpenError{Name: b.name, Until: now.Add(b.o.OpenFor / 10), Last: b.last}
	}
	b.changed()
	b.trying = true
	return trial, nil
}

// tried lets another call try.
func (b *CircuitBreaker) tried() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
}

// tooMany reports whether too large a share of the calls failed. The machine's lock
// is held.
func (b *CircuitBreaker) tooMany() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := b.recent.sum
	return sum.calls >= b.o.Calls && float64(sum.trouble) >= b.o.Ratio*float64(sum.calls)
}

// due reports whether the machine must be asked for the state.
func (b *CircuitBreaker) due() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed()
	return b.mode == Auto && !time.Now().Before(b.until)
}

// present returns the state as users see it. The caller holds mu. The machine
// knows nothing of a longer opening, so it may be half open too early.
func (b *CircuitBreaker) present() State {
	switch {
	case b.mode == ForceOpen:
		return Open
	case b.mode == ForceClosed:
		return Closed
	case b.state != Closed && time.Now().Before(b.until):
		return Open
	}
	return b.state
}

// verdict tells the machine what a result says about the dependency.
func (b *CircuitBreaker) verdict(ctx context.Context, err error) error {
	if err != nil && (ClassOf(err) != Transient || errors.Is(ctx.Err(), context.Canceled)) {
		return errNeutral
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.recent.add(time.Now(), counts{calls: 1})
		return nil
	}
	b.recent.add(time.Now(), counts{calls: 1, trouble: 1})
	b.last = err
	return errFailure
}

// refused returns the error for a call that the machine did not let pass: it
// opened a moment ago, or another call is trying.
func (b *CircuitBreaker) refused(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	until := b.until
	if errors.Is(err, gobreaker.ErrTooManyRequests) {
		until = time.Now().Add(b.o.OpenFor / 10)
	}
	return &OpenError{Name: b.name, Until: until, Last: b.last}
}

// moved takes note of the machine's new state. The machine's lock is held.
func (b *CircuitBreaker) moved(to State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = to
	b.recent.clear()
	switch to {
	case Open:
		b.until = time.Now().Add(b.openFor)
		b.openFor = min(2*b.openFor, b.o.MaxOpenFor)
	case Closed:
		b.openFor, b.last = b.o.OpenFor, nil
	case HalfOpen:
	}
	b.changed()
}

// changed keeps a change of the shown state for report. The caller holds mu.
func (b *CircuitBreaker) changed() {
	to := b.present()
	if to == b.shown {
		return
	}
	if b.o.OnChange != nil {
		b.news = append(b.news, change{b.shown, to})
	}
	b.shown = to
}

// report tells OnChange what happened, in order, with no lock held.
func (b *CircuitBreaker) report() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reporting {
		return
	}
	b.reporting = true
	defer func() { b.reporting = false }()
	for len(b.news) > 0 {
		c := b.news[0]
		b.news = b.news[1:]
		b.tell(c)
	}
}

// tell calls OnChange. The caller holds mu, which is free during the call.
func (b *CircuitBreaker) tell(c change) {
	b.mu.Unlock()
	defer b.mu.Lock()
	b.o.OnChange(b.name, c.from, c.to)
}

// stateOf translates the machine's state.
func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	case gobreaker.StateClosed:
	}
	return Closed
}
