package allocationtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/allocationtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broken is a Static with a fault.
type broken struct {
	*allocation.Static
	get func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error)
	set func(a allocation.Allocation, next func(...allocation.Allocation) error) error
}

type ask func(context.Context, allocation.Query) (allocation.Allocation, error)

func (b *broken) Allocation(ctx context.Context, q allocation.Query) (allocation.Allocation, error) {
	if b.get == nil {
		return b.Static.Allocation(ctx, q)
	}
	return b.get(ctx, q, b.Static.Allocation)
}

func (b *broken) Set(a allocation.Allocation) error {
	if b.set == nil {
		return b.Static.Set(a)
	}
	return b.set(a, func(all ...allocation.Allocation) error { return b.Static.Set(all...) })
}

// changed is a broken Static that changes what it would answer.
func changed(change func(a *allocation.Allocation)) func() *broken {
	return func() *broken {
		return &broken{get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
			a, err := next(ctx, q)
			if err == nil {
				change(&a)
			}
			return a, err
		}}
	}
}

// failing is a broken Static that changes the error that it would answer.
func failing(change func(q allocation.Query, err error) (allocation.Allocation, error)) func() *broken {
	return func() *broken {
		return &broken{get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
			a, err := next(ctx, q)
			if err != nil && ctx.Err() == nil {
				return change(q, err)
			}
			return a, err
		}}
	}
}

// Every fault must be found by the case that names it.
func TestSuiteFindsFaults(t *testing.T) {
	faults := []struct {
		fault string
		in    string // the case that must fail
		make  func() *broken
	}{
		{"drops the last target", "gives the targets in full", changed(func(a *allocation.Allocation) { a.Targets = a.Targets[:len(a.Targets)-1] })},
		{"forgets the strategy", "gives the targets in full", changed(func(a *allocation.Allocation) { a.Strategy = "" })},
		{"forgets the schema", "gives the targets in full", changed(func(a *allocation.Allocation) { a.Schema = 0 })},
		{"rounds like a float", "keeps every digit of a weight", changed(func(a *allocation.Allocation) {
			for i, x := range a.Targets {
				f, _ := x.Weight.Float64()
				a.Targets[i].Weight, _ = decimal.NewFromString(fmt.Sprint(f))
			}
		})},
		{"gives the present time", "says when the targets were decided", changed(func(a *allocation.Allocation) { a.AsOf = time.Now() })},
		{"has no version", "names a version that goes with the targets", changed(func(a *allocation.Allocation) { a.Version = "" })},
		{"always has the same version", "names a version that goes with the targets", changed(func(a *allocation.Allocation) { a.Version = "1" })},
		{"has a new version each time", "names a version that goes with the targets", changed(func(a *allocation.Allocation) {
			a.Version = fmt.Sprint(time.Now().UnixNano())
		})},
		{"keeps the first answer", "gives what is there now", keepsFirst},
		{"takes parts of a name", "keeps strategies apart, whatever their names", func() *broken {
			return &broken{
				get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
					a, err := next(ctx, allocation.Query{Strategy: q.Strategy[:1]})
					a.Strategy = q.Strategy
					return a, err
				},
				set: func(a allocation.Allocation, next func(...allocation.Allocation) error) error {
					a.Strategy = a.Strategy[:1]
					return next(a)
				},
			}
		}},
		{"has nothing to say about an unknown strategy", "reports an unknown strategy", failing(func(allocation.Query, error) (allocation.Allocation, error) {
			return allocation.Allocation{}, nil
		})},
		{"has a plain error for an unknown strategy", "reports an unknown strategy", failing(func(allocation.Query, error) (allocation.Allocation, error) {
			return allocation.Allocation{}, errors.New("not there")
		})},
		{"calls an unknown strategy transient", "reports an unknown strategy", failing(func(q allocation.Query, err error) (allocation.Allocation, error) {
			return allocation.Allocation{}, &allocation.Error{Account: q.Account, Strategy: q.Strategy, Err: err}
		})},
		{"gives something together with an error", "reports an unknown strategy", failing(func(_ allocation.Query, err error) (allocation.Allocation, error) {
			return allocation.Allocation{Strategy: "x"}, err
		})},
		{"trims names", "reports an unknown strategy", func() *broken {
			return &broken{get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
				if q.Strategy == "core " {
					q.Strategy = "core"
				}
				return next(ctx, q)
			}}
		}},
		{"gives invalid allocations", "never gives an invalid allocation", lenient},
		{"replaces an invalid allocation by the last good one", "never gives an invalid allocation", func() *broken {
			return &broken{
				set: func(a allocation.Allocation, next func(...allocation.Allocation) error) error {
					_ = next(a)
					return nil
				},
				get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
					if a, err := next(ctx, q); err == nil {
						return a, nil
					}
					return next(ctx, allocation.Query{Strategy: "old"})
				},
			}
		}},
		{"shares its targets", "hands the allocation over to the caller", shares},
		{"does not look at its context", "ends with its context", func() *broken {
			return &broken{get: func(_ context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
				return next(context.Background(), q)
			}}
		}},
		{"calls a cancelled call transient", "ends with its context", func() *broken {
			return &broken{get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
				a, err := next(ctx, q)
				if err != nil {
					err = &allocation.Error{Err: err}
				}
				return a, err
			}}
		}},
		{"mixes versions", "is safe for concurrent use", mixes},
	}
	for _, c := range allocationtest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			require.False(t, fails(t, c, &broken{}), "it fails without a fault")
			n := 0
			for _, f := range faults {
				if f.in == c.Name {
					n++
					require.True(t, fails(t, c, f.make()), "a source that %s passes", f.fault)
				}
			}
			require.Positive(t, n, "no fault shows that the case can fail")
		})
	}
}

// keepsFirst never looks again.
func keepsFirst() *broken {
	kept := map[string]allocation.Allocation{}
	return &broken{get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
		if a, ok := kept[q.Strategy]; ok {
			return a, nil
		}
		a, err := next(ctx, q)
		if err == nil {
			kept[q.Strategy] = a
		}
		return a, err
	}}
}

// lenient checks nothing.
func lenient() *broken {
	kept := map[string]allocation.Allocation{}
	return &broken{
		set: func(a allocation.Allocation, _ func(...allocation.Allocation) error) error {
			kept[a.Strategy] = a
			return nil
		},
		get: func(_ context.Context, q allocation.Query, _ ask) (allocation.Allocation, error) {
			return kept[q.Strategy], nil
		},
	}
}

// shares gives every caller the same slice.
func shares() *broken {
	b := keepsFirst()
	b.set = func(a allocation.Allocation, next func(...allocation.Allocation) error) error { return next(a) }
	return b
}

// mixes gives the targets of two versions at once.
func mixes() *broken {
	var mu sync.Mutex
	var last allocation.Allocation
	return &broken{get: func(ctx context.Context, q allocation.Query, next ask) (allocation.Allocation, error) {
		mu.Lock()
		defer mu.Unlock()
		a, err := next(ctx, q)
		if err != nil {
			return a, err
		}
		before := last
		last = a
		a.Targets = append(a.Targets[:1:1], before.Targets...)
		return a, nil
	}}
}

// fails runs a case against a source and reports whether it failed.
func fails(t *testing.T, c allocationtest.Case, b *broken) bool {
	t.Helper()
	s, err := allocation.NewStatic(allocation.Rules{})
	require.NoError(t, err)
	b.Static = s
	r := &recorder{ctx: t.Context()}
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(r, allocationtest.Harness{Source: b, Set: b.Set}) })
	wg.Wait()
	return r.failed
}

// recorder is a T that notes failure.
type recorder struct {
	ctx    context.Context //nolint:containedctx // stands in for *testing.T
	failed bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Logf(string, ...any)      {}
func (r *recorder) Errorf(string, ...any)    { r.failed = true }
func (r *recorder) FailNow()                 { r.failed = true; runtime.Goexit() }
func (r *recorder) Context() context.Context { return r.ctx }
