package retry

import (
	"context"
	"fmt"
	"time"
)

// TimeoutError is the error of a call that [Timeout] ended. Its class is
// [Transient]; it matches context.DeadlineExceeded and what the call returned.
type TimeoutError struct {
	Limit time.Duration
	Err   error // what the call returned
}

// Error returns "retry: call ended at its limit of …: detail".
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("retry: call ended at its limit of %s: %s", e.Limit, e.Err)
}

// Unwrap returns what the call returned.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Is makes it match context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// ErrorClass returns the class for package retry.
func (e *TimeoutError) ErrorClass() string { return Transient.String() }

// Timeout bounds each call by a context that ends after limit. The call must
// heed its context: it is waited for, never left behind in a goroutine.
//
// An error after the limit is a *[TimeoutError], unless it says itself that it
// is permanent, indeterminate, of the session or a wait, or the caller's own
// context ended: then it is returned as it is. Timeout panics on a limit that is
// not positive.
func Timeout(limit time.Duration) Policy {
	if limit <= 0 {
		panic(fmt.Errorf("retry: Timeout(%s): want more than 0", limit))
	}
	return timeout(limit)
}

type timeout time.Duration

func (t timeout) Do(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := withDeadline(ctx, time.Now().Add(time.Duration(t)))
	defer cancel()
	err := f(bounded)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return err
	}
	if class := ClassOf(err); class != Transient && class != Cancelled {
		return err
	}
	return &TimeoutError{Limit: time.Duration(t), Err: err}
}
