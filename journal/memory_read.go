package journal

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// Account implements [Reader].
func (m *Memory) Account(ctx context.Context, account broker.AccountID) (Standing, error) {
	if err := ended(ctx, "account "+string(account)); err != nil {
		return Standing{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.standing(account, nil), nil
}

// Run implements [Reader].
func (m *Memory) Run(ctx context.Context, id RunID) (Run, error) {
	if err := ended(ctx, "run "+string(id)); err != nil {
		return Run{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, known := m.runs[id]; known {
		return r.copy(), nil
	}
	if m.past.dropped(id) {
		return Run{}, fmt.Errorf("journal: %w: %s: %w", ErrUnknownRun, id, ErrForgotten)
	}
	return Run{}, fmt.Errorf("journal: %w: %s", ErrUnknownRun, id)
}

// Runs implements [Reader].
func (m *Memory) Runs(ctx context.Context, account broker.AccountID) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		for _, r := range m.list(account) {
			if ctx.Err() != nil {
				break
			}
			m.mu.Lock()
			run := r.copy()
			m.mu.Unlock()
			if !yield(run, nil) {
				return
			}
		}
		if err := ended(ctx, "runs"); err != nil {
			yield(Run{}, err)
		}
	}
}

// list returns the runs of an account, or of all, newest first.
func (m *Memory) list(account broker.AccountID) []*memRun {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*memRun
	for id, a := range m.accounts {
		if account == "" || account == id {
			list = append(append(list, a.unfinished...), a.finished...)
		}
	}
	slices.SortFunc(list, func(a, b *memRun) int { return cmp.Compare(b.seq, a.seq) })
	return list
}

// standing returns what is known of an account, the run that begins left out.
func (m *Memory) standing(id broker.AccountID, begins *memRun) Standing {
	a := m.known(id)
	s := Standing{
		Account: id, Fence: a.fence, Block: copied(a.block), LastUnblock: a.unblock.copy(),
		Kill:      copied(cmp.Or(a.kill.kill, m.all.kill)),
		Approvals: slices.Clone(a.approvals), Memo: copied(a.memo),
	}
	for _, p := range a.open {
		s.Open = append(s.Open, p.intent.copy())
	}
	for _, r := range a.unfinished {
		if r != begins {
			s.Unfinished = append(s.Unfinished, r.ID)
		}
	}
	return s
}

// copy returns the run as a value of the caller's own.
func (r *memRun) copy() Run {
	c := r.Run
	c.Steps = append([]Step(nil), r.Steps...)
	for _, i := range r.intents {
		c.Intents = append(c.Intents, i.copy())
	}
	c.Outcome = copied(r.Outcome)
	return c
}

// copy returns the intent as a value of the caller's own.
func (i *Intent) copy() Intent {
	c := *i
	c.Settlement = copied(i.Settlement)
	return c
}

// copy returns the unblock as a value of the caller's own, nil for nil.
func (u *Unblock) copy() *Unblock {
	c := copied(u)
	if c != nil {
		c.Refs = slices.Clone(u.Refs)
	}
	return c
}

// copied returns a pointer to a copy, or nil.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
