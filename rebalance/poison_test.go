package rebalance_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// onPlace is a rig in which something happens before each order is placed.
func onPlace(t *testing.T, do func() error) *rig {
	t.Helper()
	return newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
		sim.OnCall = func(c fake.Call) error {
			if c.Method == fake.MethodPlace && !c.After {
				return do()
			}
			return nil
		}
	})
}

// TestAnOrderThatPanicsIsGivenUp: the adapter panics on each order, which is proven not
// to have been sent. Over all deliveries it is tried ten times at most.
func TestAnOrderThatPanicsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := 0
		r := onPlace(t, func() error { places++; panic("nil map in the adapter") })
		id := r.publish(queue.Event{})
		r.unattended(24 * time.Hour)
		require.Contains(t, []queue.State{queue.Done, queue.Dead}, r.entry(id).State, history(r.entry(id)))
		require.LessOrEqual(t, places, 10)
		require.Empty(t, r.standing().Open)
		require.Equal(t, "1000", r.held("A"))
	})
}

// TestALongAnswerEndsAsAShortOneDoes: the broker says more about an order than the
// journal keeps of it.
func TestALongAnswerEndsAsAShortOneDoes(t *testing.T) {
	for name, c := range map[string]struct {
		fault   fake.Fault
		err     error
		outcome journal.OrderOutcome
	}{
		"a refusal": {fault: fake.RejectOrder{N: 1, Reason: strings.Repeat("no ", 30_000)}, outcome: journal.Rejected},
		"an error": {
			err:     &broker.Error{Op: "place", Kind: broker.KindPermanent, Err: errors.New(strings.Repeat("<html>", 20_000))},
			outcome: journal.NotSent,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := onPlace(t, func() error { return c.err })
				if c.fault != nil {
					r.broker.Inject(c.fault)
				}
				id := r.publish(queue.Event{})
				r.until(id, queue.Done)
				o := order(t, r.run(id), "A")
				require.Equal(t, c.outcome, o.Outcome)
				require.NotEmpty(t, o.Reason)
				require.LessOrEqual(t, len(o.Reason), queue.MaxDetail)
			})
		})
	}
}

// noFinish is a journal that finishes no run while it is down.
type noFinish struct {
	journal.Journal
	down *bool
}

func (j noFinish) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	if *j.down {
		return errors.New("no answer")
	}
	return j.Journal.Finish(ctx, g, o)
}

// TestAResultThatCannotBeStoredIsNotThrownAway: nothing more is sent meanwhile, and the
// event ends once it can be stored, however old it is then.
func TestAResultThatCannotBeStoredIsNotThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Journal = noFinish{cfg.Journal, &down}
			cfg.Events.MaxAge = time.Hour
		})
		id := r.publish(queue.Event{})
		r.unattended(3 * time.Hour)
		require.Equal(t, queue.Delayed, r.entry(id).State, history(r.entry(id)))
		require.Equal(t, 2, r.sent())
		down = false
		r.until(id, queue.Done)
		require.Equal(t, rebalance.Completed, r.run(id).Outcome)
		require.Equal(t, 2, r.sent())
	})
}

// TestADeadLetterTellsItsStory: each attempt is in its history with run, class and
// cause, and what is asked for again names it.
func TestADeadLetterTellsItsStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.OnCall = func(c fake.Call) error {
				if c.Method == fake.MethodSnapshot && !c.After {
					return &broker.Error{Op: "snapshot", Err: context.DeadlineExceeded}
				}
				return nil
			}
		})
		id := r.publish(queue.Event{Payload: []byte(`{"reason":"x"}`)})
		e := r.until(id, queue.Dead)
		require.JSONEq(t, `{"reason":"x"}`, string(e.Event.Payload))
		attempts := 0
		for _, h := range e.History {
			if h.What != "retry" && h.What != "dead" {
				continue
			}
			attempts++
			require.Equal(t, attempts, h.Attempt)
			require.NotEmpty(t, h.Run)
			require.Equal(t, "failed", h.Class)
			require.Contains(t, h.Detail, "snapshot")
			require.False(t, h.Time.IsZero())
		}
		require.Equal(t, 5, attempts)
		require.Equal(t, id, r.entry(r.again(id)).Event.Origin)
	})
}

// TestAMarketThatNeverOpensIsForAPerson: the calendar has no opening. Each result says
// so, and the event is a dead letter when it is too old.
func TestAMarketThatNeverOpensIsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) {
			sim.Hours = fake.HoursFunc(func(*broker.Instrument, time.Time, time.Time) []broker.Session { return nil })
		})
		res := r.run("e1")
		require.Equal(t, rebalance.Deferred, res.Outcome, res.Detail)
		require.Equal(t, rebalance.ReasonNoOpening, res.Reason)
		require.False(t, res.Until.IsZero())

		id := r.publish(queue.Event{})
		r.unattended(23 * time.Hour)
		require.Equal(t, queue.Delayed, r.entry(id).State, history(r.entry(id)))
		require.Contains(t, last(r.entry(id)).Detail, string(rebalance.ReasonNoOpening))
		r.unattended(15 * time.Hour)
		require.Equal(t, queue.Dead, r.entry(id).State, history(r.entry(id)))
		require.Equal(t, string(rebalance.ReasonAge), last(r.entry(id)).Class)
		require.Zero(t, r.sent())
	})
}

// last is what happened to an event last.
func last(e queue.Entry) queue.HistoryItem { return e.History[len(e.History)-1] }
