package journaltest_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
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
