package allocation

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Limits that no rule can move.
const (
	maxTargets = 10_000
	maxFuture  = time.Minute // how far AsOf may lie ahead of the clock
	maxFaults  = 20          // how many faults an error lists
	maxName    = 256         // bytes of a strategy or version
)

// The defaults of [Rules].
var (
	defaultMinSum = decimal.New(99, -2)
	defaultMaxSum = decimal.New(101, -2)
)

// Rules say which allocations are accepted. The zero value is the defaults.
type Rules struct {
	// MinSum is the least that the weights must sum to, more than 0. What is
	// missing from 1 stays in cash: set it lower for models that hold cash.
	// Default: 0.99.
	MinSum decimal.Decimal
	// MaxSum is the most that the weights may sum to, and the largest weight of a
	// single target if it is above 1. Default: 1.01.
	MaxSum decimal.Decimal
	// MaxAge is how old AsOf may be. With a limit, an allocation without AsOf is
	// refused. Default: 0, no limit.
	MaxAge time.Duration
}

// Check returns nil for a valid allocation, else one *[Error] of KindPermanent
// that names every fault with its symbol and value (the first 20 of them). It
// matches [ErrInvalid], [ErrStale], or both.
//
// Valid are: 1 to 10,000 targets; symbols as [broker.ParseInstrumentID] makes
// them, none twice; each weight from 0 to 1 (or MaxSum); a sum within the limits
// and not 0; AsOf at most a minute ahead of now and not older than MaxAge. A
// zero now leaves the age unchecked.
func (r Rules) Check(a Allocation, now time.Time) error {
	var invalid, stale faults
	r.checkTargets(a.Targets, &invalid)
	invalid.addName("strategy", a.Strategy)
	invalid.addName("version", a.Version)
	invalid.addYear(a.AsOf)
	if !now.IsZero() {
		r.checkAge(a.AsOf, now, &invalid, &stale)
	}
	var err error
	switch bad, old := invalid.err(ErrInvalid), stale.err(ErrStale); {
	case bad != nil && old != nil:
		err = fmt.Errorf("%w; %w", bad, old)
	default:
		err = cmp.Or(bad, old)
	}
	if err == nil {
		return nil
	}
	return &Error{Kind: KindPermanent, Strategy: shortened(a.Strategy), Err: err}
}

// Validate reports what is wrong with the rules themselves. Check refuses every
// allocation under rules that are wrong.
func (r Rules) Validate() error {
	minSum, maxSum := r.sums()
	var errs []error
	if !minSum.IsPositive() || minSum.GreaterThan(maxSum) {
		errs = append(errs, fmt.Errorf("allocation: rules: MinSum %s, MaxSum %s: want more than 0, and a maximum that is not less", minSum, maxSum))
	}
	if r.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("allocation: rules: MaxAge %s: want 0 or more", r.MaxAge))
	}
	return errors.Join(errs...)
}

// sums returns the limits of the sum.
func (r Rules) sums() (minSum, maxSum decimal.Decimal) {
	minSum, maxSum = r.MinSum, r.MaxSum
	if minSum.IsZero() {
		minSum = defaultMinSum
	}
	if maxSum.IsZero() {
		maxSum = defaultMaxSum
	}
	return minSum, maxSum
}

// checkTargets checks symbols, weights and their sum.
func (r Rules) checkTargets(targets []Target, f *faults) {
	if err := r.Validate(); err != nil {
		f.add("%s", err)
		return
	}
	switch n := len(targets); {
	case n == 0:
		f.add("it has no targets; to sell everything is a command, not a list")
		return
	case n > maxTargets:
		f.add("it has %d targets, at most %d are allowed", n, maxTargets)
		return
	}
	minSum, maxSum := r.sums()
	largest := decimal.Max(maxSum, decimal.New(1, 0))
	var sums weightSum
	whole := true
	seen := newSymbols(targets)
	for i, t := range targets {
		if why := symbolFault(t.Symbol); why != "" {
			f.add("target %d: %s", i, why)
		}
		if seen.twice(t.Symbol) {
			f.add("symbol %.40q is there twice", t.Symbol)
		}
		if why := weightFault(t.Weight); why != "" {
			f.add("weight of %.40q %s", t.Symbol, why)
			whole = false
			continue
		}
		if t.Weight.IsNegative() || t.Weight.GreaterThan(largest) {
			f.add("weight of %.40q is %s, want 0 to %s", t.Symbol, t.Weight, largest)
		}
		sums.add(t.Weight)
	}
	sum := sums.sum()
	switch {
	case !whole: // the sum says nothing
	case sum.IsZero():
		f.add("all weights are 0; to sell everything is a command, not a list")
	case sum.LessThan(minSum) || sum.GreaterThan(maxSum):
		f.add("the weights sum to %s, want %s to %s", sum, minSum, maxSum)
	}
}

// weightSum sums weights. As long as they are short and have one exponent, it
// does so without memory of its own.
type weightSum struct {
	rest  decimal.Decimal
	small int64 // in units of 10^exp
	exp   int32
}

// add adds a weight.
func (s *weightSum) add(w decimal.Decimal) {
	const digits, most = 17, 100_000_000_000_000_000 // two such numbers still fit into an int64
	if w.NumDigits() > digits {
		s.rest = s.rest.Add(w)
		return
	}
	if w.Exponent() != s.exp || s.small > most || s.small < -most {
		s.rest = s.sum()
		s.small, s.exp = 0, w.Exponent()
	}
	s.small += w.CoefficientInt64()
}

// sum returns the sum.
func (s *weightSum) sum() decimal.Decimal {
	if s.small == 0 {
		return s.rest
	}
	part := decimal.New(s.small, s.exp)
	if s.rest.IsZero() {
		return part
	}
	return s.rest.Add(part)
}

// symbols finds the symbols that a list has twice. One in order needs no memory.
type symbols struct {
	seen map[broker.InstrumentID]bool
}

// newSymbols is for going through a list from the first target to the last.
func newSymbols(targets []Target) symbols {
	if ascending(targets) {
		return symbols{}
	}
	return symbols{make(map[broker.InstrumentID]bool, len(targets))}
}

// twice reports whether the symbol came before.
func (s symbols) twice(id broker.InstrumentID) bool {
	if s.seen == nil {
		return false
	}
	twice := s.seen[id]
	s.seen[id] = true
	return twice
}

// ascending reports whether the targets are in the order of their symbols, each
// once.
func ascending(targets []Target) bool {
	for i := 1; i < len(targets); i++ {
		if targets[i].Symbol <= targets[i-1].Symbol {
			return false
		}
	}
	return true
}

// checkAge checks AsOf.
func (r Rules) checkAge(asOf, now time.Time, invalid, stale *faults) {
	switch age := now.Sub(asOf); {
	case asOf.IsZero():
		if r.MaxAge > 0 {
			stale.add("it does not say when it was decided, and must not be older than %s", r.MaxAge)
		}
	case age < -maxFuture:
		invalid.add("it was decided at %s, which is ahead of %s: check the clocks", stamp(asOf), stamp(now))
	case r.MaxAge > 0 && age > r.MaxAge:
		stale.add("it was decided at %s, more than %s before %s", stamp(asOf), r.MaxAge, stamp(now))
	}
}

// symbolFault says what is wrong with a symbol, or nothing.
func symbolFault(id broker.InstrumentID) string {
	switch want, err := broker.ParseInstrumentID(string(id)); {
	case err != nil:
		return err.Error()
	case want != id:
		return fmt.Sprintf("symbol %q is not normalised: want %q", id, want)
	}
	return ""
}

// weightFault says what makes a weight one that [Encode] cannot write in full,
// or nothing.
func weightFault(w decimal.Decimal) string {
	e := w.Exponent()
	if e >= -18 && e <= 0 && w.NumDigits() <= 18 {
		return "" // as good as all weights
	}
	if e < -100 || e > 100 || w.Coefficient().BitLen() > 400 {
		return "is out of all proportion"
	}
	if _, err := broker.ParseDecimal(w.String()); err != nil {
		return "cannot be kept: " + err.Error()
	}
	return ""
}

// stamp formats a time for an error.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// faults collects what is wrong.
type faults struct {
	list []string
	more int
}

// add notes a fault, or counts it if there are many already.
func (f *faults) add(format string, args ...any) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// addName notes what is wrong with a name.
func (f *faults) addName(what, name string) {
	if why := nameFault(name); why != "" {
		f.add("its %s %.40q %s", what, name, why)
	}
}

// addYear notes a time that cannot be written.
func (f *faults) addYear(asOf time.Time) {
	if y := asOf.UTC().Year(); y < 1 || y > 9999 {
		f.add("it was decided in the year %d", y)
	}
}

// err returns the faults as one error behind a sentinel, nil if there are none.
func (f *faults) err(sentinel error) error {
	if len(f.list) == 0 {
		return nil
	}
	text := strings.Join(f.list, "; ")
	if f.more > 0 {
		text += fmt.Sprintf("; and %d more", f.more)
	}
	return fmt.Errorf("%w: %s", sentinel, text)
}
