package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// Intend implements [IntentLog].
func (m *Memory) Intend(ctx context.Context, grant Grant, intents ...Intent) error {
	if err := cmp.Or(CheckIntents(&grant, intents), ended(ctx, "intend")); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.held(&grant)
	if err != nil {
		return err
	}
	if a.holder.Outcome != nil {
		return a.holder.isFinished("intend")
	}
	news := 0
	for i := range intents {
		known, err := m.repeated(&intents[i])
		if err != nil {
			return err
		}
		if !known {
			news++
		}
	}
	if news == 0 {
		return nil
	}
	if err := m.stopped(grant.Account, a); err != nil {
		return err
	}
	for i := range intents {
		if news < len(intents) {
			if _, known := m.refs[intents[i].Order.ID]; known {
				continue
			}
		}
		m.add(a, &intents[i])
	}
	return nil
}

// repeated reports whether the very same intent was recorded before and is
// unsettled.
func (m *Memory) repeated(i *Intent) (bool, error) {
	p, known := m.refs[i.Order.ID]
	if !known && !m.gone.ref(i.Order.ID) {
		return false, nil
	}
	by, why := "a run that was dropped", ""
	if known {
		have := p.intent
		if have.Settlement == nil && have.Same(i) {
			return true, nil
		}
		by = "run " + string(p.run.ID)
		if have.Settlement != nil {
			why = ", where it is " + string(have.Settlement.Outcome)
		}
	}
	return false, fmt.Errorf("journal: intend: account %s: %w: %s was used by %s%s: count the try up",
		i.Order.Account, ErrRefTaken, i.Order.ID, by, why)
}

// stopped says why no new intent of the account is accepted, if so.
func (m *Memory) stopped(id broker.AccountID, a *memAccount) error {
	if k := cmp.Or(a.kill.kill, m.all.kill); k != nil {
		scope := "account " + string(id)
		if k.Account == "" {
			scope = "all accounts"
		}
		return fmt.Errorf("journal: intend: account %s: %w: %s by %s at %s: %s: resume that first",
			id, ErrKilled, scope, k.Operator, k.Time.Format(time.RFC3339), k.Reason)
	}
	if b := a.block; b != nil {
		return fmt.Errorf("journal: intend: account %s: %w at %s: %s: an operator must unblock it",
			id, ErrBlocked, b.Time.Format(time.RFC3339), b.Reason)
	}
	for _, p := range a.open {
		if i := p.intent; i.Settlement != nil {
			return fmt.Errorf("journal: intend: account %s: %w: the outcome of order %s is unknown: settle it with evidence, or unblock the account",
				id, ErrBlocked, i.Order.ID)
		}
	}
	return nil
}

// add records an intent.
func (m *Memory) add(a *memAccount, given *Intent) {
	r := a.holder
	if len(r.block) == cap(r.block) {
		r.block = make([]Intent, 0, 8)
	}
	r.block = append(r.block, *given)
	i := &r.block[len(r.block)-1]
	i.Time = instant(i.Time)
	i.Order.Epoch, i.Order.SendBefore = 0, time.Time{}
	p := memPlace{run: r, intent: i}
	r.intents = append(r.intents, p.intent)
	a.open = append(a.open, p)
	if m.refs == nil {
		m.refs = make(map[broker.OrderID]memPlace)
	}
	m.refs[i.Order.ID] = p
}

// Settle implements [IntentLog].
func (m *Memory) Settle(ctx context.Context, grant Grant, settlements ...Settlement) error {
	if err := cmp.Or(CheckSettlements(&grant, settlements), ended(ctx, "settle")); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.held(&grant)
	if err != nil {
		return err
	}
	changes := make([]Settlement, 0, len(settlements))
	changed := make([]*Intent, 0, len(settlements))
	for i := range settlements {
		have, err := m.find(grant.Account, settlements[i].Ref)
		if err != nil {
			return err
		}
		change, err := have.SettledBy(&settlements[i])
		if err != nil {
			return err
		}
		if change {
			changes, changed = append(changes, settlements[i]), append(changed, have)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if a.holder.Outcome != nil {
		return a.holder.isFinished("settle")
	}
	for i := range changes {
		s := &changes[i]
		s.Time = instant(s.Time)
		changed[i].Settlement = s
	}
	a.open = slices.DeleteFunc(a.open, func(p memPlace) bool { return !p.intent.Open() })
	return nil
}

// find returns an intent of the account.
func (m *Memory) find(id broker.AccountID, ref broker.OrderID) (*Intent, error) {
	p, known := m.refs[ref]
	switch {
	case !known && m.gone.ref(ref):
		return nil, fmt.Errorf("journal: settle: account %s: %w: %s: %w", id, ErrUnknownRef, ref, ErrForgotten)
	case !known || p.run.Account != id:
		return nil, fmt.Errorf("journal: settle: account %s: %w: %s", id, ErrUnknownRef, ref)
	}
	return p.intent, nil
}
