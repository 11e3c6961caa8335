package sim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"
)

// trace is everything that happened, as a hash and, if asked for, as lines.
type trace struct {
	sum   uint64
	steps int
	log   io.Writer
}

// step adds a line.
func (t *trace) step(now time.Time, who, what, account string, err error) {
	t.steps++
	h := fnv.New64a()
	fmt.Fprintf(h, "%016x %d %s %s %s %s", t.sum, now.UnixNano(), who, what, account, class(err))
	t.sum = h.Sum64()
	if t.log == nil {
		return
	}
	fmt.Fprintf(t.log, "%6d %s %-10s %-4s %s", t.steps, now.UTC().Format("02 15:04:05.000000"), who, account, what)
	if err != nil {
		fmt.Fprintf(t.log, " -> %v", err)
	}
	fmt.Fprintln(t.log)
}

// class is what of an error belongs to the trace: whether there was one.
func class(err error) string {
	var lie *lie
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &lie):
		return "lie"
	}
	return "error"
}

// lie is an error that a fault made.
type lie struct{ what string }

func (l *lie) Error() string { return "sim: " + l.what }

// ErrorClass makes it an error after which the engine may try again.
func (l *lie) ErrorClass() string { return "transient" }
