package queuetest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/evenkeel/evenkeel/queue/queuetest"
)

// recorder is a queuetest.T that notes failures instead of reporting them.
type recorder struct {
	ctx context.Context //nolint:containedctx // that is what T.Context returns

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

var _ queuetest.T = (*recorder)(nil)

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Context() context.Context {
	return r.ctx
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) FailNow() {
	r.Errorf("FailNow")
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// failures runs one case of the suite on a mutant, in a bubble, and returns what
// it found.
func failures(t *testing.T, name string, m mutant) []string {
	t.Helper()
	r := &recorder{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r.ctx = ctx
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					r.Errorf("panic: %v", v)
				}
			}()
			queuetest.Check(name, r, harness(t, m))
		})
		wg.Wait()
		for _, f := range r.cleanups {
			f()
		}
		cancel()
	})
	return r.failures
}
