package boltjournal

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// Block implements [journal.Control].
func (j *Journal) Block(ctx context.Context, block journal.Block) error {
	if err := cmp.Or(block.Check(), ended(ctx, "block")); err != nil {
		return err
	}
	_, b, err := canonical(journal.Record{Block: &block})
	if err != nil {
		return err
	}
	return j.update(ctx, "block", func(w *work) error { return w.keepFirst(block.Account, factBlock, b) })
}

// keepFirst stores a fact about an account unless there is one.
func (w *work) keepFirst(id broker.AccountID, fact string, form []byte) error {
	accounts, key := w.Bucket(bAccounts), join(string(id), fact)
	if accounts.Has(key) {
		return nil
	}
	return accounts.Put(key, form)
}

// Unblock implements [journal.Control].
func (j *Journal) Unblock(ctx context.Context, unblock journal.Unblock) error {
	if err := cmp.Or(unblock.Check(), ended(ctx, "unblock")); err != nil {
		return err
	}
	record, b, err := canonical(journal.Record{Unblock: &unblock})
	if err != nil {
		return err
	}
	return j.update(ctx, "unblock", func(w *work) error { return w.unblock(record.Unblock, b) })
}

func (w *work) unblock(u *journal.Unblock, form []byte) error {
	last, err := w.fact(u.Account, factUnblock)
	if err != nil || last.Unblock != nil && last.Unblock.Same(u) {
		return err
	}
	open, err := w.open(u.Account)
	if err != nil {
		return err
	}
	block, err := w.fact(u.Account, factBlock)
	if err != nil {
		return err
	}
	intents := make([]journal.Intent, len(open))
	for i := range open {
		intents[i] = *open[i].Intent
	}
	if err := u.Covers(block.Block, intents); err != nil {
		return fmt.Errorf("boltjournal: %w", err)
	}
	accounts := w.Bucket(bAccounts)
	if err := errors.Join(
		accounts.Delete(join(string(u.Account), factBlock)), accounts.Put(join(string(u.Account), factUnblock), form),
	); err != nil {
		return err
	}
	for _, o := range open {
		if o.Intent.Settlement == nil {
			continue
		}
		o.Intent.Answered = true
		if err := errors.Join(w.putIntent(o.n, o.Record), w.Bucket(bOpen).Delete(numbered(string(u.Account), o.n))); err != nil {
			return err
		}
	}
	return nil
}

// Kill implements [journal.Control].
func (j *Journal) Kill(ctx context.Context, kill journal.Kill) error {
	if err := cmp.Or(kill.Check(), ended(ctx, "kill")); err != nil {
		return err
	}
	_, b, err := canonical(journal.Record{Kill: &kill})
	if err != nil {
		return err
	}
	return j.update(ctx, "kill", func(w *work) error { return w.keepFirst(kill.Account, factKill, b) })
}

// Resume implements [journal.Control].
func (j *Journal) Resume(ctx context.Context, kill journal.Kill) error {
	if err := cmp.Or(kill.Check(), ended(ctx, "resume")); err != nil {
		return err
	}
	record, b, err := canonical(journal.Record{Resume: &kill})
	if err != nil {
		return err
	}
	return j.update(ctx, "resume", func(w *work) error {
		last, err := w.fact(kill.Account, factResume)
		if err != nil || last.Resume != nil && last.Resume.Same(record.Resume) {
			return err
		}
		accounts := w.Bucket(bAccounts)
		return errors.Join(
			accounts.Delete(join(string(kill.Account), factKill)), accounts.Put(join(string(kill.Account), factResume), b),
		)
	})
}

// kill reads the kill of an account, or else that of all.
func (w *work) kill(id broker.AccountID) (*journal.Kill, error) {
	r, err := w.fact(id, factKill)
	if err != nil || r.Kill != nil {
		return r.Kill, err
	}
	r, err = w.fact("", factKill)
	return r.Kill, err
}

// Approve implements [journal.Control].
func (j *Journal) Approve(ctx context.Context, approval journal.Approval) error {
	if err := cmp.Or(approval.Check(), ended(ctx, "approve")); err != nil {
		return err
	}
	record, b, err := canonical(journal.Record{Approval: &approval})
	if err != nil {
		return err
	}
	return j.update(ctx, "approve", func(w *work) error { return w.approve(record.Approval, b) })
}

func (w *work) approve(a *journal.Approval, form []byte) error {
	h, err := w.head(a.Run)
	switch {
	case err != nil:
		return err
	case h == nil && w.gone(a.Run):
		return fmt.Errorf("boltjournal: approve: account %s: %w: run %s: %w", a.Account, journal.ErrFinished, a.Run, journal.ErrForgotten)
	case h == nil || h.claim.Account != a.Account:
		return fmt.Errorf("boltjournal: approve: account %s: %w: %s", a.Account, journal.ErrUnknownRun, a.Run)
	case h.end != 0:
		return w.isFinished("approve", a.Run)
	}
	known, err := w.approvals(a.Account)
	if err != nil {
		return err
	}
	for i := range known {
		if known[i].Same(a) {
			return nil
		}
	}
	n, err := w.Bucket(bApprovals).Next()
	if err != nil {
		return err
	}
	return w.Bucket(bApprovals).Put(numbered(string(a.Account), n), form)
}

// approvals reads the approvals of an account, oldest first.
func (w *work) approvals(id broker.AccountID) ([]journal.Approval, error) {
	var list []journal.Approval
	for k, v := range w.Bucket(bApprovals).Prefix(join(string(id))) {
		r, err := read(k, v)
		if err != nil {
			return nil, err
		}
		if r.Approval == nil {
			return nil, damaged(journal.ErrInvalid, "record %q is no approval", k)
		}
		list = append(list, *r.Approval)
	}
	return list, nil
}
