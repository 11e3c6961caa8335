package marketdata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

var _ PriceSource = (*Ladder)(nil)

// Rung is one source of a [Ladder] and the rule of what is taken from it. For
// limits of age and deviation put the source into [NewFresh] or [NewSane]:
// what they refuse goes to the next rung.
type Rung struct {
	// Source is asked for what the rungs above have not. Required.
	Source PriceSource
	// Name names the rung in reasons and errors. Default: "rung 1" and so on.
	Name string
	// Best is the best tier that the source can truly have. A quote that claims
	// a better one makes its whole answer an error. Default: live.
	Best Tier
	// Worst is the least tier that is taken from the source. A quote of a
	// lesser one counts as missing. Default: historical.
	Worst Tier
	// Timeout is how long the source may take before the next rung is asked.
	// Default: as long as the caller's context.
	Timeout time.Duration
}

// Ladder asks several sources one after the other, each only for what is still
// missing. The first quote that its rung takes is used whole: fields of two
// sources are never mixed.
//
// A rung that fails, or whose answer breaks the contract (see [Quotes.Check]),
// gives nothing, and the ladder goes on. An instrument that no rung has is
// missing with the reasons of all rungs. Safe for concurrent use.
type Ladder struct {
	rungs []Rung
}

// NewLadder returns a ladder with the rungs in the order in which they are
// asked. An error names all that is wrong with them.
func NewLadder(rungs ...Rung) (*Ladder, error) {
	if len(rungs) == 0 {
		return nil, errors.New("marketdata: ladder: no rung: give at least one source")
	}
	l := &Ladder{rungs: slices.Clone(rungs)}
	var errs []error
	for i := range l.rungs {
		r := &l.rungs[i]
		r.Name = cmp.Or(r.Name, fmt.Sprintf("rung %d", i+1))
		r.Best = cmp.Or(r.Best, TierLive)
		r.Worst = cmp.Or(r.Worst, TierHistorical)
		errs = append(errs, r.validate())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return l, nil
}

// validate reports all that is wrong with a rung.
func (r *Rung) validate() error {
	var errs []error
	if r.Source == nil {
		errs = append(errs, fmt.Errorf("marketdata: ladder: %s: Source is nil", r.Name))
	}
	if !r.Best.Valid() {
		errs = append(errs, fmt.Errorf("marketdata: ladder: %s: Best is %q, which is no tier", r.Name, r.Best))
	}
	if !r.Worst.Valid() {
		errs = append(errs, fmt.Errorf("marketdata: ladder: %s: Worst is %q, which is no tier", r.Name, r.Worst))
	}
	if r.Best.Valid() && r.Worst.Better(r.Best) {
		errs = append(errs, fmt.Errorf("marketdata: ladder: %s: Worst %q is better than Best %q", r.Name, r.Worst, r.Best))
	}
	if r.Timeout < 0 {
		errs = append(errs, fmt.Errorf("marketdata: ladder: %s: Timeout is %v, want 0 or more", r.Name, r.Timeout))
	}
	return errors.Join(errs...)
}

// Quotes asks the rungs. It is an error only if every rung failed, which joins
// their errors, or if ctx ended before the answer was whole.
func (l *Ladder) Quotes(ctx context.Context, ids []broker.InstrumentID) (Quotes, error) {
	left := unique(ids)
	out := newQuotes(len(left))
	if len(left) == 0 {
		return out, nil
	}
	var failed []error
	for i := range l.rungs {
		r := &l.rungs[i]
		if err := ctx.Err(); err != nil {
			return Quotes{}, fmt.Errorf("marketdata: ladder: stopped before %s: %w", r.Name, err)
		}
		answer, err := r.ask(ctx, left)
		if end := ctx.Err(); err != nil && end != nil {
			return Quotes{}, fmt.Errorf("marketdata: ladder: stopped at %s: %w", r.Name, end)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", r.Name, err))
		}
		if left = r.take(&out, answer, err, left); len(left) == 0 {
			return out, nil
		}
	}
	if len(failed) == len(l.rungs) {
		return Quotes{}, &ladderError{failed}
	}
	return out, nil
}

// ask gets the rung's answer to ids, which are unique. An answer that is not to
// be believed is an error.
func (r *Rung) ask(ctx context.Context, ids []broker.InstrumentID) (Quotes, error) {
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Timeout)
		defer cancel()
	}
	answer, err := r.Source.Quotes(ctx, slices.Clone(ids))
	if err != nil && ctx.Err() != nil {
		return Quotes{}, fmt.Errorf("no answer within %v: %w", r.Timeout, err)
	}
	if err != nil {
		return Quotes{}, err
	}
	if err := answer.checkNames(ids); err != nil {
		return Quotes{}, err
	}
	for _, id := range ids {
		q, ok := answer.Found[id]
		switch {
		case ok && !q.Tier.Valid():
			return Quotes{}, fmt.Errorf("marketdata: bad answer: %s has tier %q", id, q.Tier)
		case ok && q.Tier.Better(r.Best):
			return Quotes{}, fmt.Errorf("marketdata: bad answer: %s claims tier %s, but the source has %s at best", id, q.Tier, r.Best)
		}
	}
	return answer, nil
}

// take moves what the rung found into out, notes in it why the others of ids
// are missing, and returns these.
func (r *Rung) take(out *Quotes, answer Quotes, err error, ids []broker.InstrumentID) []broker.InstrumentID {
	left := ids[:0]
	for _, id := range ids {
		var why string
		quote, found := answer.Found[id]
		switch {
		case err != nil:
			why = oneLine(err)
		case found:
			quote = tidy(quote)
			why = refusal(&quote, r.rule)
		default:
			why = reason(answer.Missing[id])
		}
		if why == "" {
			out.Found[id] = quote
			delete(out.Missing, id)
			continue
		}
		out.Missing[id] = strings.TrimPrefix(out.Missing[id]+"; "+r.Name+": "+why, "; ")
		left = append(left, id)
	}
	return left
}

// rule says why a quote is not taken from this rung, or nothing.
func (r *Rung) rule(q *Quote) string {
	if r.Worst.Better(q.Tier) {
		return fmt.Sprintf("the quote is %s, only %s or better is taken", q.Tier, r.Worst)
	}
	return ""
}
