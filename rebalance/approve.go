package rebalance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// approvalLife is how long an approval counts if it does not say.
const approvalLife = 24 * time.Hour

// approve lets a plan that was held be traded: the very plan with the hash that
// the operator saw. It puts the plan's event back into the line if the queue
// can; otherwise asking again with that event continues the run.
func (r *run) approve(ctx context.Context) error {
	err := r.require("approve", named{"hash", r.req.Hash}, named{"operator", r.req.Operator}, named{"reason", r.req.Reason})
	if err != nil {
		return err
	}
	held, err := r.heldRun(ctx)
	if err != nil {
		return err
	}
	now := r.e.cfg.Now()
	expires := r.req.Expires
	if expires.IsZero() {
		expires = now.Add(approvalLife)
	}
	if !expires.After(now) {
		return stopf(Rejected, ReasonBadArguments, "approve: expires %s is in the past, it is %s",
			expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	err = r.e.cfg.Journal.Approve(ctx, journal.Approval{
		Account: r.req.Account, Run: held.ID, Hash: r.req.Hash, Operator: r.req.Operator, Reason: r.req.Reason, Time: now, Expires: expires,
	})
	if err != nil {
		return r.e.journalFault(err)
	}
	r.result.PlanHash, r.result.Outcome = r.req.Hash, Completed
	r.result.Detail, err = r.release(ctx, held.Event)
	return err
}

// heldRun finds the unfinished run whose held plan has the hash.
func (r *run) heldRun(ctx context.Context) (*journal.Run, error) {
	var hashes []string
	for _, id := range r.standing.Unfinished {
		candidate, err := r.e.cfg.Journal.Run(ctx, id)
		if err != nil {
			return nil, r.e.journalFault(err)
		}
		kept := candidate.Step(string(StepPlan))
		if kept == nil {
			continue
		}
		var frozen frozenPlan
		if err := json.Unmarshal(kept.Data, &frozen); err != nil {
			return nil, fmt.Errorf("rebalance: run %s: frozen plan: %w", id, err)
		}
		if frozen.Plan.Outcome != PlanHeld {
			continue
		}
		if frozen.Plan.Hash == r.req.Hash {
			return &candidate, nil
		}
		hashes = append(hashes, frozen.Plan.Hash)
	}
	if len(hashes) == 0 {
		return nil, stopf(Rejected, ReasonUnknownPlan, "approve: account %s has no held plan", r.req.Account)
	}
	return nil, stopf(Rejected, ReasonUnknownPlan, "approve: account %s holds no plan with the hash %q but %s: look at the plan again",
		r.req.Account, r.req.Hash, strings.Join(hashes, ", "))
}

// release puts the event of an approved plan back into the line.
func (r *run) release(ctx context.Context, event string) (string, error) {
	again := "approved: ask again with event " + event
	admin, ok := queue.As[queue.Admin](r.e.cfg.Queue)
	if !ok {
		return again, nil
	}
	_, err := admin.Operator(ctx, queue.Action{
		Verb: queue.Release, ID: event, Operator: r.req.Operator, Reason: r.req.Reason, Token: r.req.Event,
	})
	switch {
	case err == nil:
		return "approved: event " + event + " is back in the line", nil
	case errors.Is(err, queue.ErrUnknownEvent), errors.Is(err, queue.ErrWrongState):
		return again, nil
	}
	return "", err
}

// approved reports whether an operator let the kept plan of this run be traded.
func (r *run) approved(kept *journal.Step) bool {
	var plan struct {
		Plan struct {
			Hash string `json:"hash"`
		} `json:"plan"`
	}
	if json.Unmarshal(kept.Data, &plan) != nil {
		return false // whoever needs the plan says what is wrong with it
	}
	now := r.e.cfg.Now()
	for i := range r.standing.Approvals {
		a := &r.standing.Approvals[i]
		if a.Run == r.record.ID && a.Hash == plan.Plan.Hash && !a.Time.Before(kept.Time) && now.Before(a.Expires) {
			return true
		}
	}
	return false
}
