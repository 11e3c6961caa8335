package marketdatatest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
)

// Failure runs the suite's test of that name in memory and returns what it said
// when it failed, or nothing.
func Failure(ctx context.Context, name string, h Harness) string {
	r := &recorder{ctx: ctx}
	for _, c := range cases() {
		if c.name != name {
			continue
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(r, h)
		}()
		<-done
	}
	return strings.Join(r.said, "\n")
}

// recorder is a test that only remembers how it failed.
type recorder struct {
	ctx  context.Context //nolint:containedctx // it is what testing.T does
	said []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) FailNow()                 { runtime.Goexit() }
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// Names are the names of the suite's tests.
func Names() []string {
	var names []string
	for _, c := range cases() {
		names = append(names, c.name)
	}
	return names
}
