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
		if news == len(intents) || !m.past.used(intents[i].Order.ID) {
			m.add(a, &intents[i])
		}
	}
	return nil
}

// repeated reports whether the very same intent was recorded before and is
// unsettled.
func (m *Memory) repeated(i *Intent) (bool, error) {
	if !m.past.used(i.Order.ID) {
		return false, nil
	}
	by, why := "a run that was dropped", ""
	if p, kept := m.place(m.known(i.Order.Account), i.Order.ID); kept {
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
	m.past.use(i.Order.ID)
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
	p, kept := m.place(m.known(id), ref)
	switch {
	case !kept && m.past.used(ref):
		return nil, fmt.Errorf("journal: settle: account %s: %w: %s: %w", id, ErrUnknownRef, ref, ErrForgotten)
	case !kept || p.run.Account != id:
		return nil, fmt.Errorf("journal: settle: account %s: %w: %s", id, ErrUnknownRef, ref)
	}
	return p.intent, nil
}

// place finds an intent that is kept. Nearly always it is one of the account that
// stands open.
func (m *Memory) place(a *memAccount, ref broker.OrderID) (memPlace, bool) {
	for _, p := range a.open {
		if p.intent.Order.ID == ref {
			return p, true
		}
	}
	for _, r := range slices.Concat(a.unfinished, a.finished) { // settled by now
		if i := r.intent(ref); i != nil {
			return memPlace{run: r, intent: i}, true
		}
	}
	for _, r := range m.runs { // by mistake, of another account
		if i := r.intent(ref); i != nil {
			return memPlace{run: r, intent: i}, true
		}
	}
	return memPlace{}, false
}

// intent returns the intent with a reference, or nil.
func (r *memRun) intent(ref broker.OrderID) *Intent {
	for _, i := range r.intents {
		if i.Order.ID == ref {
			return i
		}
	}
	return nil
}
