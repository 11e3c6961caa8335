package replay

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/rebalance"
)

// Profile is a tracker that measures how long each step of the runs takes, on the
// process's clock. Make one with [NewProfile]. It is for one backtest at a time.
type Profile struct {
	spent map[rebalance.Step]time.Duration
	step  rebalance.Step
	since time.Time
	total time.Duration
}

var _ rebalance.Tracker = (*Profile)(nil)

// NewProfile returns an empty profile.
func NewProfile() *Profile { return &Profile{spent: map[rebalance.Step]time.Duration{}} }

// Track ends the step before. The step claim begins when the journal has
// answered; the time before that belongs to no step.
func (p *Profile) Track(_ context.Context, e rebalance.Progress) {
	if e.Order != nil {
		return
	}
	now := time.Now()
	if p.step != "" {
		spent := now.Sub(p.since)
		p.spent[p.step] += spent
		p.total += spent
	}
	p.step, p.since = e.Step, now // a result ends the last step
}

// Total is the time spent in all steps.
func (p *Profile) Total() time.Duration { return p.total }

// Steps yields the steps and the time spent in each, the longest first.
func (p *Profile) Steps() iter.Seq2[rebalance.Step, time.Duration] {
	steps := slices.SortedFunc(maps.Keys(p.spent), func(a, b rebalance.Step) int {
		return cmp.Or(cmp.Compare(p.spent[b], p.spent[a]), cmp.Compare(a, b))
	})
	return func(yield func(rebalance.Step, time.Duration) bool) {
		for _, s := range steps {
			if !yield(s, p.spent[s]) {
				return
			}
		}
	}
}
