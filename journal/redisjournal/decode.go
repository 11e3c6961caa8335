package redisjournal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// decodeStanding reads what the scripts say of an account.
func decodeStanding(account broker.AccountID, r reply) (journal.Standing, error) {
	s := journal.Standing{Account: account, Fence: r.number(0)}
	block, err := decodeRecord("block", r.text(1))
	if err != nil {
		return s, err
	}
	unblock, err := decodeRecord("unblock", r.text(2))
	if err != nil {
		return s, err
	}
	kill, err := decodeRecord("kill", cmp.Or(r.text(3), r.text(4)))
	if err != nil {
		return s, err
	}
	s.Block, s.LastUnblock, s.Kill = block.Block, unblock.Unblock, kill.Kill
	if run := r.text(5); run != "" {
		s.Memo = &journal.Memo{Run: journal.RunID(run), Data: json.RawMessage(r.text(6))}
	}
	open := r.list(7)
	for n := range open {
		i, err := decodeIntent(open.list(n))
		if err != nil {
			return s, err
		}
		s.Open = append(s.Open, i)
	}
	for _, id := range r.list(8).texts() {
		s.Unfinished = append(s.Unfinished, journal.RunID(id))
	}
	for _, member := range r.list(9).texts() {
		_, text, _ := strings.Cut(member, " ")
		rec, err := decodeRecord("approval", text)
		if err != nil {
			return s, err
		}
		if rec.Approval == nil {
			return s, fmt.Errorf("%w: approval %.100q is none", ErrDamaged, member)
		}
		s.Approvals = append(s.Approvals, *rec.Approval)
	}
	return s, nil
}

// decodeRecord reads a record; "" is none.
func decodeRecord(what, text string) (journal.Record, error) {
	if text == "" {
		return journal.Record{}, nil
	}
	rec, err := journal.DecodeRecord([]byte(text))
	if err != nil {
		return journal.Record{}, fmt.Errorf("%w: %s: %w", ErrDamaged, what, err)
	}
	return rec, nil
}

// decodeIntent reads an intent: reference, run, record, settlement, answered.
func decodeIntent(r reply) (journal.Intent, error) {
	what := "intent " + r.text(0)
	_, text, _ := strings.Cut(r.text(2), " ")
	rec, err := decodeRecord(what, text)
	if err != nil {
		return journal.Intent{}, err
	}
	if rec.Intent == nil {
		return journal.Intent{}, fmt.Errorf("%w: %s of run %s has no record", ErrDamaged, what, r.text(1))
	}
	if string(rec.Intent.Order.ID) != r.text(0) || string(rec.Intent.Run) != r.text(1) {
		return journal.Intent{}, fmt.Errorf("%w: %s of run %s has the record of %s of run %s", ErrDamaged, what, r.text(1), rec.Intent.Order.ID, rec.Intent.Run)
	}
	i := *rec.Intent
	if r.text(3) == "" {
		return i, nil
	}
	_, text, _ = strings.Cut(r.text(3), " ")
	_, text, _ = strings.Cut(text, " ")
	settled, err := decodeRecord("settlement of "+what, text)
	if err != nil {
		return journal.Intent{}, err
	}
	if settled.Settlement == nil {
		return journal.Intent{}, fmt.Errorf("%w: settlement of %s has no record", ErrDamaged, what)
	}
	if settled.Settlement.Ref != i.Order.ID {
		return journal.Intent{}, fmt.Errorf("%w: settlement of %s is that of %s", ErrDamaged, what, settled.Settlement.Ref)
	}
	i.Settlement, i.Answered = settled.Settlement, r.text(4) == "1"
	return i, nil
}

// versionOf returns the version of a settlement.
func versionOf(text string) string {
	version, _, _ := strings.Cut(text, " ")
	return cmp.Or(version, "0")
}

// decodeStep reads a step and its place.
func decodeStep(text string) (place int, s journal.Step, err error) {
	number, text, _ := strings.Cut(text, " ")
	place, err = strconv.Atoi(number)
	if err != nil {
		return 0, s, fmt.Errorf("%w: a step has the place %.40q", ErrDamaged, number)
	}
	rec, err := decodeRecord("step", text)
	if err != nil {
		return 0, s, err
	}
	if rec.Step == nil {
		return 0, s, fmt.Errorf("%w: a step has no record", ErrDamaged)
	}
	return place, *rec.Step, nil
}

// decodeRun reads the fields of a run.
func decodeRun(id journal.RunID, fields reply) (journal.Run, error) {
	f := make(map[string]string, len(fields)/2)
	for n := 0; n+1 < len(fields); n += 2 {
		f[fields.text(n)] = fields.text(n + 1)
	}
	run := journal.Run{ID: id, Event: f["event"], Account: broker.AccountID(f["account"]), Command: f["command"]}
	var err error
	if run.Number, err = strconv.Atoi(f["number"]); err != nil {
		return journal.Run{}, damagedRun(id, "number", f)
	}
	if run.Fence, err = strconv.ParseUint(f["fence"], 10, 64); err != nil {
		return journal.Run{}, damagedRun(id, "fence", f)
	}
	if run.Started, err = time.Parse(time.RFC3339Nano, f["started"]); err != nil {
		return journal.Run{}, damagedRun(id, "started", f)
	}
	claim := journal.Claim{Account: run.Account, Event: run.Event, Command: run.Command, Number: run.Number, Fence: run.Fence, Time: run.Started}
	if err := claim.Check(); err != nil {
		return journal.Run{}, fmt.Errorf("%w: run %s: %w", ErrDamaged, id, err)
	}
	if claim.RunID() != id {
		return journal.Run{}, fmt.Errorf("%w: run %s has the record of run %s", ErrDamaged, id, claim.RunID())
	}
	if run.Steps, err = decodeSteps(f); err != nil {
		return journal.Run{}, fmt.Errorf("run %s: %w", id, err)
	}
	if run.Intents, err = decodeIntents(string(id), f); err != nil {
		return journal.Run{}, fmt.Errorf("run %s: %w", id, err)
	}
	rec, err := decodeRecord("outcome", f["outcome"])
	if err != nil {
		return journal.Run{}, fmt.Errorf("run %s: %w", id, err)
	}
	run.Outcome = rec.Outcome
	if (run.Outcome != nil) != (f["ended"] != "") {
		return journal.Run{}, damagedRun(id, "ended", f)
	}
	return run, nil
}

// damagedRun names a field of a run that cannot be understood.
func damagedRun(id journal.RunID, field string, f map[string]string) error {
	return fmt.Errorf("%w: run %s: %s is %.40q", ErrDamaged, id, field, f[field])
}

// placed is something with its place among others of its kind.
type placed[T any] struct {
	place int
	value T
}

// inOrder returns the values by their places.
func inOrder[T any](list []placed[T]) []T {
	slices.SortFunc(list, func(a, b placed[T]) int { return cmp.Compare(a.place, b.place) })
	var values []T
	for i := range list {
		values = append(values, list[i].value)
	}
	return values
}

// decodeSteps reads the steps among the fields of a run.
func decodeSteps(f map[string]string) ([]journal.Step, error) {
	var list []placed[journal.Step]
	for name, text := range f {
		if !strings.HasPrefix(name, "s:") {
			continue
		}
		place, s, err := decodeStep(text)
		if err != nil {
			return nil, err
		}
		list = append(list, placed[journal.Step]{place, s})
	}
	return inOrder(list), nil
}

// decodeIntents reads the intents among the fields of a run.
func decodeIntents(run string, f map[string]string) ([]journal.Intent, error) {
	var list []placed[journal.Intent]
	for name, text := range f {
		ref, ok := strings.CutPrefix(name, "i:")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(text, " ")
		place, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("%w: intent %s has the place %.40q", ErrDamaged, ref, number)
		}
		i, err := decodeIntent(reply{ref, run, text, f["z:"+ref], f["w:"+ref]})
		if err != nil {
			return nil, err
		}
		if string(i.Order.Account) != f["account"] {
			return nil, fmt.Errorf("%w: intent %s is one of account %s", ErrDamaged, ref, i.Order.Account)
		}
		list = append(list, placed[journal.Intent]{place, i})
	}
	return inOrder(list), nil
}
