package marketdata

import (
	"errors"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// ladderError is that every rung of a ladder failed. Its class for package
// retry is the one of the rung that gives most hope: permanent only if all are.
type ladderError struct {
	rungs []error // one a rung, in order, each with the rung's name
}

func (e *ladderError) Error() string {
	texts := make([]string, len(e.rungs))
	for i, err := range e.rungs {
		texts[i] = oneLine(err)
	}
	return "marketdata: ladder: no rung answered: " + strings.Join(texts, "; ")
}

// Unwrap returns the errors of the rungs.
func (e *ladderError) Unwrap() []error { return e.rungs }

// ErrorClass returns session if a rung says so, as that is about more than
// prices; else transient if one is that or has no class; else wait; else
// permanent.
func (e *ladderError) ErrorClass() string {
	seen := map[string]bool{}
	for _, err := range e.rungs {
		seen[class(err)] = true
	}
	for _, k := range [...]broker.Kind{broker.KindSession, broker.KindTransient, broker.KindWait} {
		if seen[k.String()] {
			return k.String()
		}
	}
	return broker.KindPermanent.String()
}

// RetryAt returns the earliest time at which a rung asked to be called again;
// zero if one of those that may be called again has no such wish.
func (e *ladderError) RetryAt() time.Time {
	var first time.Time
	for _, err := range e.rungs {
		if class(err) == broker.KindPermanent.String() {
			continue
		}
		var r interface{ RetryAt() time.Time }
		if !errors.As(err, &r) || r.RetryAt().IsZero() {
			return time.Time{}
		}
		if at := r.RetryAt(); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// class returns the class that an error names, transient for any but those that
// the ladder tells apart.
func class(err error) string {
	var c interface{ ErrorClass() string }
	if errors.As(err, &c) {
		switch name := c.ErrorClass(); name {
		case broker.KindSession.String(), broker.KindWait.String(), broker.KindPermanent.String():
			return name
		}
	}
	return broker.KindTransient.String()
}

// oneLine returns the text of an error that may be joined of several.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
