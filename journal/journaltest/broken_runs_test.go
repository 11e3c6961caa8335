package journaltest_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// begunAs breaks what a begin returns.
func begunAs(change func(b *journal.Begun)) func(h *hooks) {
	return func(h *hooks) {
		h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
			b, err := h.Journal.Begin(ctx, c)
			change(&b)
			return b, err
		}
	}
}

// runAs breaks what a run is read as.
func runAs(change func(r *journal.Run)) func(h *hooks) {
	return func(h *hooks) {
		h.run = func(ctx context.Context, id journal.RunID) (journal.Run, error) {
			r, err := h.Journal.Run(ctx, id)
			change(&r)
			return r, err
		}
	}
}

func brokenRuns() []breakage {
	return []breakage{
		{"the event of a finished run starts anew", "a finished run is returned with its result", begunAs(func(b *journal.Begun) { b.Run.Outcome = nil })},
		{"a begun run is not resumed", "an unfinished run is returned as it was left", begunAs(func(b *journal.Begun) { b.Resumed = false })},
		{"every run is resumed", "a new event begins a new run", begunAs(func(b *journal.Begun) { b.Resumed = true })},
		{
			"the run that begins is among the others", "the begin lists what stands open and unfinished",
			begunAs(func(b *journal.Begun) { b.Standing.Unfinished = append(b.Standing.Unfinished, b.Run.ID) }),
		},
		{"the number of a claim is ignored", "numbers tell the runs of an event apart", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				c.Number = min(c.Number, 1)
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"a run changes its command", "a run belongs to one account and command", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				if r, err := h.Journal.Run(ctx, c.RunID()); err == nil && r.Account == c.Account {
					c.Command = r.Command
				}
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"a failed claim raises the fence", "a run belongs to one account and command", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				b, err := h.Journal.Begin(ctx, c)
				if err != nil {
					_, _ = h.Journal.Begin(ctx, journal.Claim{Account: c.Account, Event: "trash", Command: "x", Time: c.Time})
				}
				return b, err
			}
		}},
		{"a step is recorded once", "a step recorded again is replaced and keeps its place", func(h *hooks) {
			h.checkpoint = func(ctx context.Context, g journal.Grant, s journal.Step) error {
				if r, _ := h.Journal.Run(ctx, g.Run); r.Step(s.Name) != nil {
					return nil
				}
				return h.Journal.Checkpoint(ctx, g, s)
			}
		}},
		{"finishing again overwrites the result", "finishing again keeps the first result", overwrites},
		{"racing results overwrite each other", "one of several racing results is kept", overwrites},
		{"a run is finished with open intents", "a run with open intents cannot be finished", func(h *hooks) {
			h.finish = func(ctx context.Context, g journal.Grant, o journal.Outcome) error {
				return unless(h.Journal.Finish(ctx, g, o), journal.ErrOpenIntents)
			}
		}},
		{"a refused finish settles what is open", "a run with open intents cannot be finished", func(h *hooks) {
			h.finish = func(ctx context.Context, g journal.Grant, o journal.Outcome) error {
				err := h.Journal.Finish(ctx, g, o)
				if r, _ := h.Journal.Run(ctx, g.Run); err != nil {
					for _, i := range r.Intents {
						_ = h.Journal.Settle(ctx, g, journal.Settlement{Ref: i.Order.ID, Outcome: journal.NotSent, Time: o.Time})
					}
				}
				return err
			}
		}},
		{"an answered unknown outcome keeps a run open", "a run with an answered unknown outcome can be finished", func(h *hooks) {
			h.finish = func(ctx context.Context, g journal.Grant, o journal.Outcome) error {
				r, _ := h.Journal.Run(ctx, g.Run)
				for _, i := range r.Intents {
					if i.Answered {
						return journal.ErrOpenIntents
					}
				}
				return h.Journal.Finish(ctx, g, o)
			}
		}},
		{"a finished run takes steps", "a finished run takes no further write", func(h *hooks) {
			h.checkpoint = func(ctx context.Context, g journal.Grant, s journal.Step) error {
				return unless(h.Journal.Checkpoint(ctx, g, s), journal.ErrFinished)
			}
		}},
		{"a stop stops everything", "a stop lets the rest of the run go on", func(h *hooks) {
			h.checkpoint = func(ctx context.Context, g journal.Grant, s journal.Step) error {
				if st, _ := h.Journal.Account(ctx, g.Account); st.Kill != nil {
					return journal.ErrKilled
				}
				return h.Journal.Checkpoint(ctx, g, s)
			}
		}},
		{"claims need no fields", "a claim needs its fields", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				if c.Command == "" {
					c.Command = "rebalance"
				}
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"grants need no fields", "a grant needs its fields", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				if len(list) == 0 {
					return nil
				}
				return h.Journal.Settle(ctx, g, list...)
			}
		}},
		{"steps need no time", "a step and an outcome need their fields", func(h *hooks) {
			h.checkpoint = func(ctx context.Context, g journal.Grant, s journal.Step) error {
				if s.Time.IsZero() {
					s.Time = time.Unix(0, 0)
				}
				return h.Journal.Checkpoint(ctx, g, s)
			}
		}},
		{"one account's runs show up in another's begin", "accounts at work at once do not disturb each other", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				b, err := h.Journal.Begin(ctx, c)
				for r := range h.Journal.Runs(ctx, "") {
					if r.Account != c.Account && c.Account[0] == 'A' {
						b.Standing.Unfinished = append(b.Standing.Unfinished, r.ID)
					}
				}
				return b, err
			}
		}},
	}
}

// overwrites keeps the last result of a run instead of the first one.
func overwrites(h *hooks) {
	var last sync.Map
	h.finish = func(ctx context.Context, g journal.Grant, o journal.Outcome) error {
		err := h.Journal.Finish(ctx, g, o)
		if err == nil {
			last.Store(g.Run, o)
		}
		return err
	}
	runAs(func(r *journal.Run) {
		if o, ok := last.Load(r.ID); ok {
			outcome := o.(journal.Outcome)
			r.Outcome = &outcome
		}
	})(h)
}

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

func brokenReads() []breakage {
	return []breakage{
		{"an account without a record is an error", "an account without any record has a zero standing", func(h *hooks) {
			h.account = func(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
				if a == "nobody" {
					return journal.Standing{}, journal.ErrUnknownRun
				}
				return h.Journal.Account(ctx, a)
			}
		}},
		{"an unknown run is empty", "a run that never began is unknown", func(h *hooks) {
			h.run = func(ctx context.Context, id journal.RunID) (journal.Run, error) {
				r, err := h.Journal.Run(ctx, id)
				return r, unless(err, journal.ErrUnknownRun)
			}
		}},
		{"runs are listed oldest first", "runs are listed newest first", func(h *hooks) {
			h.runs = func(ctx context.Context, a broker.AccountID) iter.Seq2[journal.Run, error] {
				return func(yield func(journal.Run, error) bool) {
					var list []journal.Run
					for r, err := range h.Journal.Runs(ctx, a) {
						if err != nil {
							yield(r, err)
							return
						}
						list = append(list, r)
					}
					for _, r := range slices.Backward(list) {
						if !yield(r, nil) {
							return
						}
					}
				}
			}
		}},
		{"a run is shared by its readers", "what was returned belongs to the caller", func(h *hooks) {
			known := map[string]journal.Run{}
			var mu sync.Mutex
			runAs(func(r *journal.Run) {
				mu.Lock()
				defer mu.Unlock()
				key, _ := json.Marshal(r)
				if k, ok := known[string(key)]; ok {
					*r = k
				}
				known[string(key)] = *r
			})(h)
		}},
		{"settlements are shared with who gave them", "what was given belongs to the caller", func(h *hooks) {
			var given sync.Map
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				err := h.Journal.Settle(ctx, g, list...)
				for i := range list {
					if _, known := given.Load(list[i].Ref); err == nil && !known {
						given.Store(list[i].Ref, &list[i])
					}
				}
				return err
			}
			runAs(func(r *journal.Run) {
				for i := range r.Intents {
					if s, ok := given.Load(r.Intents[i].Order.ID); ok {
						r.Intents[i].Settlement = s.(*journal.Settlement)
					}
				}
			})(h)
		}},
		{"a context that ended is ignored", "a call after its context ended does nothing", func(h *hooks) {
			h.block = func(ctx context.Context, b journal.Block) error {
				return h.Journal.Block(context.WithoutCancel(ctx), b)
			}
		}},
		{"the guards of the send are recorded", "intents come back exactly", runAs(func(r *journal.Run) {
			for i := range r.Intents {
				r.Intents[i].Order.Epoch = 9
			}
		})},
		{"instants come back in another zone", "intents come back exactly", runAs(func(r *journal.Run) {
			for i := range r.Intents {
				r.Intents[i].Time = r.Intents[i].Time.In(time.FixedZone("there", 3600))
			}
		})},
	}
}
