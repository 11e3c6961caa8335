package rebalance

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// Tracker observes runs. It is called in the run's own goroutine, so it should
// return at once; it cannot fail a run, and a panic in it is logged and
// forgotten. Safe for concurrent use: runs of several accounts call it.
type Tracker interface {
	Track(ctx context.Context, progress Progress)
}

// Progress is one thing that happened in a run. Exactly one of Step, Order and
// Result is set.
type Progress struct {
	Time    time.Time
	Account broker.AccountID
	Run     journal.RunID
	Event   string
	Command Command
	// Step is set when the run enters a step.
	Step Step
	// Order is set when an order was sent, and again when it ended.
	Order *OrderResult
	// Result is set at the end, whatever it is. It is a copy of the tracker's own.
	Result *Result
}

// Trackers is a tracker that tells each of some others, in order. A panic of one
// keeps none of the others from hearing; it is passed on when all have heard.
func Trackers(trackers ...Tracker) Tracker { return several(trackers) }

// several is a list of trackers.
type several []Tracker

// Track tells each of them.
func (s several) Track(ctx context.Context, p Progress) {
	if len(s) == 0 {
		return
	}
	defer s[1:].Track(ctx, p)
	s[0].Track(ctx, p)
}

// TrackerFunc is a function that is a Tracker.
type TrackerFunc func(context.Context, Progress)

// Track calls f.
func (f TrackerFunc) Track(ctx context.Context, p Progress) { f(ctx, p) }

// noTracker observes nothing.
type noTracker struct{}

func (noTracker) Track(context.Context, Progress) {}

// track tells the tracker; its panics are its own.
func (e *Engine) track(ctx context.Context, p Progress) {
	if _, none := e.cfg.Tracker.(noTracker); none {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			e.cfg.Logger.Error("tracker panicked", "account", p.Account, "run", p.Run, "err", v)
		}
	}()
	p.Time = e.cfg.Now()
	e.cfg.Tracker.Track(ctx, p)
}
