package boltjournal

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// Account implements [journal.Reader].
func (j *Journal) Account(ctx context.Context, account broker.AccountID) (journal.Standing, error) {
	if err := ended(ctx, "account "+string(account)); err != nil {
		return journal.Standing{}, err
	}
	var s journal.Standing
	err := j.view(ctx, func(w *work) (err error) {
		s, err = w.standing(account, "")
		return err
	})
	if err != nil {
		return journal.Standing{}, err
	}
	return s, nil
}

// standing returns what is known of an account, the run that begins left out.
func (w *work) standing(id broker.AccountID, begins journal.RunID) (journal.Standing, error) {
	s := journal.Standing{Account: id}
	var err error
	if nameless(string(id)) {
		s.Kill, err = w.kill("")
		return s, err
	}
	if s.Kill, err = w.kill(id); err != nil {
		return s, err
	}
	if s.Fence, _, err = w.fence(id); err != nil {
		return s, err
	}
	open, err := w.open(id)
	if err != nil {
		return s, err
	}
	for _, o := range open {
		s.Open = append(s.Open, *o.Intent)
	}
	for _, run := range w.Bucket(bUnfinished).Prefix(join(string(id))) {
		if run := journal.RunID(run); run != begins {
			s.Unfinished = append(s.Unfinished, run)
		}
	}
	if s.Approvals, err = w.approvals(id); err != nil {
		return s, err
	}
	return s, w.facts(&s)
}

// facts reads the rest of a standing.
func (w *work) facts(s *journal.Standing) error {
	r, err := w.fact(s.Account, factBlock)
	if err != nil {
		return err
	}
	s.Block = r.Block
	if r, err = w.fact(s.Account, factUnblock); err != nil {
		return err
	}
	s.LastUnblock = r.Unblock
	b := w.Bucket(bAccounts).Get(join(string(s.Account), factMemo))
	if b == nil {
		return nil
	}
	if s.Memo, err = decodeMemo(b); err != nil {
		return damaged(err, "memo of account %s", s.Account)
	}
	return nil
}

// Run implements [journal.Reader].
func (j *Journal) Run(ctx context.Context, id journal.RunID) (journal.Run, error) {
	if err := ended(ctx, "run "+string(id)); err != nil {
		return journal.Run{}, err
	}
	var run journal.Run
	err := j.view(ctx, func(w *work) error {
		h, err := w.head(id)
		switch {
		case err != nil:
			return err
		case h == nil && w.gone(id):
			return fmt.Errorf("boltjournal: %w: %s: %w", journal.ErrUnknownRun, id, journal.ErrForgotten)
		case h == nil:
			return fmt.Errorf("boltjournal: %w: %s", journal.ErrUnknownRun, id)
		}
		run, err = w.run(h)
		return err
	})
	if err != nil {
		return journal.Run{}, err
	}
	return run, nil
}

// runsAtOnce is how many runs are read in one transaction.
const runsAtOnce = 16

// Runs implements [journal.Reader]. The journal may be used meanwhile, also by the
// loop over the runs.
func (j *Journal) Runs(ctx context.Context, account broker.AccountID) iter.Seq2[journal.Run, error] {
	return func(yield func(journal.Run, error) bool) {
		before, err := ^uint64(0), ended(ctx, "runs")
		for before > 0 && err == nil {
			var page []journal.Run
			page, before, err = j.page(ctx, account, before)
			err = cmp.Or(err, ended(ctx, "runs"))
			for _, run := range page {
				if err != nil {
					break
				}
				if !yield(run, nil) {
					return
				}
				err = ended(ctx, "runs")
			}
		}
		if err != nil {
			yield(journal.Run{}, err)
		}
	}
}

// page reads the runs whose numbers are below before, the highest one first, and
// returns where to go on, 0 at the end.
func (j *Journal) page(ctx context.Context, account broker.AccountID, before uint64) (page []journal.Run, next uint64, err error) {
	bucket, prefix, key := bByAccount, join(string(account)), numbered(string(account), before)
	if account == "" {
		bucket, prefix, key = bOrder, nil, number(before, "")
	}
	err = j.view(ctx, func(w *work) error {
		for k, id := range w.Bucket(bucket).Before(prefix, key) {
			h, err := w.head(journal.RunID(id))
			if err != nil {
				return err
			}
			if h == nil {
				return damaged(journal.ErrUnknownRun, "run %s", id)
			}
			run, err := w.run(h)
			if err != nil {
				return err
			}
			if page = append(page, run); len(page) == runsAtOnce {
				next = tail(k)
				return nil
			}
		}
		return nil
	})
	return page, next, err
}
