package journaltest

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// reopening is a journal that is closed and opened again before each call. It
// is not safe for concurrent use.
type reopening struct {
	t T
	h Harness
}

var _ journal.Journal = (*reopening)(nil)

// open returns the journal, opened again.
func (r *reopening) open() journal.Journal { return r.h.Reopen(r.t) }

func (r *reopening) Begin(ctx context.Context, c journal.Claim) (journal.Begun, error) {
	return r.open().Begin(ctx, c)
}

func (r *reopening) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	return r.open().Checkpoint(ctx, g, s)
}

func (r *reopening) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	return r.open().Finish(ctx, g, o)
}

func (r *reopening) Intend(ctx context.Context, g journal.Grant, i ...journal.Intent) error {
	return r.open().Intend(ctx, g, i...)
}

func (r *reopening) Settle(ctx context.Context, g journal.Grant, s ...journal.Settlement) error {
	return r.open().Settle(ctx, g, s...)
}

func (r *reopening) Block(ctx context.Context, b journal.Block) error { return r.open().Block(ctx, b) }

func (r *reopening) Unblock(ctx context.Context, u journal.Unblock) error {
	return r.open().Unblock(ctx, u)
}

func (r *reopening) Kill(ctx context.Context, k journal.Kill) error { return r.open().Kill(ctx, k) }

func (r *reopening) Resume(ctx context.Context, k journal.Kill) error { return r.open().Resume(ctx, k) }

func (r *reopening) Approve(ctx context.Context, a journal.Approval) error {
	return r.open().Approve(ctx, a)
}

func (r *reopening) Account(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
	return r.open().Account(ctx, a)
}

func (r *reopening) Run(ctx context.Context, id journal.RunID) (journal.Run, error) {
	return r.open().Run(ctx, id)
}

func (r *reopening) Runs(ctx context.Context, a broker.AccountID) iter.Seq2[journal.Run, error] {
	return r.open().Runs(ctx, a)
}

// dump returns, as JSON, all that the journal shows.
func (e *env) dump() string {
	e.Helper()
	var all struct {
		Runs      []journal.Run
		Standings map[broker.AccountID]journal.Standing
	}
	all.Standings = map[broker.AccountID]journal.Standing{acct: e.standing(acct), other: e.standing(other)}
	for r, err := range e.Runs(e.Context(), "") {
		require.NoError(e, err)
		all.Runs = append(all.Runs, r)
		if _, known := all.Standings[r.Account]; !known {
			all.Standings[r.Account] = e.standing(r.Account)
		}
	}
	data, err := json.Marshal(all)
	require.NoError(e, err)
	return string(data)
}
