package redisjournal

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// page is how many runs are listed at once.
const page = 100

// Account implements [journal.Reader].
func (j *Journal) Account(ctx context.Context, account broker.AccountID) (journal.Standing, error) {
	what := of("read", account)
	r, err := j.ask(ctx, what, &scripts.account, nil, string(account))
	if err != nil {
		return journal.Standing{}, err
	}
	s, err := decodeStanding(account, r.list(1))
	if err != nil {
		return journal.Standing{}, fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	return s, nil
}

// Run implements [journal.Reader].
func (j *Journal) Run(ctx context.Context, id journal.RunID) (journal.Run, error) {
	what := of("run "+string(id), "")
	r, err := j.ask(ctx, what, &scripts.run, []string{"forgotten"}, string(id))
	if err != nil {
		return journal.Run{}, err
	}
	if r.code() == "forgotten" {
		return journal.Run{}, fmt.Errorf("redisjournal: %w: %s: %w", journal.ErrUnknownRun, id, journal.ErrForgotten)
	}
	run, err := decodeRun(id, r.list(1))
	if err != nil {
		return journal.Run{}, fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	return run, nil
}

// Runs implements [journal.Reader].
func (j *Journal) Runs(ctx context.Context, account broker.AccountID) iter.Seq2[journal.Run, error] {
	return func(yield func(journal.Run, error) bool) {
		for from := "+inf"; ; {
			r, err := j.ask(ctx, of("runs", account), &scripts.list, nil, string(account), from, page)
			if err != nil {
				yield(journal.Run{}, err)
				return
			}
			ids := r.list(1)
			if len(ids) == 0 {
				return
			}
			for n := 0; n+1 < len(ids); n += 2 {
				from = "(" + ids.text(n+1)
				run, err := j.Run(ctx, journal.RunID(ids.text(n)))
				if errors.Is(err, journal.ErrForgotten) {
					continue // dropped meanwhile
				}
				if !yield(run, err) || err != nil {
					return
				}
			}
		}
	}
}
