package journal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// Block implements [Control].
func (m *Memory) Block(ctx context.Context, block Block) error {
	if err := cmp.Or(block.Check(), ended(ctx, "block")); err != nil {
		return err
	}
	block.Time = instant(block.Time)
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.account(block.Account); a.block == nil {
		a.block = &block
	}
	return nil
}

// Unblock implements [Control].
func (m *Memory) Unblock(ctx context.Context, unblock Unblock) error {
	if err := cmp.Or(unblock.Check(), ended(ctx, "unblock")); err != nil {
		return err
	}
	unblock.toUTC()
	unblock.Refs = slices.Clone(unblock.Refs)
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.account(unblock.Account)
	if a.unblock != nil && a.unblock.Same(&unblock) {
		return nil
	}
	if err := unblock.Covers(a.block, m.standing(unblock.Account, nil).Open); err != nil {
		return err
	}
	a.block, a.unblock = nil, &unblock
	unsettled := a.open[:0]
	for _, p := range a.open {
		if i := p.intent; i.Settlement != nil {
			i.Answered = true
			continue
		}
		unsettled = append(unsettled, p)
	}
	clear(a.open[len(unsettled):])
	a.open = unsettled
	return nil
}

// Kill implements [Control].
func (m *Memory) Kill(ctx context.Context, kill Kill) error {
	if err := cmp.Or(kill.Check(), ended(ctx, "kill")); err != nil {
		return err
	}
	kill.Time = instant(kill.Time)
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.killSwitch(kill.Account); s.kill == nil {
		s.kill = &kill
	}
	return nil
}

// Resume implements [Control].
func (m *Memory) Resume(ctx context.Context, kill Kill) error {
	if err := cmp.Or(kill.Check(), ended(ctx, "resume")); err != nil {
		return err
	}
	kill.Time = instant(kill.Time)
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.killSwitch(kill.Account); s.resumed == nil || !s.resumed.Same(&kill) {
		s.kill, s.resumed = nil, &kill
	}
	return nil
}

// Approve implements [Control].
func (m *Memory) Approve(ctx context.Context, approval Approval) error {
	if err := cmp.Or(approval.Check(), ended(ctx, "approve")); err != nil {
		return err
	}
	approval.Time, approval.Expires = instant(approval.Time), instant(approval.Expires)
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[approval.Run]
	switch {
	case r == nil && m.past.dropped(approval.Run):
		return fmt.Errorf("journal: approve: account %s: %w: run %s: %w", approval.Account, ErrFinished, approval.Run, ErrForgotten)
	case r == nil || r.Account != approval.Account:
		return fmt.Errorf("journal: approve: account %s: %w: %s", approval.Account, ErrUnknownRun, approval.Run)
	}
	a := m.account(approval.Account)
	if slices.ContainsFunc(a.approvals, func(known Approval) bool { return known.Same(&approval) }) {
		return nil
	}
	if r.Outcome != nil {
		return r.isFinished("approve")
	}
	a.approvals = append(a.approvals, approval)
	return nil
}

// killSwitch returns the switch of an account, or that of all for "".
func (m *Memory) killSwitch(id broker.AccountID) *memSwitch {
	if id == "" {
		return &m.all
	}
	return &m.account(id).kill
}

// Same reports whether two unblocks are one, given twice.
func (u *Unblock) Same(v *Unblock) bool {
	return u.Account == v.Account && u.Operator == v.Operator && u.Reason == v.Reason &&
		bytes.Equal(u.Evidence, v.Evidence) && u.Time.Equal(v.Time) && u.Block.Equal(v.Block) && slices.Equal(u.Refs, v.Refs)
}

// Same reports whether two kills, or two resumes, are one, given twice.
func (k *Kill) Same(l *Kill) bool {
	return k.Account == l.Account && k.Operator == l.Operator && k.Reason == l.Reason && k.Time.Equal(l.Time)
}

// Same reports whether two approvals are one, given twice.
func (a *Approval) Same(b *Approval) bool {
	return a.Account == b.Account && a.Run == b.Run && a.Hash == b.Hash && a.Operator == b.Operator &&
		a.Reason == b.Reason && a.Time.Equal(b.Time) && a.Expires.Equal(b.Expires)
}
