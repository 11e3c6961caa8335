package rebalance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/retry"
)

// The dependencies that the engine has a breaker for, one each. An open breaker
// of the broker, of the prices or of the allocations lets no new work begin that
// needs them: its events wait for the next probe and use no attempt. An open one
// of the queue or the journal stops the claiming of events. None ever stands
// before cancelling, resolving, reading fills, or settling.
const (
	BreakerBroker      = "broker"
	BreakerPrices      = "prices"
	BreakerAllocations = "allocations"
	BreakerQueue       = "queue"
	BreakerJournal     = "journal"
)

// breakers are the engine's own, by name.
type breakers map[string]*retry.CircuitBreaker

// newBreakers makes one for each dependency.
func newBreakers(onChange func(string, retry.State, retry.State)) breakers {
	all := breakers{}
	for _, name := range [...]string{BreakerBroker, BreakerPrices, BreakerAllocations, BreakerQueue, BreakerJournal} {
		all[name] = retry.NewBreaker(name, retry.BreakerOptions{OnChange: onChange})
	}
	return all
}

// Breakers returns the state of each breaker. One whose policy was replaced in
// [Policies] stays closed.
func (e *Engine) Breakers() map[string]retry.State {
	states := make(map[string]retry.State, len(e.breakers))
	for name, b := range e.breakers {
		states[name] = b.State()
	}
	return states
}

// ForceBreaker opens or closes a breaker until it is forced otherwise;
// [retry.Auto] hands it back to the results of the calls.
func (e *Engine) ForceBreaker(name string, mode retry.Mode) error {
	b, ok := e.breakers[name]
	if !ok {
		return fmt.Errorf("rebalance: no breaker %q: there are %q", name, slices.Sorted(maps.Keys(e.breakers)))
	}
	b.Force(mode)
	return nil
}

// observe lets a breaker count a result that it does not stand before.
func (b breakers) observe(name string, err error) {
	if b != nil {
		b[name].Count(err)
	}
}

// claimable returns how long claiming events must wait for the stores, zero if
// it need not.
func (e *Engine) claimable() time.Duration {
	for _, name := range [...]string{BreakerQueue, BreakerJournal} {
		if e.breakers[name].State() == retry.Open {
			return time.Second
		}
	}
	return 0
}

// watchedJournal counts the results of the writes of a run.
type watchedJournal struct {
	journal.Journal
	breakers breakers
}

// seen counts what says something about the journal: a refusal is an answer.
func (w watchedJournal) seen(err error) {
	if err != nil && isAnswer(err) {
		err = nil
	}
	w.breakers.observe(BreakerJournal, err)
}

// isAnswer reports whether an error is what a journal says that works.
func isAnswer(err error) bool {
	for _, answer := range [...]error{
		journal.ErrFenced, journal.ErrBlocked, journal.ErrKilled, journal.ErrRefTaken, journal.ErrOpenIntents, journal.ErrFinished,
		journal.ErrUnknownRef, journal.ErrUnknownRun, journal.ErrSettledOtherwise, journal.ErrInvalid,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

func (w watchedJournal) Begin(ctx context.Context, claim journal.Claim) (journal.Begun, error) {
	begun, err := w.Journal.Begin(ctx, claim)
	w.seen(err)
	return begun, err
}

func (w watchedJournal) Checkpoint(ctx context.Context, grant journal.Grant, step journal.Step) error {
	err := w.Journal.Checkpoint(ctx, grant, step)
	w.seen(err)
	return err
}

func (w watchedJournal) Intend(ctx context.Context, grant journal.Grant, intents ...journal.Intent) error {
	err := w.Journal.Intend(ctx, grant, intents...)
	w.seen(err)
	return err
}

func (w watchedJournal) Settle(ctx context.Context, grant journal.Grant, settlements ...journal.Settlement) error {
	err := w.Journal.Settle(ctx, grant, settlements...)
	w.seen(err)
	return err
}

func (w watchedJournal) Finish(ctx context.Context, grant journal.Grant, outcome journal.Outcome) error {
	err := w.Journal.Finish(ctx, grant, outcome)
	w.seen(err)
	return err
}

// idle is how long a worker waits for an event before it shows that it lives.
const idle = time.Minute

// receive takes the next event and lets the breaker of the queue count it. It
// returns nothing at all if none came for a while.
func (e *Engine) receive(ctx context.Context) (*queue.Delivery, error) {
	bounded, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	d, err := e.cfg.Queue.Receive(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, nil //nolint:nilnil // none came
	}
	if ctx.Err() == nil && !errors.Is(err, queue.ErrClosed) {
		e.breakers.observe(BreakerQueue, err)
	}
	return d, err
}
