package retry

import (
	"context"
	"errors"
)

// stoppedError says that the caller's context ended. It matches the context's
// Err, its cause and the errors that came before.
type stoppedError struct {
	text  string
	class Class
	errs  []error
}

// stopped returns the error for a context that ended. Its class is that of the
// cause if that declares one, else what the end of a context means.
func stopped(ctx context.Context, text string, before ...error) error {
	cause := context.Cause(ctx)
	class := ClassOf(cause)
	if class == Transient && errors.Is(ctx.Err(), context.Canceled) {
		class = Cancelled
	}
	return &stoppedError{text: text, class: class, errs: append([]error{ctx.Err(), cause}, before...)}
}

func (e *stoppedError) Error() string      { return e.text }
func (e *stoppedError) Unwrap() []error    { return e.errs }
func (e *stoppedError) ErrorClass() string { return e.class.String() }
