package retry

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrBudget says that the retries that are allowed for a dependency were used
// up, by this call or by others.
var ErrBudget = errors.New("the retry budget is used up")

// BudgetOptions are the numbers of a budget.
type BudgetOptions struct {
	// Ratio is how many retries are allowed for each call, more than 0 and at
	// most 1. Default: 0.2.
	Ratio float64
	// Floor is how many retries are allowed however few the calls. Default: 3.
	Floor int
	// Window is the time over which calls and retries are counted. Default: 1 min.
	Window time.Duration
}

// Budget bounds the retries of all calls to one dependency, so that a
// dependency in trouble does not get a multiple of its usual load. Give one to
// the [BackoffOptions] of every policy for that dependency in the process.
//
// Within a window there are at most max(Floor, Ratio × first calls) retries. It
// is safe for concurrent use. A nil Budget allows everything.
type Budget struct {
	o BudgetOptions

	mu     sync.Mutex
	recent window // first calls and retries
}

// NewBudget returns a budget. It panics on a number outside its range.
func NewBudget(o BudgetOptions) *Budget {
	o.Ratio = cmp.Or(o.Ratio, 0.2)
	o.Floor = cmp.Or(o.Floor, 3)
	o.Window = cmp.Or(o.Window, time.Minute)
	if !(o.Ratio > 0 && o.Ratio <= 1) || o.Floor < 0 || o.Window < time.Millisecond {
		panic(fmt.Errorf("retry: budget: Ratio %g, Floor %d, Window %s: want a ratio from 0 to 1, a floor of 1 or more, a window of 1 ms or more",
			o.Ratio, o.Floor, o.Window))
	}
	return &Budget{o: o, recent: newWindow(o.Window)}
}

// called counts a first call.
func (b *Budget) called() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent.add(time.Now(), counts{calls: 1})
}

// retry counts a retry if it is allowed, and reports whether it is.
func (b *Budget) retry() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.recent.slide(now)
	if sum := b.recent.sum; sum.trouble >= max(b.o.Floor, int(b.o.Ratio*float64(sum.calls))) {
		return false
	}
	b.recent.add(now, counts{trouble: 1})
	return true
}

// budgetError makes the last error match ErrBudget too.
type budgetError struct{ error }

func (e *budgetError) Unwrap() error        { return e.error }
func (e *budgetError) Is(target error) bool { return target == ErrBudget }
