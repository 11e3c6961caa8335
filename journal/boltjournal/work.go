package boltjournal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/journal"
)

// work is one transaction on the journal. Its methods that refuse something do so
// before they write anything.
type work struct {
	*boltfile.Tx
	opts *Options
}

// update does something in a transaction. The function may run more than once.
func (j *Journal) update(ctx context.Context, what string, do func(w *work) error) error {
	err := j.file.Update(ctx, func(tx *boltfile.Tx) error { return do(&work{tx, &j.opts}) })
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("boltjournal: %s: %w", what, err)
	}
	return err
}

// view looks at something in a transaction.
func (j *Journal) view(ctx context.Context, look func(w *work) error) error {
	return j.file.View(ctx, func(tx *boltfile.Tx) error { return look(&work{tx, &j.opts}) })
}

// ended returns an error if ctx has ended.
func ended(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("boltjournal: %s: %w", what, err)
	}
	return nil
}

// canonical returns a record as it is read back, and its stored form.
func canonical(r journal.Record) (journal.Record, []byte, error) {
	b, err := journal.EncodeRecord(r)
	if err != nil {
		return r, nil, fmt.Errorf("boltjournal: %w", err)
	}
	r, err = journal.DecodeRecord(b)
	return r, b, err
}

// damaged is the error of what cannot be read.
func damaged(err error, format string, args ...any) error {
	return fmt.Errorf("boltjournal: %w: %s: %w", ErrDamaged, fmt.Sprintf(format, args...), err)
}

// record reads a record; the zero one if there is none.
func (w *work) record(bucket string, key []byte) (journal.Record, error) {
	return read(key, w.Bucket(bucket).Get(key))
}

// read decodes a record; the zero one if there is none.
func read(key, b []byte) (journal.Record, error) {
	if b == nil {
		return journal.Record{}, nil
	}
	r, err := journal.DecodeRecord(b)
	if err != nil {
		return r, damaged(err, "record %q", key)
	}
	return r, nil
}

// fact reads a record of an account; the zero one if there is none.
func (w *work) fact(id broker.AccountID, name string) (journal.Record, error) {
	return w.record(bAccounts, join(string(id), name))
}

// fence reads the fence of an account and who holds it.
func (w *work) fence(id broker.AccountID) (uint64, journal.RunID, error) {
	b := w.Bucket(bAccounts).Get(join(string(id), factFence))
	if b == nil {
		return 0, "", nil
	}
	fence, holder, err := readNumber(b)
	if err != nil {
		return 0, "", damaged(err, "fence of account %s", id)
	}
	return fence, journal.RunID(holder), nil
}

// held makes sure that a grant is good, and reports whether its run has ended.
func (w *work) held(grant *journal.Grant) (ended bool, err error) {
	fence, holder, err := w.fence(grant.Account)
	if err != nil {
		return false, err
	}
	if fence != grant.Fence || holder != grant.Run {
		return false, fenced(grant.Account, grant.Fence, fence, holder)
	}
	ended, err = decodeEnded(w.Bucket(bRuns).Get(join(string(holder), partHead)))
	if err != nil {
		return false, damaged(err, "run %s, which holds account %s", holder, grant.Account)
	}
	return ended, nil
}

// fenced says which fence stands in the way.
func fenced(id broker.AccountID, fence, current uint64, holder journal.RunID) error {
	return &journal.FencedError{Account: id, Fence: fence, Current: current, CurrentHolder: holder}
}

// head reads the head of a run, nil if it is not kept.
func (w *work) head(id journal.RunID) (*head, error) {
	if nameless(string(id)) {
		return nil, nil
	}
	b := w.Bucket(bRuns).Get(join(string(id), partHead))
	if b == nil {
		return nil, nil
	}
	h, err := decodeHead(b)
	if err != nil {
		return nil, damaged(err, "run %s", id)
	}
	if h.claim.RunID() != id {
		return nil, damaged(fmt.Errorf("it is that of %s", h.claim.RunID()), "run %s", id)
	}
	return h, nil
}

// putHead stores the head of a run.
func (w *work) putHead(h *head) error {
	b, err := h.encode()
	if err != nil {
		return fmt.Errorf("boltjournal: %w", err)
	}
	return w.Bucket(bRuns).Put(join(string(h.claim.RunID()), partHead), b)
}

// gone reports whether a run of this ID was dropped.
func (w *work) gone(id journal.RunID) bool { return w.Bucket(bGone).Has([]byte(id)) && id != "" }

// outcome reads how a run ended, nil if it did not.
func (w *work) outcome(h *head) (*journal.Outcome, error) {
	if h.end == 0 {
		return nil, nil
	}
	id := h.claim.RunID()
	r, err := w.record(bRuns, join(string(id), partOutcome))
	if err == nil && r.Outcome == nil {
		err = damaged(journal.ErrUnknownRun, "outcome of run %s", id)
	}
	return r.Outcome, err
}

// isFinished is the error of a write that comes too late.
func (w *work) isFinished(what string, id journal.RunID) error {
	h, err := w.head(id)
	if err != nil {
		return err
	}
	o, err := w.outcome(h)
	if err != nil {
		return err
	}
	return fmt.Errorf("boltjournal: %s: account %s: %w: run %s ended as %s", what, h.claim.Account, journal.ErrFinished, id, o.Name)
}

// intent reads an intent with the grant under which it was recorded.
func (w *work) intent(id journal.RunID, n uint64) (journal.Record, error) {
	r, err := w.record(bRuns, intentKey(id, n))
	if err == nil && r.Intent == nil {
		err = damaged(journal.ErrUnknownRef, "intent %d of run %s", n, id)
	}
	return r, err
}

// putIntent stores an intent that was read and changed.
func (w *work) putIntent(n uint64, r journal.Record) error {
	b, err := journal.EncodeRecord(r)
	if err != nil {
		return fmt.Errorf("boltjournal: %w", err)
	}
	return w.Bucket(bRuns).Put(intentKey(r.Intent.Run, n), b)
}

// openIntent is an intent that stands open, and its number.
type openIntent struct {
	n uint64
	journal.Record
}

// open reads the open intents of an account, oldest first.
func (w *work) open(id broker.AccountID) ([]openIntent, error) {
	var list []openIntent
	for k, v := range w.Bucket(bOpen).Prefix(join(string(id))) {
		n := tail(k)
		run, _, err := decodeOpen(v)
		if err != nil {
			return nil, damaged(err, "account %s", id)
		}
		r, err := w.intent(run, n)
		if err != nil {
			return nil, err
		}
		list = append(list, openIntent{n, r})
	}
	return list, nil
}

// run reads a run.
func (w *work) run(h *head) (journal.Run, error) {
	c := &h.claim
	id := c.RunID()
	run := journal.Run{
		ID: id, Event: c.Event, Account: c.Account, Command: c.Command, Number: c.Number, Fence: c.Fence, Started: c.Time,
	}
	var err error
	if run.Outcome, err = w.outcome(h); err != nil {
		return run, err
	}
	for k := range w.Bucket(bRuns).Prefix(join(string(id), partIntent)) {
		r, err := w.intent(id, tail(k))
		if err != nil {
			return run, err
		}
		run.Intents = append(run.Intents, *r.Intent)
	}
	run.Steps, err = w.steps(id)
	return run, err
}

// steps reads the steps of a run, in order of first recording.
func (w *work) steps(id journal.RunID) ([]journal.Step, error) {
	type numberedStep struct {
		n uint64
		journal.Step
	}
	var list []numberedStep
	for k, v := range w.Bucket(bRuns).Prefix(join(string(id), partStep)) {
		n, step, err := readStep(k, v)
		if err != nil {
			return nil, err
		}
		list = append(list, numberedStep{n, *step})
	}
	slices.SortFunc(list, func(a, b numberedStep) int { return cmp.Compare(a.n, b.n) })
	steps := make([]journal.Step, len(list))
	for i := range list {
		steps[i] = list[i].Step
	}
	return steps, nil
}

// readStep decodes a step and its number.
func readStep(key, b []byte) (uint64, *journal.Step, error) {
	n, text, err := readNumber(b)
	if err != nil {
		return 0, nil, damaged(err, "step %q", key)
	}
	r, err := read(key, []byte(text))
	if err == nil && r.Step == nil {
		err = damaged(journal.ErrInvalid, "record %q is no step", key)
	}
	return n, r.Step, err
}

// instant is how an instant is kept.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }
