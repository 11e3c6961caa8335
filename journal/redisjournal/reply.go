package redisjournal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/retry"
)

// reply is what a script answered: a code, and what belongs to it.
type reply []any

// readReply reads an answer.
func readReply(answer any) (reply, error) {
	list, ok := answer.([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("%w: the script answered a %T", ErrDamaged, answer)
	}
	if _, ok := list[0].(string); !ok {
		return nil, fmt.Errorf("%w: the script answered a %T as its code", ErrDamaged, list[0])
	}
	return list, nil
}

// code is the kind of the answer.
func (r reply) code() string { return r.text(0) }

// text returns an element that is text, "" if there is none.
func (r reply) text(n int) string {
	if n >= len(r) {
		return ""
	}
	s, _ := r[n].(string)
	return s
}

// list returns an element that is a list, nil if there is none.
func (r reply) list(n int) reply {
	if n >= len(r) {
		return nil
	}
	l, _ := r[n].([]any)
	return l
}

// texts returns the elements as texts.
func (r reply) texts() []string {
	list := make([]string, len(r))
	for i := range r {
		list[i] = r.text(i)
	}
	return list
}

// number reads a fence.
func (r reply) number(n int) uint64 {
	v, _ := strconv.ParseUint(r.text(n), 10, 64)
	return v
}

// refuses reports whether the answer is neither "ok" nor one that the caller
// sees to.
func (r reply) refuses(see []string) bool { return r.code() != "ok" && !slices.Contains(see, r.code()) }

// verdict returns the error that an answer stands for, nil for "ok" and for what
// the caller sees to.
func (r reply) verdict(on op, see []string) error {
	if !r.refuses(see) {
		return nil
	}
	return fmt.Errorf("redisjournal: %s: %w", on, r.refusal(on.account))
}

// refusal returns the error of an answer that refuses.
func (r reply) refusal(account broker.AccountID) error {
	switch r.code() {
	case "fenced":
		return &journal.FencedError{Account: account, Fence: r.number(1), Current: r.number(2), CurrentHolder: journal.RunID(r.text(3))}
	case "moved":
		fenced := journal.FencedError{Account: account, Fence: r.number(3), Current: r.number(3), CurrentHolder: journal.RunID(r.text(4))}
		return &changedError{was: r.text(1), is: r.text(2), fenced: fenced}
	case "overtaken":
		fenced := journal.FencedError{Account: account, Fence: r.number(1), Current: r.number(1), CurrentHolder: journal.RunID(r.text(2))}
		return fmt.Errorf("another process claimed the account with the same fence since: %w", &fenced)
	case "finished":
		return fmt.Errorf("%w: run %s ended as %s", journal.ErrFinished, r.text(1), r.text(2))
	case "forgotten":
		return fmt.Errorf("%w: run %s: %w: use a new event, or keep more runs", journal.ErrFinished, r.text(1), journal.ErrForgotten)
	case "unknownrun":
		return fmt.Errorf("%w: %s", journal.ErrUnknownRun, r.text(1))
	case "unknownref":
		return fmt.Errorf("%w: %s", journal.ErrUnknownRef, r.text(1))
	case "gone":
		return fmt.Errorf("%w: %s: %w", journal.ErrUnknownRef, r.text(1), journal.ErrForgotten)
	case "mismatch":
		return fmt.Errorf("%w: run %s is %s of account %s: use a new event", journal.ErrInvalid, r.text(1), r.text(2), r.text(3))
	case "exhausted":
		return fmt.Errorf("%w: the account has used up its fences: the last one is %s", journal.ErrInvalid, r.text(1))
	case "open":
		return fmt.Errorf("%w: settle %s first", journal.ErrOpenIntents, strings.Join(r[1:].texts(), ", "))
	case "unknown":
		return fmt.Errorf("%w: the outcome of order %s is unknown: settle it with evidence, or unblock the account", journal.ErrBlocked, r.text(1))
	case "killed", "blocked":
		return r.stopped()
	case "other":
		return r.other()
	}
	return r.trouble()
}

// stopped says who stopped the account.
func (r reply) stopped() error {
	rec, err := journal.DecodeRecord([]byte(r.text(1)))
	switch {
	case r.code() == "killed" && err == nil && rec.Kill != nil:
		scope := "all accounts"
		if rec.Kill.Account != "" {
			scope = "account " + string(rec.Kill.Account)
		}
		return fmt.Errorf("%w: %s by %s at %s: %s: resume that first", journal.ErrKilled, scope, rec.Kill.Operator, rec.Kill.Time.Format(time.RFC3339), rec.Kill.Reason)
	case r.code() == "killed":
		return journal.ErrKilled // by a record that cannot be read
	case err == nil && rec.Block != nil:
		return fmt.Errorf("%w at %s: %s: an operator must unblock it", journal.ErrBlocked, rec.Block.Time.Format(time.RFC3339), rec.Block.Reason)
	}
	return journal.ErrBlocked
}

// other says what stops an account that an unblock does not name.
func (r reply) other() error {
	if ref := r.text(2); ref != "" {
		return fmt.Errorf("%w: the outcome of order %s is unknown: reconcile the account, then unblock it again", journal.ErrOtherBlock, ref)
	}
	rec, err := journal.DecodeRecord([]byte(r.text(1)))
	if err != nil || rec.Block == nil {
		return journal.ErrOtherBlock // by a record that cannot be read
	}
	return fmt.Errorf("%w: it is blocked since %s: %s: reconcile it, then unblock it again",
		journal.ErrOtherBlock, rec.Block.Time.Format(time.RFC3339Nano), rec.Block.Reason)
}

// trouble is the error of an answer that has to do with what is stored.
func (r reply) trouble() error {
	switch r.code() {
	case "wrongtype":
		return fmt.Errorf("%w: %s is a %s, not a %s: choose another prefix, or remove the key", ErrForeign, r.text(1), r.text(3), r.text(2))
	case "foreign":
		return fmt.Errorf("%w: %s has no schema: choose another prefix, or remove the key", ErrForeign, r.text(1))
	case "schema":
		if n, err := strconv.Atoi(r.text(1)); err == nil && n > 1 {
			return fmt.Errorf("%w: schema %d, this release knows 1: update it", journal.ErrNewerSchema, n)
		}
		return fmt.Errorf("%w: schema is %.40q, want 1", ErrForeign, r.text(1))
	case "lost":
		return retry.As(fmt.Errorf("%w: key %s: find out why, restore what you can, then open the journal again", ErrLost, r.text(1)), retry.Session)
	case "full":
		return fmt.Errorf("%w: %s: at most %s are allowed", ErrTooMany, r.text(1), r.text(2))
	}
	return fmt.Errorf("%w: the script answered %.40q", ErrDamaged, r.code())
}

// changedError says that another server answers than the one that granted the
// claim.
type changedError struct {
	was, is string // run_id
	fenced  journal.FencedError
}

// Error names both servers and the way out.
func (e *changedError) Error() string {
	return fmt.Sprintf("%v: run_id was %s and is %s, the last writes may be lost: begin again, and compare with the broker", ErrServerChanged, e.was, e.is)
}

// Unwrap returns [ErrServerChanged] and a [*journal.FencedError].
func (e *changedError) Unwrap() []error { return []error{ErrServerChanged, &e.fenced} }
