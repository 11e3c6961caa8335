package journaltest_test

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// hooks is a journal that is broken wherever a hook is set.
type hooks struct {
	journal.Journal
	begin      func(context.Context, journal.Claim) (journal.Begun, error)
	checkpoint func(context.Context, journal.Grant, journal.Step) error
	finish     func(context.Context, journal.Grant, journal.Outcome) error
	intend     func(context.Context, journal.Grant, []journal.Intent) error
	settle     func(context.Context, journal.Grant, []journal.Settlement) error
	block      func(context.Context, journal.Block) error
	unblock    func(context.Context, journal.Unblock) error
	kill       func(context.Context, journal.Kill) error
	resume     func(context.Context, journal.Kill) error
	approve    func(context.Context, journal.Approval) error
	account    func(context.Context, broker.AccountID) (journal.Standing, error)
	run        func(context.Context, journal.RunID) (journal.Run, error)
	runs       func(context.Context, broker.AccountID) iter.Seq2[journal.Run, error]

	mu     sync.Mutex
	latest map[broker.AccountID]journal.Grant
}

func (h *hooks) Begin(ctx context.Context, c journal.Claim) (b journal.Begun, err error) {
	if h.begin != nil {
		return h.begin(ctx, c)
	}
	b, err = h.Journal.Begin(ctx, c)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latest == nil {
		h.latest = map[broker.AccountID]journal.Grant{}
	}
	if err == nil {
		h.latest[c.Account] = b.Grant
	}
	return b, err
}

// now returns the newest grant of the account of an earlier one.
func (h *hooks) now(g journal.Grant) journal.Grant {
	h.mu.Lock()
	defer h.mu.Unlock()
	if newest, ok := h.latest[g.Account]; ok {
		return newest
	}
	return g
}

func (h *hooks) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	if h.checkpoint != nil {
		return h.checkpoint(ctx, g, s)
	}
	return h.Journal.Checkpoint(ctx, g, s)
}

func (h *hooks) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	if h.finish != nil {
		return h.finish(ctx, g, o)
	}
	return h.Journal.Finish(ctx, g, o)
}

func (h *hooks) Intend(ctx context.Context, g journal.Grant, list ...journal.Intent) error {
	if h.intend != nil {
		return h.intend(ctx, g, list)
	}
	return h.Journal.Intend(ctx, g, list...)
}

func (h *hooks) Settle(ctx context.Context, g journal.Grant, list ...journal.Settlement) error {
	if h.settle != nil {
		return h.settle(ctx, g, list)
	}
	return h.Journal.Settle(ctx, g, list...)
}

func (h *hooks) Block(ctx context.Context, b journal.Block) error {
	if h.block != nil {
		return h.block(ctx, b)
	}
	return h.Journal.Block(ctx, b)
}

func (h *hooks) Unblock(ctx context.Context, u journal.Unblock) error {
	if h.unblock != nil {
		return h.unblock(ctx, u)
	}
	return h.Journal.Unblock(ctx, u)
}

func (h *hooks) Kill(ctx context.Context, k journal.Kill) error {
	if h.kill != nil {
		return h.kill(ctx, k)
	}
	return h.Journal.Kill(ctx, k)
}

func (h *hooks) Resume(ctx context.Context, k journal.Kill) error {
	if h.resume != nil {
		return h.resume(ctx, k)
	}
	return h.Journal.Resume(ctx, k)
}

func (h *hooks) Approve(ctx context.Context, a journal.Approval) error {
	if h.approve != nil {
		return h.approve(ctx, a)
	}
	return h.Journal.Approve(ctx, a)
}

func (h *hooks) Account(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
	if h.account != nil {
		return h.account(ctx, a)
	}
	return h.Journal.Account(ctx, a)
}

func (h *hooks) Run(ctx context.Context, id journal.RunID) (journal.Run, error) {
	if h.run != nil {
		return h.run(ctx, id)
	}
	return h.Journal.Run(ctx, id)
}

func (h *hooks) Runs(ctx context.Context, a broker.AccountID) iter.Seq2[journal.Run, error] {
	if h.runs != nil {
		return h.runs(ctx, a)
	}
	return h.Journal.Runs(ctx, a)
}

// linger lets others run between two halves of what should be one step.
func linger() {
	for range 200 {
		runtime.Gosched()
	}
}
