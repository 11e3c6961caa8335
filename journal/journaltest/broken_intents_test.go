package journaltest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// intendThen breaks intend: fix is asked about the error of each call.
func intendThen(fix func(h *hooks, ctx context.Context, g journal.Grant, list []journal.Intent, err error) error) func(h *hooks) {
	return func(h *hooks) {
		h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
			return fix(h, ctx, g, list, h.Journal.Intend(ctx, g, list...))
		}
	}
}

// changedIntents breaks what is recorded of intents.
func changedIntents(change func(i *journal.Intent)) func(h *hooks) {
	return func(h *hooks) {
		h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
			list = slices.Clone(list)
			for n := range list {
				change(&list[n])
			}
			return h.Journal.Intend(ctx, g, list...)
		}
	}
}

func brokenIntents() []breakage {
	const exact = "intents come back exactly"
	return []breakage{
		{"intents are forgotten", "an intent stands open until it is settled", func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, _ []journal.Intent) error { return h.Journal.Intend(ctx, g) }
		}},
		{
			"a taken reference is accepted", "a reference that is taken is refused",
			intendThen(func(_ *hooks, _ context.Context, _ journal.Grant, _ []journal.Intent, err error) error {
				return unless(err, journal.ErrRefTaken)
			}),
		},
		{
			"a settled reference is accepted", "a settled reference is never used again",
			intendThen(func(h *hooks, ctx context.Context, g journal.Grant, list []journal.Intent, err error) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for i := range r.Intents {
					if len(list) == 1 && r.Intents[i].Same(&list[0]) {
						return unless(err, journal.ErrRefTaken)
					}
				}
				return err
			}),
		},
		{
			"references are counted by account", "a reference is taken in all accounts",
			intendThen(func(h *hooks, ctx context.Context, g journal.Grant, list []journal.Intent, err error) error {
				for r := range h.Journal.Runs(ctx, g.Account) {
					for i := range r.Intents {
						if r.Intents[i].Order.ID == list[0].Order.ID {
							return err
						}
					}
				}
				return unless(err, journal.ErrRefTaken)
			}),
		},
		{
			"a repeated intent is refused", "the very same intents may be repeated",
			intendThen(func(h *hooks, ctx context.Context, g journal.Grant, list []journal.Intent, err error) error {
				if r, _ := h.Journal.Run(ctx, g.Run); err == nil && len(list) > 0 {
					for i := range len(r.Intents) - len(list) {
						if r.Intents[i].Order.ID == list[0].Order.ID {
							return journal.ErrRefTaken
						}
					}
				}
				return err
			}),
		},
		{"a repeated intent is refused while stopped", "intents are repeated even if the account was stopped since", func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
				if s, _ := h.Journal.Account(ctx, g.Account); s.Kill != nil {
					return journal.ErrKilled
				}
				return h.Journal.Intend(ctx, g, list...)
			}
		}},
		{"intents are recorded one by one", "intents are recorded all or none", func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
				if len(list) == 0 {
					return h.Journal.Intend(ctx, g)
				}
				for _, i := range list {
					if err := h.Journal.Intend(ctx, g, i); err != nil {
						return err
					}
				}
				return nil
			}
		}},
		{
			"intents are accepted while blocked", "no intent while the account is blocked",
			intendThen(func(_ *hooks, _ context.Context, _ journal.Grant, _ []journal.Intent, err error) error {
				return unless(err, journal.ErrBlocked)
			}),
		},
		{
			"intents are accepted while killed", "no intent while the account is killed",
			intendThen(func(_ *hooks, _ context.Context, _ journal.Grant, _ []journal.Intent, err error) error {
				return unless(err, journal.ErrKilled)
			}),
		},
		{
			"a kill of all misses new accounts", "no intent while all accounts are killed",
			intendThen(func(_ *hooks, _ context.Context, g journal.Grant, _ []journal.Intent, err error) error {
				if g.Account == "U2" {
					return unless(err, journal.ErrKilled)
				}
				return err
			}),
		},
		{
			"unknown outcomes stop nothing", "an unknown outcome stops the account until there is evidence",
			intendThen(func(h *hooks, ctx context.Context, g journal.Grant, _ []journal.Intent, err error) error {
				if s, _ := h.Journal.Account(ctx, g.Account); s.Block == nil {
					return unless(err, journal.ErrBlocked)
				}
				return err
			}),
		},
		{"a kill is looked at before the write, not with it", "no new intent is accepted after a kill returned", func(h *hooks) { lateStop(h, "U1") }},
		{"a kill of all is looked at before the write, not with it", "no new intent is accepted after a kill of all returned", func(h *hooks) { lateStop(h, "") }},
		{"a block is looked at before the write, not with it", "no new intent is accepted after a block returned", lateBlock},
		{
			"a reference is looked up before the write, not with it", "one of several racing for a reference takes it",
			intendThen(func(_ *hooks, _ context.Context, g journal.Grant, _ []journal.Intent, err error) error {
				if g.Account[0] == 'A' {
					return unless(err, journal.ErrRefTaken)
				}
				return err
			}),
		},
		{"instants lose their nanoseconds", exact, changedIntents(func(i *journal.Intent) { i.Time = i.Time.Truncate(time.Millisecond) })},
		{"numbers are rounded", exact, changedIntents(func(i *journal.Intent) { i.Held = i.Held.Round(8) })},
		{"the contract is forgotten", exact, changedIntents(func(i *journal.Intent) { i.Order.Ref = "" })},
		{"intents leak between accounts", "intents of one account are not those of another", func(h *hooks) {
			h.account = func(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
				s, err := h.Journal.Account(ctx, a)
				if o, _ := h.Journal.Account(ctx, "U2"); a == "U1" {
					s.Open = append(s.Open, o.Open...)
				}
				return s, err
			}
		}},
		{
			"intents need no fields", "an intent needs its fields",
			intendThen(func(_ *hooks, _ context.Context, _ journal.Grant, _ []journal.Intent, err error) error {
				return unless(err, journal.ErrInvalid)
			}),
		},
		{"a number may be huge", "numbers beyond all bounds are refused", changedIntents(func(i *journal.Intent) {
			if i.Held.Exponent() > 1000 {
				i.Held = broker.Money{}.Amount
			}
		})},
	}
}

// lateStop keeps the kill of a scope outside of the journal, so that looking at
// it and writing are two steps.
func lateStop(h *hooks, scope broker.AccountID) {
	var killed atomic.Pointer[journal.Kill]
	h.kill = func(ctx context.Context, k journal.Kill) error {
		if k.Account != scope {
			return h.Journal.Kill(ctx, k)
		}
		killed.CompareAndSwap(nil, &k)
		return nil
	}
	h.resume = func(ctx context.Context, k journal.Kill) error {
		if k.Account == scope {
			killed.Store(nil)
		}
		return h.Journal.Resume(ctx, k)
	}
	h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
		if killed.Load() != nil {
			return journal.ErrKilled
		}
		linger()
		return h.Journal.Intend(ctx, g, list...)
	}
}

// lateBlock keeps blocks outside of the journal.
func lateBlock(h *hooks) {
	var blocked atomic.Pointer[journal.Block]
	h.block = func(_ context.Context, b journal.Block) error {
		blocked.CompareAndSwap(nil, &b)
		return nil
	}
	h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
		if blocked.Load() != nil {
			return errors.Join(journal.ErrBlocked)
		}
		linger()
		return h.Journal.Intend(ctx, g, list...)
	}
}

func brokenSettlements() []breakage {
	settleThen := func(fix func(h *hooks, ctx context.Context, g journal.Grant, list []journal.Settlement, err error) error) func(h *hooks) {
		return func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				return fix(h, ctx, g, list, h.Journal.Settle(ctx, g, list...))
			}
		}
	}
	forgive := func(target error) func(h *hooks) {
		return settleThen(func(_ *hooks, _ context.Context, _ journal.Grant, _ []journal.Settlement, err error) error {
			return unless(err, target)
		})
	}
	return []breakage{
		{"settlements are forgotten", "an intent is settled with each outcome", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, _ []journal.Settlement) error {
				return h.Journal.Settle(ctx, g)
			}
		}},
		{"a settled intent can be settled otherwise", "a settled intent stays settled", forgive(journal.ErrSettledOtherwise)},
		{"racing settlements are all accepted", "one of several racing settlements is kept", forgive(journal.ErrSettledOtherwise)},
		{"an unknown reference is settled", "a reference without an intent cannot be settled", forgive(journal.ErrUnknownRef)},
		{"settlements need no fields", "a settlement needs its fields", forgive(journal.ErrInvalid)},
		{"any quantity is settled", "a quantity that cannot be the order's is refused", forgive(journal.ErrInvalid)},
		{"settlements are recorded one by one", "settlements are recorded all or none", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				if len(list) == 0 {
					return h.Journal.Settle(ctx, g)
				}
				for _, s := range list {
					if err := h.Journal.Settle(ctx, g, s); err != nil {
						return err
					}
				}
				return nil
			}
		}},
		{"a repeated settlement is refused", "settling in the same way is repeating", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for _, i := range r.Intents {
					for _, s := range list {
						if i.Settlement != nil && i.Order.ID == s.Ref && i.Settlement.Outcome != journal.Unknown {
							return journal.ErrSettledOtherwise
						}
					}
				}
				return h.Journal.Settle(ctx, g, list...)
			}
		}},
		{"unknown stays unknown", "unknown may become any other outcome, then it stays", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for _, i := range r.Intents {
					if i.Settlement != nil && i.Settlement.Outcome == journal.Unknown {
						return journal.ErrSettledOtherwise
					}
				}
				return h.Journal.Settle(ctx, g, list...)
			}
		}},
		{"unknown once more is refused", "unknown once more changes nothing", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for _, i := range r.Intents {
					if i.Settlement != nil && i.Settlement.Outcome == journal.Unknown && list[0].Outcome == journal.Unknown {
						return journal.ErrSettledOtherwise
					}
				}
				return h.Journal.Settle(ctx, g, list...)
			}
		}},
		{"only the run's own intents are settled", "intents of earlier runs are settled by the holder", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for _, s := range list {
					if !slices.ContainsFunc(r.Intents, func(i journal.Intent) bool { return i.Order.ID == s.Ref }) {
						return journal.ErrUnknownRef
					}
				}
				return h.Journal.Settle(ctx, g, list...)
			}
		}},
		{"evidence is refused after an answer", "evidence still counts after an operator answered", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for _, i := range r.Intents {
					if i.Answered {
						return journal.ErrSettledOtherwise
					}
				}
				return h.Journal.Settle(ctx, g, list...)
			}
		}},
	}
}
