package journal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// MemoryOptions changes how a [Memory] works.
type MemoryOptions struct {
	// KeepRuns is how many finished runs of each account are kept, the newest
	// ones; a negative number keeps all. A run with an unknown outcome is always
	// kept. Of a dropped run remain hashes of its ID and of its references, about
	// 30 bytes each. Default: 100.
	KeepRuns int
}

// Memory is a [Journal] in memory, for backtests, previews and tests. Nothing
// of it survives the process, so it must not stand behind real orders. Its zero
// value is ready for use.
type Memory struct {
	opts MemoryOptions

	mu       sync.Mutex
	accounts map[broker.AccountID]*memAccount
	runs     map[RunID]*memRun
	past     memHashes // the IDs of dropped runs, and all references
	begun    uint64    // counts the runs
	all      memSwitch // the kill of all accounts
}

// memAccount is what is known of one account.
type memAccount struct {
	fence      uint64
	holder     *memRun    // nil before the first fence
	open       []memPlace // intents that stand open, oldest first
	unfinished []*memRun  // in the order of their begin
	finished   []*memRun  // in the order of their end, as far as kept
	block      *Block
	unblock    *Unblock // the last one
	kill       memSwitch
	approvals  []Approval // of unfinished runs, oldest first
	memo       *Memo
}

// memRun is a run and when it began, relative to the others.
type memRun struct {
	Run     // but for its intents
	intents []*Intent
	block   []Intent // room for intents
	seq     uint64
}

// memPlace is an intent and its run.
type memPlace struct {
	run    *memRun
	intent *Intent
}

// memSwitch is a kill switch and who turned it off last.
type memSwitch struct{ kill, resumed *Kill }

var _ Journal = (*Memory)(nil)

// NewMemory returns an empty journal in memory.
func NewMemory(opts MemoryOptions) *Memory { return &Memory{opts: opts} }

// Begin implements [RunLog].
func (m *Memory) Begin(ctx context.Context, claim Claim) (Begun, error) {
	if err := cmp.Or(claim.Check(), ended(ctx, "begin")); err != nil {
		return Begun{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known, err := m.claimed(&claim)
	if err != nil {
		return Begun{}, err
	}
	fence, err := m.next(&claim)
	if err != nil {
		return Begun{}, err
	}
	a := m.account(claim.Account)
	if !known {
		r = m.newRun(a, &claim)
	}
	a.fence, a.holder, r.Fence = fence, r, fence
	return Begun{
		Grant: Grant{Account: claim.Account, Run: r.ID, Fence: fence},
		Run:   r.copy(), Resumed: known, Standing: m.standing(claim.Account, r),
	}, nil
}

// claimed finds the run of a claim, if it had begun.
func (m *Memory) claimed(claim *Claim) (r *memRun, known bool, err error) {
	id := claim.RunID()
	r, known = m.runs[id]
	switch {
	case !known && m.past.dropped(id):
		return nil, true, fmt.Errorf("journal: begin: account %s: %w: run %s: %w: use a new event, or keep more runs",
			claim.Account, ErrFinished, id, ErrForgotten)
	case !known:
		return nil, false, nil
	case r.Account != claim.Account || r.Command != claim.Command:
		return nil, true, fmt.Errorf("journal: begin: %w: run %s is %s of account %s, not %s of account %s: use a new event",
			ErrInvalid, r.ID, r.Command, r.Account, claim.Command, claim.Account)
	}
	return r, true, nil
}

// next returns the fence for a claim.
func (m *Memory) next(claim *Claim) (uint64, error) {
	a := m.known(claim.Account)
	fence := claim.Fence
	if fence == 0 {
		fence = a.fence + 1
	}
	switch {
	case fence > MaxFence:
		return 0, fmt.Errorf("journal: begin: %w: account %s has used up its fences: the last one is %d", ErrInvalid, claim.Account, a.fence)
	case fence < a.fence, fence == a.fence && a.holder.ID != claim.RunID():
		return 0, a.fenced(claim.Account, fence)
	}
	return fence, nil
}

// fenced says which fence stands in the way.
func (a *memAccount) fenced(id broker.AccountID, fence uint64) error {
	err := &FencedError{Account: id, Fence: fence, Current: a.fence}
	if a.holder != nil {
		err.CurrentHolder = a.holder.ID
	}
	return err
}

// newRun adds a run.
func (m *Memory) newRun(a *memAccount, claim *Claim) *memRun {
	m.begun++
	r := &memRun{seq: m.begun, Run: Run{
		ID: claim.RunID(), Event: claim.Event, Account: claim.Account, Command: claim.Command,
		Number: max(claim.Number, 1), Started: instant(claim.Time), Steps: make([]Step, 0, 16),
	}}
	if m.runs == nil {
		m.runs = make(map[RunID]*memRun)
	}
	m.runs[r.ID] = r
	a.unfinished = append(a.unfinished, r)
	return r
}

// known returns an account; one without any record is empty and not kept.
func (m *Memory) known(id broker.AccountID) *memAccount {
	if a := m.accounts[id]; a != nil {
		return a
	}
	return &memAccount{}
}

// account returns an account, new if need be.
func (m *Memory) account(id broker.AccountID) *memAccount {
	a := m.accounts[id]
	if a == nil {
		a = &memAccount{}
		if m.accounts == nil {
			m.accounts = make(map[broker.AccountID]*memAccount)
		}
		m.accounts[id] = a
	}
	return a
}

// held returns the account of a grant that is good.
func (m *Memory) held(grant *Grant) (*memAccount, error) {
	a := m.known(grant.Account)
	if a.fence != grant.Fence || a.holder.ID != grant.Run {
		return nil, a.fenced(grant.Account, grant.Fence)
	}
	return a, nil
}

// Checkpoint implements [RunLog].
func (m *Memory) Checkpoint(ctx context.Context, grant Grant, step Step) error {
	if err := cmp.Or(grant.Check(), step.Check(), ended(ctx, "checkpoint")); err != nil {
		return err
	}
	step.Time = instant(step.Time)
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.held(&grant)
	if err != nil {
		return err
	}
	r := a.holder
	known := r.Step(step.Name)
	switch {
	case r.Outcome != nil && known != nil && known.Time.Equal(step.Time) && bytes.Equal(known.Data, step.Data):
	case r.Outcome != nil:
		return r.isFinished("checkpoint " + step.Name)
	case known != nil:
		*known = step
	default:
		r.Steps = append(r.Steps, step)
	}
	return nil
}

// Finish implements [RunLog].
func (m *Memory) Finish(ctx context.Context, grant Grant, outcome Outcome) error {
	if err := cmp.Or(grant.Check(), outcome.Check(), ended(ctx, "finish")); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.held(&grant)
	if err != nil {
		return err
	}
	r := a.holder
	if r.Outcome != nil {
		return nil
	}
	if open := r.openRefs(); len(open) > 0 {
		return fmt.Errorf("journal: finish: account %s: run %s: %w: settle %s first", grant.Account, r.ID, ErrOpenIntents, strings.Join(open, ", "))
	}
	outcome.Time = instant(outcome.Time)
	r.Outcome = &outcome
	if len(outcome.Memo) > 0 {
		a.memo = &Memo{Run: r.ID, Data: outcome.Memo}
	}
	a.approvals = slices.DeleteFunc(a.approvals, func(ap Approval) bool { return ap.Run == r.ID })
	a.unfinished = slices.DeleteFunc(a.unfinished, func(u *memRun) bool { return u == r })
	a.finished = append(a.finished, r)
	m.drop(a)
	return nil
}

// drop forgets the finished runs that ended first, if there are too many.
func (m *Memory) drop(a *memAccount) {
	if m.opts.KeepRuns < 0 {
		return
	}
	for excess := len(a.finished) - cmp.Or(m.opts.KeepRuns, 100); excess > 0; excess-- {
		n := slices.IndexFunc(a.finished, func(r *memRun) bool { return !r.unclear() })
		if n < 0 || n == len(a.finished)-1 {
			return // nothing but doubts, and the run that just ended
		}
		r := a.finished[n]
		a.finished = slices.Delete(a.finished, n, n+1)
		m.past.drop(r.ID)
		delete(m.runs, r.ID)
	}
}

// isFinished is the error of a write that comes too late.
func (r *memRun) isFinished(what string) error {
	return fmt.Errorf("journal: %s: account %s: %w: run %s ended as %s", what, r.Account, ErrFinished, r.ID, r.Outcome.Name)
}

// openRefs returns the references of the run's open intents.
func (r *memRun) openRefs() []string {
	var refs []string
	for _, i := range r.intents {
		if i.Open() {
			refs = append(refs, string(i.Order.ID))
		}
	}
	return refs
}

// unclear reports whether an outcome of the run is unknown.
func (r *memRun) unclear() bool {
	return slices.ContainsFunc(r.intents, func(i *Intent) bool { return i.Settlement.Outcome == Unknown })
}

// instant is how an instant is kept.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }

// ended returns an error if ctx has ended.
func ended(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("journal: %s: %w", what, err)
	}
	return nil
}
