package journaltest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Names returns the names of all cases.
func Names() []string {
	var list []string
	for _, c := range cases() {
		list = append(list, c.name)
	}
	return list
}

// Failures runs the cases that match on a journal of their own and returns, by
// the name of the case, why it failed. With a harness that is durable the cases
// run reopened.
func Failures(ctx context.Context, newHarness func(T) Harness, match func(name string) bool) map[string]string {
	failed := map[string]string{}
	for _, c := range cases() {
		if !match(c.name) {
			continue
		}
		r := &recorder{ctx: ctx}
		r.run(func() {
			h := newHarness(r)
			if h.Reopen != nil && c.alone {
				c.checkReopened(r, h)
			} else {
				c.check(r, h)
			}
		})
		if r.failed {
			failed[c.name] = r.first
		}
	}
	return failed
}

// recorder is a T that notes failures instead of reporting them.
type recorder struct {
	ctx context.Context //nolint:containedctx // as in testing.T

	mu     sync.Mutex
	failed bool
	first  string
}

// run runs a case to its end or its failure.
func (r *recorder) run(work func()) {
	var done sync.WaitGroup
	done.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				r.Errorf("panic: %v", v)
			}
		}()
		work()
	})
	done.Wait()
}

func (r *recorder) Helper() {}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Cleanup(func()) {}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) FailNow() { runtime.Goexit() }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.failed {
		r.failed, r.first = true, fmt.Sprintf(format, args...)
	}
}
