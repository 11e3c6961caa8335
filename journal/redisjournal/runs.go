package redisjournal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// Begin implements [journal.RunLog].
func (j *Journal) Begin(ctx context.Context, claim journal.Claim) (journal.Begun, error) {
	if err := claim.Check(); err != nil {
		return journal.Begun{}, err
	}
	what := of("begin", claim.Account)
	j.begun.Store(true)
	r, err := j.ask(ctx, what, &scripts.begin, nil, string(claim.Account), string(claim.RunID()), claim.Event, claim.Command,
		strconv.Itoa(max(claim.Number, 1)), fenceText(claim.Fence), timeText(claim.Time), rand.Text(), fenceText(journal.MaxFence), fenceText(j.newest(claim.Account)))
	if err != nil {
		return journal.Begun{}, err
	}
	b := journal.Begun{
		Grant: journal.Grant{Account: claim.Account, Run: claim.RunID(), Fence: r.number(1)}, Resumed: r.text(2) == "1",
	}
	j.given(b.Grant)
	var runErr, standErr error
	b.Run, runErr = decodeRun(claim.RunID(), r.list(3))
	b.Standing, standErr = decodeStanding(claim.Account, r.list(4))
	if err := errors.Join(runErr, standErr); err != nil {
		return journal.Begun{}, fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	b.Standing.Unfinished = slices.DeleteFunc(b.Standing.Unfinished, func(id journal.RunID) bool { return id == b.Run.ID })
	return b, nil
}

// newest returns the newest fence that this journal was given for an account, 0 if
// none was.
func (j *Journal) newest(account broker.AccountID) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fences[account]
}

// given notes the fence of a grant.
func (j *Journal) given(g journal.Grant) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fences[g.Account] = max(j.fences[g.Account], g.Fence)
}

// Checkpoint implements [journal.RunLog].
func (j *Journal) Checkpoint(ctx context.Context, grant journal.Grant, step journal.Step) error {
	what := of("checkpoint", grant.Account)
	if err := cmp.Or(grant.Check(), step.Check(), j.limit(what, step.Data)); err != nil {
		return err
	}
	record, err := journal.EncodeRecord(journal.Record{Grant: grant, Step: &step})
	if err != nil {
		return fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	r, err := j.ask(ctx, what, &scripts.checkpoint, []string{"finished"},
		string(grant.Account), string(grant.Run), fenceText(grant.Fence), step.Name, record, rand.Text(), maxSteps)
	if err != nil || r.code() == "ok" {
		return err
	}
	// Repeating a step of a finished run is no fault.
	if known := r.text(3); known != "" {
		if _, have, err := decodeStep(known); err == nil && have.Time.Equal(step.Time) && sameJSON(have.Data, step.Data) {
			return nil
		}
	}
	return r.verdict(what, nil)
}

// Finish implements [journal.RunLog].
func (j *Journal) Finish(ctx context.Context, grant journal.Grant, outcome journal.Outcome) error {
	what := of("finish", grant.Account)
	if err := cmp.Or(grant.Check(), outcome.Check(), j.limit(what, outcome.Result, outcome.Memo)); err != nil {
		return err
	}
	record, err := journal.EncodeRecord(journal.Record{Grant: grant, Outcome: &outcome})
	if err != nil {
		return fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	_, err = j.ask(ctx, what, &scripts.finish, nil,
		string(grant.Account), string(grant.Run), fenceText(grant.Fence), outcome.Name, record, []byte(outcome.Memo), j.opts.KeepRuns)
	return err
}

// op is what is done for which account.
type op struct {
	what    string
	account broker.AccountID // may be empty
}

// of returns an op.
func of(what string, account broker.AccountID) op { return op{what, account} }

// String says it in words.
func (o op) String() string {
	if o.account == "" {
		return o.what
	}
	return o.what + ": account " + string(o.account)
}

// fenceText is how fences are stored.
func fenceText(fence uint64) string { return strconv.FormatUint(fence, 10) }

// timeText is how the begin of a run is stored.
func timeText(t time.Time) string { return t.Round(0).UTC().Format(time.RFC3339Nano) }

// sameJSON reports whether two pieces of JSON are stored in the same way.
func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
