package boltjournal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// Begin implements [journal.RunLog].
func (j *Journal) Begin(ctx context.Context, claim journal.Claim) (journal.Begun, error) {
	if err := cmp.Or(claim.Check(), ended(ctx, "begin")); err != nil {
		return journal.Begun{}, err
	}
	claim.Number, claim.Time = max(claim.Number, 1), instant(claim.Time)
	var begun journal.Begun
	err := j.update(ctx, "begin", func(w *work) (err error) {
		begun, err = w.begin(claim)
		return err
	})
	if err != nil {
		return journal.Begun{}, err
	}
	return begun, nil
}

func (w *work) begin(claim journal.Claim) (journal.Begun, error) {
	id := claim.RunID()
	h, err := w.claimed(&claim)
	if err != nil {
		return journal.Begun{}, err
	}
	fence, err := w.next(&claim)
	if err != nil {
		return journal.Begun{}, err
	}
	resumed := h != nil
	if !resumed {
		if h, err = w.newRun(claim); err != nil {
			return journal.Begun{}, err
		}
	}
	if h.claim.Fence != fence || !resumed {
		h.claim.Fence = fence
		if err := errors.Join(
			w.putHead(h), w.Bucket(bAccounts).Put(join(string(claim.Account), factFence), number(fence, string(id))),
		); err != nil {
			return journal.Begun{}, err
		}
	}
	b := journal.Begun{Grant: journal.Grant{Account: claim.Account, Run: id, Fence: fence}, Resumed: resumed}
	if b.Run, err = w.run(h); err != nil {
		return b, err
	}
	b.Standing, err = w.standing(claim.Account, id)
	return b, err
}

// claimed finds the run of a claim, nil if it had not begun.
func (w *work) claimed(claim *journal.Claim) (*head, error) {
	id := claim.RunID()
	h, err := w.head(id)
	switch {
	case err != nil:
		return nil, err
	case h == nil && w.gone(id):
		return nil, fmt.Errorf("boltjournal: begin: account %s: %w: run %s: %w: use a new event, or keep more runs",
			claim.Account, journal.ErrFinished, id, journal.ErrForgotten)
	case h == nil:
		return nil, nil
	case h.claim.Account != claim.Account || h.claim.Command != claim.Command:
		return nil, fmt.Errorf("boltjournal: begin: %w: run %s is %s of account %s, not %s of account %s: use a new event",
			journal.ErrInvalid, id, h.claim.Command, h.claim.Account, claim.Command, claim.Account)
	}
	return h, nil
}

// next returns the fence for a claim.
func (w *work) next(claim *journal.Claim) (uint64, error) {
	current, holder, err := w.fence(claim.Account)
	if err != nil {
		return 0, err
	}
	fence := claim.Fence
	if fence == 0 {
		fence = current + 1
	}
	switch {
	case fence > journal.MaxFence:
		return 0, fmt.Errorf("boltjournal: begin: %w: account %s has used up its fences: the last one is %d",
			journal.ErrInvalid, claim.Account, current)
	case fence < current, fence == current && holder != claim.RunID():
		return 0, fenced(claim.Account, fence, current, holder)
	}
	return fence, nil
}

// newRun adds a run, but for its head.
func (w *work) newRun(claim journal.Claim) (*head, error) {
	seq, err := w.Bucket(bRuns).Next()
	if err != nil {
		return nil, err
	}
	id, account := []byte(claim.RunID()), string(claim.Account)
	return &head{seq: seq, claim: claim}, errors.Join(
		w.Bucket(bOrder).Put(number(seq, ""), id),
		w.Bucket(bByAccount).Put(numbered(account, seq), id),
		w.Bucket(bUnfinished).Put(numbered(account, seq), id),
	)
}

// Checkpoint implements [journal.RunLog].
func (j *Journal) Checkpoint(ctx context.Context, grant journal.Grant, step journal.Step) error {
	if err := cmp.Or(grant.Check(), step.Check(), ended(ctx, "checkpoint")); err != nil {
		return err
	}
	record, _, err := canonical(journal.Record{Grant: grant, Step: &step})
	if err != nil {
		return err
	}
	return j.update(ctx, "checkpoint", func(w *work) error { return w.checkpoint(&grant, record) })
}

func (w *work) checkpoint(grant *journal.Grant, r journal.Record) error {
	ended, err := w.held(grant)
	if err != nil {
		return err
	}
	key := join(string(grant.Run), partStep, r.Step.Name)
	n, known, err := w.step(key)
	if err != nil {
		return err
	}
	if ended {
		if known != nil && known.Time.Equal(r.Step.Time) && bytes.Equal(known.Data, r.Step.Data) {
			return nil
		}
		return w.isFinished("checkpoint "+r.Step.Name, grant.Run)
	}
	b, err := journal.EncodeRecord(r)
	if err != nil {
		return err
	}
	if known == nil {
		if n, err = w.Bucket(bOrder).Next(); err != nil {
			return err
		}
	}
	return w.Bucket(bRuns).Put(key, number(n, string(b)))
}

// step reads a step and its number, nil if it was not reached.
func (w *work) step(key []byte) (uint64, *journal.Step, error) {
	b := w.Bucket(bRuns).Get(key)
	if b == nil {
		return 0, nil, nil
	}
	return readStep(key, b)
}

// Finish implements [journal.RunLog].
func (j *Journal) Finish(ctx context.Context, grant journal.Grant, outcome journal.Outcome) error {
	if err := cmp.Or(grant.Check(), outcome.Check(), ended(ctx, "finish")); err != nil {
		return err
	}
	record, b, err := canonical(journal.Record{Grant: grant, Outcome: &outcome})
	if err != nil {
		return err
	}
	return j.update(ctx, "finish", func(w *work) error { return w.finish(&grant, record.Outcome, b) })
}

func (w *work) finish(grant *journal.Grant, outcome *journal.Outcome, form []byte) error {
	ended, err := w.held(grant)
	if err != nil || ended {
		return err
	}
	id, account := string(grant.Run), string(grant.Account)
	refs, err := w.openRefs(grant.Account, grant.Run)
	if err != nil {
		return err
	}
	if len(refs) > 0 {
		return fmt.Errorf("boltjournal: finish: account %s: run %s: %w: settle %s first",
			account, id, journal.ErrOpenIntents, strings.Join(refs, ", "))
	}
	h, err := w.head(grant.Run)
	if err != nil {
		return err
	}
	if h.end, err = w.Bucket(bFinished).Next(); err != nil {
		return err
	}
	err = errors.Join(
		w.Bucket(bRuns).Put(join(id, partOutcome), form), w.putHead(h),
		w.Bucket(bUnfinished).Delete(numbered(account, h.seq)),
		w.Bucket(bFinished).Put(numbered(account, h.end), finishedValue(outcome.Time, grant.Run)),
		w.forgetApprovals(grant.Account, grant.Run),
	)
	if len(outcome.Memo) > 0 {
		memo, fault := json.Marshal(memoForm{Run: grant.Run, Data: outcome.Memo})
		err = errors.Join(err, fault, w.Bucket(bAccounts).Put(join(account, factMemo), memo))
	}
	return errors.Join(err, w.drop(grant.Account, outcome.Time))
}

// openRefs returns the references of a run's open intents.
func (w *work) openRefs(account broker.AccountID, id journal.RunID) ([]string, error) {
	open, err := w.open(account)
	var refs []string
	for _, o := range open {
		if o.Intent.Run == id {
			refs = append(refs, string(o.Intent.Order.ID))
		}
	}
	return refs, err
}

// forgetApprovals removes the approvals of a run.
func (w *work) forgetApprovals(account broker.AccountID, id journal.RunID) error {
	var keys [][]byte
	for k, v := range w.Bucket(bApprovals).Prefix(join(string(account))) {
		r, err := read(k, v)
		if err != nil {
			return err
		}
		if r.Approval != nil && r.Approval.Run == id {
			keys = append(keys, slices.Clone(k))
		}
	}
	for _, k := range keys {
		if err := w.Bucket(bApprovals).Delete(k); err != nil {
			return err
		}
	}
	return nil
}
