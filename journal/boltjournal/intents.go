package boltjournal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// newIntent is an intent and its stored form.
type newIntent struct {
	*journal.Intent
	form []byte
}

// Intend implements [journal.IntentLog].
func (j *Journal) Intend(ctx context.Context, grant journal.Grant, intents ...journal.Intent) error {
	if err := cmp.Or(journal.CheckIntents(&grant, intents), ended(ctx, "intend")); err != nil {
		return err
	}
	list := make([]newIntent, len(intents))
	for i := range intents {
		r, b, err := canonical(journal.Record{Grant: grant, Intent: &intents[i]})
		if err != nil {
			return err
		}
		list[i] = newIntent{r.Intent, b}
	}
	return j.update(ctx, "intend", func(w *work) error { return w.intend(&grant, list) })
}

func (w *work) intend(grant *journal.Grant, list []newIntent) error {
	ended, err := w.held(grant)
	if err != nil {
		return err
	}
	if ended {
		return w.isFinished("intend", grant.Run)
	}
	var news []newIntent
	for _, i := range list {
		known, err := w.repeated(i.Intent)
		if err != nil {
			return err
		}
		if !known {
			news = append(news, i)
		}
	}
	if len(news) == 0 {
		return nil
	}
	if err := w.stopped(grant.Account); err != nil {
		return err
	}
	for _, i := range news {
		if err := w.add(i); err != nil {
			return err
		}
	}
	return nil
}

// repeated reports whether the very same intent was recorded before and is
// unsettled.
func (w *work) repeated(i *journal.Intent) (bool, error) {
	b := w.Bucket(bRefs).Get([]byte(i.Order.ID))
	if b == nil {
		return false, nil
	}
	p, err := decodePlace(b)
	if err != nil {
		return false, damaged(err, "reference %s", i.Order.ID)
	}
	by, why := "a run that was dropped", ""
	if !p.gone {
		r, err := w.intent(p.run, p.n)
		if err != nil {
			return false, err
		}
		have := r.Intent
		if have.Settlement == nil && have.Same(i) {
			return true, nil
		}
		by = "run " + string(p.run)
		if have.Settlement != nil {
			why = ", where it is " + string(have.Settlement.Outcome)
		}
	}
	return false, fmt.Errorf("boltjournal: intend: account %s: %w: %s was used by %s%s: count the try up",
		i.Order.Account, journal.ErrRefTaken, i.Order.ID, by, why)
}

// stopped says why no new intent of the account is accepted, if so.
func (w *work) stopped(id broker.AccountID) error {
	k, err := w.kill(id)
	if err != nil {
		return err
	}
	if k != nil {
		scope := "account " + string(id)
		if k.Account == "" {
			scope = "all accounts"
		}
		return fmt.Errorf("boltjournal: intend: account %s: %w: %s by %s at %s: %s: resume that first",
			id, journal.ErrKilled, scope, k.Operator, k.Time.Format(time.RFC3339), k.Reason)
	}
	r, err := w.fact(id, factBlock)
	if err != nil {
		return err
	}
	if b := r.Block; b != nil {
		return fmt.Errorf("boltjournal: intend: account %s: %w at %s: %s: an operator must unblock it",
			id, journal.ErrBlocked, b.Time.Format(time.RFC3339), b.Reason)
	}
	for k, v := range w.Bucket(bOpen).Prefix(join(string(id))) {
		run, unknown, err := decodeOpen(v)
		if err != nil {
			return damaged(err, "account %s", id)
		}
		if !unknown {
			continue
		}
		r, err := w.intent(run, tail(k))
		if err != nil {
			return err
		}
		return fmt.Errorf("boltjournal: intend: account %s: %w: the outcome of order %s is unknown: settle it with evidence, or unblock the account",
			id, journal.ErrBlocked, r.Intent.Order.ID)
	}
	return nil
}

// add records an intent.
func (w *work) add(i newIntent) error {
	n, err := w.Bucket(bRefs).Next()
	if err != nil {
		return err
	}
	at := place{run: i.Run, n: n}
	return errors.Join(
		w.Bucket(bRuns).Put(intentKey(i.Run, n), i.form),
		w.Bucket(bRefs).Put([]byte(i.Order.ID), at.encode()),
		w.Bucket(bOpen).Put(numbered(string(i.Order.Account), n), openValue(i.Intent)),
	)
}

// Settle implements [journal.IntentLog].
func (j *Journal) Settle(ctx context.Context, grant journal.Grant, settlements ...journal.Settlement) error {
	if err := cmp.Or(journal.CheckSettlements(&grant, settlements), ended(ctx, "settle")); err != nil {
		return err
	}
	list := make([]*journal.Settlement, len(settlements))
	for i := range settlements {
		r, _, err := canonical(journal.Record{Grant: grant, Settlement: &settlements[i]})
		if err != nil {
			return err
		}
		list[i] = r.Settlement
	}
	return j.update(ctx, "settle", func(w *work) error { return w.settle(&grant, list) })
}

func (w *work) settle(grant *journal.Grant, list []*journal.Settlement) error {
	ended, err := w.held(grant)
	if err != nil {
		return err
	}
	var changes []openIntent
	for _, s := range list {
		have, err := w.find(grant.Account, s.Ref)
		if err != nil {
			return err
		}
		change, err := have.Intent.SettledBy(s)
		if err != nil {
			return err
		}
		if change {
			have.Intent.Settlement = s
			changes = append(changes, have)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if ended {
		return w.isFinished("settle", grant.Run)
	}
	for _, c := range changes {
		if err := errors.Join(w.putIntent(c.n, c.Record), w.reopen(c)); err != nil {
			return err
		}
	}
	return nil
}

// reopen notes whether an intent that was settled is open and unclear.
func (w *work) reopen(c openIntent) error {
	open, unclear := w.Bucket(bOpen), w.Bucket(bUnclear)
	i := c.Intent
	at, standing := numbered(string(i.Run), c.n), numbered(string(i.Order.Account), c.n)
	if i.Settlement.Outcome == journal.Unknown {
		return errors.Join(unclear.Put(at, none), open.Put(standing, openValue(i)))
	}
	return errors.Join(unclear.Delete(at), open.Delete(standing))
}

// find returns an intent of the account.
func (w *work) find(id broker.AccountID, ref broker.OrderID) (openIntent, error) {
	b := w.Bucket(bRefs).Get([]byte(ref))
	if b == nil {
		return openIntent{}, fmt.Errorf("boltjournal: settle: account %s: %w: %s", id, journal.ErrUnknownRef, ref)
	}
	p, err := decodePlace(b)
	if err != nil {
		return openIntent{}, damaged(err, "reference %s", ref)
	}
	if p.gone {
		return openIntent{}, fmt.Errorf("boltjournal: settle: account %s: %w: %s: %w", id, journal.ErrUnknownRef, ref, journal.ErrForgotten)
	}
	r, err := w.intent(p.run, p.n)
	if err == nil && r.Intent.Order.Account != id {
		err = fmt.Errorf("boltjournal: settle: account %s: %w: %s", id, journal.ErrUnknownRef, ref)
	}
	return openIntent{p.n, r}, err
}
