package redisjournal

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// maxRecent bounds what is remembered of recorded intents.
const maxRecent = 4096

// Intend implements [journal.IntentLog].
func (j *Journal) Intend(ctx context.Context, grant journal.Grant, intents ...journal.Intent) error {
	if err := journal.CheckIntents(&grant, intents); err != nil {
		return err
	}
	what := of("intend", grant.Account)
	barred := "0"
	if j.barrier != nil {
		barred = "1"
	}
	args := []any{string(grant.Account), string(grant.Run), fenceText(grant.Fence), barred, maxOpen}
	places := make(map[string]int, len(intents)) // of the flags of each reference
	for i := range intents {
		record, err := journal.EncodeRecord(journal.Record{Grant: grant, Intent: &intents[i]})
		if err != nil {
			return fmt.Errorf("redisjournal: %s: %w", what, err)
		}
		args = append(args, string(intents[i].Order.ID), record, "0")
		places[string(intents[i].Order.ID)] = len(args) - 1
	}
	for {
		r, err := j.ask(ctx, what, &scripts.intend, []string{"taken"}, args...)
		if err != nil {
			return err
		}
		if r.code() == "ok" {
			j.remember(intents)
			return nil
		}
		taken := r.list(1)
		for n := range taken {
			ref := taken.list(n).text(0)
			if err := repeated(taken.list(n), intents); err != nil {
				return fmt.Errorf("redisjournal: %s: %w", what, err)
			}
			args[places[ref]] = "1"
		}
		if len(taken) == len(intents) {
			return nil
		}
		if len(taken) == 0 {
			return fmt.Errorf("redisjournal: %s: %w: references are taken, but none is named", what, ErrDamaged)
		}
	}
}

// repeated returns an error unless a recorded intent is one of those that are to
// be recorded, and is unsettled.
func repeated(known reply, intents []journal.Intent) error {
	ref, run := known.text(0), known.text(1)
	if run == "" {
		return fmt.Errorf("%w: %s was used by a run that was dropped: count the try up", journal.ErrRefTaken, ref)
	}
	have, err := decodeIntent(known)
	if err != nil {
		return err
	}
	why := ""
	if have.Settlement != nil {
		why = ", where it is " + string(have.Settlement.Outcome)
	}
	for i := range intents {
		if string(intents[i].Order.ID) == ref && have.Settlement == nil && have.Same(&intents[i]) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s was used by run %s%s: count the try up", journal.ErrRefTaken, ref, run, why)
}

// Settle implements [journal.IntentLog].
func (j *Journal) Settle(ctx context.Context, grant journal.Grant, settlements ...journal.Settlement) error {
	if err := journal.CheckSettlements(&grant, settlements); err != nil {
		return err
	}
	what := of("settle", grant.Account)
	changes, versions := settlements, j.guess(settlements)
	for {
		args, err := settleArgs(grant, changes, versions)
		if err != nil {
			return fmt.Errorf("redisjournal: %s: %w", what, err)
		}
		r, err := j.ask(ctx, what, &scripts.settle, []string{"look"}, args...)
		if err != nil {
			return err
		}
		if r.code() == "ok" {
			return nil
		}
		if changes, versions, err = decide(r.list(1), settlements); err != nil {
			return fmt.Errorf("redisjournal: %s: %w", what, err)
		}
		if len(changes) == 0 {
			return nil
		}
	}
}

// settleArgs returns the arguments of the script.
func settleArgs(grant journal.Grant, settlements []journal.Settlement, versions []string) ([]any, error) {
	args := []any{string(grant.Account), string(grant.Run), fenceText(grant.Fence)}
	for i := range settlements {
		s := &settlements[i]
		record, err := journal.EncodeRecord(journal.Record{Grant: grant, Settlement: s})
		if err != nil {
			return nil, err
		}
		unknown := "0"
		if s.Outcome == journal.Unknown {
			unknown = "1"
		}
		args = append(args, string(s.Ref), versions[i], record, unknown)
	}
	return args, nil
}

// decide looks at the intents and returns the settlements that change something,
// with the versions on which that rests.
func decide(known reply, settlements []journal.Settlement) (changes []journal.Settlement, versions []string, err error) {
	byRef := make(map[string]reply, len(known))
	for n := range known {
		byRef[known.list(n).text(0)] = known.list(n)
	}
	for i := range settlements {
		k, named := byRef[string(settlements[i].Ref)]
		if !named {
			continue // found to change nothing in an earlier look
		}
		if fault := k.text(5); fault != "" {
			return nil, nil, reply{fault, k.text(0)}.refusal("")
		}
		have, err := decodeIntent(k)
		if err != nil {
			return nil, nil, err
		}
		change, err := have.SettledBy(&settlements[i])
		if err != nil {
			return nil, nil, err
		}
		if change {
			changes, versions = append(changes, settlements[i]), append(versions, versionOf(k.text(3)))
		}
	}
	return changes, versions, nil
}

// guess returns the versions of the intents: "0" for all if all are known here
// to be unsettled and may be settled so, otherwise "-" for all. A wrong guess
// costs a round trip.
func (j *Journal) guess(settlements []journal.Settlement) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	versions := make([]string, len(settlements))
	sure := true
	for i := range settlements {
		have, known := j.recent[settlements[i].Ref]
		if known {
			delete(j.recent, settlements[i].Ref)
			_, err := have.SettledBy(&settlements[i])
			known = err == nil
		}
		sure = sure && known
	}
	for i := range versions {
		versions[i] = "-"
		if sure {
			versions[i] = "0"
		}
	}
	return versions
}

// remember keeps what intents say until they are settled.
func (j *Journal) remember(intents []journal.Intent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.recent)+len(intents) > maxRecent {
		clear(j.recent)
	}
	for i := range intents {
		j.recent[intents[i].Order.ID] = journal.Intent{Order: broker.Order{ID: intents[i].Order.ID, Quantity: intents[i].Order.Quantity}}
	}
}
