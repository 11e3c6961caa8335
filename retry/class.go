package retry

import (
	"context"
	"errors"
	"time"
)

// Class says what may be done about an error.
type Class uint8

// The classes. The zero value is Transient: the class of an error that nobody
// classified, as long as nothing was sent.
const (
	Transient     Class = iota // try again with backoff
	Wait                       // try again at a known time; costs no attempt
	Permanent                  // will never work as asked
	Indeterminate              // it is not known whether it happened: resolve, never repeat
	Session                    // the session is in doubt: freeze sends, read everything again
	Cancelled                  // the caller gave up; says nothing about the dependency
)

// classNames are the names that ErrorClass methods return.
var classNames = [...]string{"transient", "wait", "permanent", "indeterminate", "session", "cancelled"}

// String returns the class's name.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "invalid"
}

// ClassOf returns the class of an error: that of the first error in its tree
// with a method ErrorClass() string that names one; else [Cancelled] for
// context.Canceled; else [Transient], which includes context.DeadlineExceeded.
func ClassOf(err error) Class {
	var c interface{ ErrorClass() string }
	if errors.As(err, &c) {
		name := c.ErrorClass()
		for i, n := range classNames {
			if n == name {
				return Class(i)
			}
		}
	}
	if errors.Is(err, context.Canceled) {
		return Cancelled
	}
	return Transient
}

// At returns when a dependency asked to be called again: what the first error
// in the tree with a method RetryAt() time.Time says. Zero is no wish.
func At(err error) time.Time {
	var r interface{ RetryAt() time.Time }
	if errors.As(err, &r) {
		return r.RetryAt()
	}
	return time.Time{}
}

// As returns err with a class of the caller's choice, which wins over any class
// inside err. It returns nil for nil.
func As(err error, class Class) error {
	if err == nil {
		return nil
	}
	return &classified{err, class}
}

// classified is an error with a class given from outside.
type classified struct {
	err   error
	class Class
}

func (c *classified) Error() string      { return c.err.Error() }
func (c *classified) Unwrap() error      { return c.err }
func (c *classified) ErrorClass() string { return c.class.String() }
