package journaltest_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// naming is the unblock, made to name whatever stops the account.
func naming(ctx context.Context, j journal.Journal, u journal.Unblock) journal.Unblock {
	s, err := j.Account(ctx, u.Account)
	if err != nil {
		return u
	}
	if s.Block != nil {
		u.Block = s.Block.Time
	}
	for i := range s.Open {
		u.Refs = append(slices.Clip(u.Refs), s.Open[i].Order.ID)
	}
	return u
}

func brokenControl() []breakage {
	return []breakage{
		{"an unblock needs no operator", "blocks and kills need an account, an operator and a reason", func(h *hooks) {
			h.unblock = func(ctx context.Context, u journal.Unblock) error {
				if u.Operator == "" {
					u.Operator = "somebody"
				}
				return h.Journal.Unblock(ctx, u)
			}
		}},
		{"a block replaces the first one", "blocking a blocked account keeps the first block", func(h *hooks) {
			h.block = func(ctx context.Context, b journal.Block) error {
				_ = h.Journal.Unblock(ctx, naming(ctx, h.Journal, journal.Unblock{Account: b.Account, Operator: "x", Reason: "x", Time: time.Now()}))
				return h.Journal.Block(ctx, b)
			}
		}},
		{"an unblock is not kept", "an unblock lifts the block and keeps who did it and why", func(h *hooks) {
			h.account = func(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
				s, err := h.Journal.Account(ctx, a)
				if s.Block != nil {
					s.LastUnblock = nil
				}
				return s, err
			}
		}},
		{"a repeated unblock lifts a newer block", "a repeated unblock does not lift a newer block", func(h *hooks) {
			h.unblock = func(ctx context.Context, u journal.Unblock) error {
				err := h.Journal.Unblock(ctx, u)
				if s, _ := h.Journal.Account(ctx, u.Account); err == nil && s.Block != nil {
					u.Time = u.Time.Add(time.Nanosecond)
					return h.Journal.Unblock(ctx, naming(ctx, h.Journal, u))
				}
				return err
			}
		}},
		{"an unblock lifts any block", "an unblock lifts no block but the one that it names", func(h *hooks) {
			h.unblock = func(ctx context.Context, u journal.Unblock) error {
				refs := u.Refs
				u = naming(ctx, h.Journal, u)
				u.Refs = refs
				return h.Journal.Unblock(ctx, u)
			}
		}},
		{"an unblock answers for anything", "an unblock answers for no unknown outcome but those that it names", func(h *hooks) {
			h.unblock = func(ctx context.Context, u journal.Unblock) error {
				block := u.Block
				u = naming(ctx, h.Journal, u)
				u.Block = block
				return h.Journal.Unblock(ctx, u)
			}
		}},
		{"an unblock answers by the clock", "an answer counts for what was unknown by then, whatever the clocks say", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				err := h.Journal.Settle(ctx, g, list...)
				if s, _ := h.Journal.Account(ctx, g.Account); err == nil && s.LastUnblock != nil && len(list) > 0 && s.LastUnblock.Time.After(list[0].Time) {
					u := *s.LastUnblock
					u.Time = u.Time.Add(time.Nanosecond)
					return h.Journal.Unblock(ctx, u)
				}
				return err
			}
		}},
		{"an unblock answers nothing", "an unknown outcome stops the account until an operator answers", func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
				for r := range h.Journal.Runs(ctx, g.Account) {
					for _, i := range r.Intents {
						if i.Settlement != nil && i.Settlement.Outcome == journal.Unknown {
							return journal.ErrBlocked
						}
					}
				}
				return h.Journal.Intend(ctx, g, list...)
			}
		}},
		{"a resume of one account lifts the kill of all", "a kill stops one account or all, and each is lifted by itself", func(h *hooks) {
			h.resume = func(ctx context.Context, k journal.Kill) error {
				err := h.Journal.Resume(ctx, k)
				if k.Account != "" && err == nil {
					k.Account = ""
					return h.Journal.Resume(ctx, k)
				}
				return err
			}
		}},
		{"a kill replaces the first one", "killing again keeps the first kill", func(h *hooks) {
			h.kill = func(ctx context.Context, k journal.Kill) error {
				_ = h.Journal.Resume(ctx, k)
				return h.Journal.Kill(ctx, k)
			}
		}},
		{"a repeated resume lifts a newer kill", "a repeated resume does not lift a newer kill", func(h *hooks) {
			h.resume = func(ctx context.Context, k journal.Kill) error {
				if err := h.Journal.Resume(ctx, k); err != nil {
					return err
				}
				k.Time = k.Time.Add(time.Nanosecond)
				return h.Journal.Resume(ctx, k)
			}
		}},
		{"approvals pile up", "a repeated approval is recorded once", func(h *hooks) {
			h.approve = func(ctx context.Context, a journal.Approval) error {
				if s, _ := h.Journal.Account(ctx, a.Account); len(s.Approvals) > 0 {
					a.Expires = a.Expires.Add(time.Nanosecond)
				}
				return h.Journal.Approve(ctx, a)
			}
		}},
		{"only the last approval is kept", "an approval is kept until its run is finished", func(h *hooks) {
			h.account = func(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
				s, err := h.Journal.Account(ctx, a)
				s.Approvals = s.Approvals[max(0, len(s.Approvals)-1):]
				return s, err
			}
		}},
		{"any run is approved", "only an unfinished run of the account is approved", func(h *hooks) {
			h.approve = func(ctx context.Context, a journal.Approval) error {
				return unless(h.Journal.Approve(ctx, a), journal.ErrUnknownRun)
			}
		}},
		{"an approval needs no hash", "an approval needs its fields", func(h *hooks) {
			h.approve = func(ctx context.Context, a journal.Approval) error {
				if strings.TrimSpace(a.Hash) == "" {
					a.Hash = "any"
				}
				return h.Journal.Approve(ctx, a)
			}
		}},
		{"a run without a memo wipes it out", "the newest memo is kept for the next run", func(h *hooks) {
			h.finish = func(ctx context.Context, g journal.Grant, o journal.Outcome) error {
				if len(o.Memo) == 0 {
					o.Memo = json.RawMessage(`null`)
				}
				return h.Journal.Finish(ctx, g, o)
			}
		}},
		{"a block stops all accounts", "a block stops one account alone", func(h *hooks) {
			h.block = func(ctx context.Context, b journal.Block) error {
				err := h.Journal.Block(ctx, b)
				if err == nil {
					b.Account = "U2"
					return h.Journal.Block(ctx, b)
				}
				return err
			}
		}},
	}
}
