package journaltest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/journaltest"
)

// breakage is a way to break a journal, and a case that must fail then.
type breakage struct {
	name  string
	fails string
	apply func(h *hooks)
}

// TestCounterCheck shows that the suite fails each broken journal, and that
// each of its cases can fail.
func TestCounterCheck(t *testing.T) {
	every := func(string) bool { return true }
	require.Empty(t, failuresOf(t, func(*hooks) {}, every), "a good journal passes")
	ran, caught := 0, map[string]bool{}
	all := slices.Concat(brokenFences(), brokenIntents(), brokenSettlements(), brokenRuns(), brokenControl(), brokenReads())
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			ran++
			require.Contains(t, journaltest.Names(), b.fails)
			failed := failuresOf(t, b.apply, every)
			for range 200 { // a race may need some tries to be lost
				if failed[b.fails] != "" {
					break
				}
				failed = failuresOf(t, b.apply, func(name string) bool { return name == b.fails })
			}
			require.NotEmpty(t, failed[b.fails], "the broken journal passes the case %q", b.fails)
			for name := range failed {
				caught[name] = true
			}
		})
	}
	if ran < len(all) {
		return // -run left some out
	}
	for _, name := range journaltest.Names() {
		require.True(t, caught[name], "no broken journal fails the case %q", name)
	}
	t.Logf("%d broken journals, %d cases", len(all), len(journaltest.Names()))
}

// failuresOf runs cases on journals that are broken in one way.
func failuresOf(t *testing.T, apply func(h *hooks), match func(name string) bool) map[string]string {
	t.Helper()
	return journaltest.Failures(t.Context(), func(journaltest.T) journaltest.Harness {
		h := &hooks{Journal: journal.NewMemory(journal.MemoryOptions{})}
		apply(h)
		return journaltest.Harness{Journal: h}
	}, match)
}

// unless returns nil for a certain error.
func unless(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// underNewest gives intents the run of a grant.
func underNewest(g journal.Grant, list []journal.Intent) []journal.Intent {
	list = slices.Clone(list)
	for i := range list {
		list[i].Run = g.Run
	}
	return list
}

func brokenFences() []breakage {
	const same = "a fenced holder of the same event cannot write"
	return []breakage{
		{"no fence check on checkpoint", same, func(h *hooks) {
			h.checkpoint = func(ctx context.Context, g journal.Grant, s journal.Step) error {
				return h.Journal.Checkpoint(ctx, h.now(g), s)
			}
		}},
		{"no fence check on intend", same, func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
				return h.Journal.Intend(ctx, h.now(g), underNewest(h.now(g), list)...)
			}
		}},
		{"no fence check on settle", "a fenced holder of another event cannot write", func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				return h.Journal.Settle(ctx, h.now(g), list...)
			}
		}},
		{"no fence check on finish", "a fenced holder is refused even what it wrote before", func(h *hooks) {
			h.finish = func(ctx context.Context, g journal.Grant, o journal.Outcome) error {
				return h.Journal.Finish(ctx, h.now(g), o)
			}
		}},
		{"a refused checkpoint is recorded", same, func(h *hooks) {
			h.checkpoint = func(ctx context.Context, g journal.Grant, s journal.Step) error {
				err := h.Journal.Checkpoint(ctx, g, s)
				if errors.Is(err, journal.ErrFenced) {
					_ = h.Journal.Checkpoint(ctx, h.now(g), s)
				}
				return err
			}
		}},
		{"a refused settlement is recorded", same, func(h *hooks) {
			h.settle = func(ctx context.Context, g journal.Grant, list []journal.Settlement) error {
				err := h.Journal.Settle(ctx, g, list...)
				if errors.Is(err, journal.ErrFenced) {
					_ = h.Journal.Settle(ctx, h.now(g), list...)
				}
				return err
			}
		}},
		{"a grant from nowhere is taken", "a grant that was never given cannot write", func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
				err := h.Journal.Intend(ctx, g, list...)
				if f := (*journal.FencedError)(nil); errors.As(err, &f) && f.Fence > f.Current {
					return nil
				}
				return err
			}
		}},
		{"a fence is used twice", "fences go on after a run is finished", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				b, err := h.Journal.Begin(ctx, c)
				if b.Run.Outcome != nil {
					b.Grant.Fence--
				}
				return b, err
			}
		}},
		{"a fence is read and raised in two steps", "racing claims get distinct fences, the newest holder alone may write", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				s, err := h.Journal.Account(ctx, c.Account)
				if err != nil || c.Fence != 0 {
					return h.Journal.Begin(ctx, c)
				}
				linger()
				b, err := h.Journal.Begin(ctx, c)
				b.Grant.Fence = s.Fence + 1
				return b, err
			}
		}},
		{"the fence of a claim is ignored", "a claim with a higher fence raises the account's, a lower one is refused", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				c.Fence = 0
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"a repeated claim is fenced off", "a claim repeated after a lost reply gets the same grant", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				if s, err := h.Journal.Account(ctx, c.Account); err == nil && c.Fence != 0 && s.Fence == c.Fence {
					return journal.Begun{}, &journal.FencedError{Account: c.Account, Fence: c.Fence, Current: s.Fence}
				}
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"a fence is shared by runs", "an equal fence for another run is refused", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				b, err := h.Journal.Begin(ctx, c)
				if f := (*journal.FencedError)(nil); errors.As(err, &f) && f.Fence == f.Current {
					return journal.Begun{Grant: journal.Grant{Account: c.Account, Run: c.RunID(), Fence: c.Fence}}, nil
				}
				return b, err
			}
		}},
		{"one fence for all accounts", "fences of accounts are independent", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				if s, err := h.Journal.Account(ctx, "U2"); err == nil && c.Fence == 0 && c.Account == "U1" && s.Fence > 0 {
					c.Fence = s.Fence + 1
				}
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"a claim without a fence skips one", "a claim without a fence takes the next one", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				if s, err := h.Journal.Account(ctx, c.Account); err == nil && c.Fence == 0 && s.Fence > 0 && s.Fence < 1<<40 {
					c.Fence = s.Fence + 2
				}
				return h.Journal.Begin(ctx, c)
			}
		}},
		{"the standing is read before the begin", "a takeover sees all that the earlier holder wrote", func(h *hooks) {
			h.begin = func(ctx context.Context, c journal.Claim) (journal.Begun, error) {
				s, err := h.Journal.Account(ctx, c.Account)
				if err != nil {
					return journal.Begun{}, err
				}
				linger()
				b, err := h.Journal.Begin(ctx, c)
				b.Standing.Open = s.Open
				return b, err
			}
		}},
		{"the fence is checked before the write, not with it", "racing claims and intents are as if one came after another", func(h *hooks) {
			h.intend = func(ctx context.Context, g journal.Grant, list []journal.Intent) error {
				if err := h.Journal.Intend(ctx, g); err != nil {
					return err
				}
				linger()
				return h.Journal.Intend(ctx, h.now(g), underNewest(h.now(g), list)...)
			}
		}},
	}
}
