package allocation

import (
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/broker"
)

// NewTarget reads a target from the texts of its symbol and its weight, as
// [broker.ParseInstrumentID] and [broker.ParseDecimal] read them. It does not
// check the weight's range: that is what [Rules] are for.
func NewTarget(symbol, weight string) (Target, error) {
	id, err := broker.ParseInstrumentID(symbol)
	if err != nil {
		return Target{}, err
	}
	w, err := broker.ParseDecimal(weight)
	if err != nil {
		return Target{}, err
	}
	return Target{Symbol: id, Weight: w}, nil
}

// ParseTargets reads pairs of symbol and weight, as [NewTarget] does, in their
// order. The error is an *[Error] of KindPermanent that matches [ErrInvalid] and
// names every pair that is wrong (the first 20 of them). It is of use to sources.
func ParseTargets(pairs iter.Seq2[string, string]) ([]Target, error) {
	var targets []Target
	var wrong faults
	for symbol, weight := range pairs {
		t, err := NewTarget(symbol, weight)
		if err != nil {
			wrong.add("target %.40q: %s", symbol, err)
			continue
		}
		targets = append(targets, t)
	}
	if err := wrong.err(ErrInvalid); err != nil {
		return nil, &Error{Kind: KindPermanent, Err: err}
	}
	return targets, nil
}

// nameFault says what is wrong with a strategy or a version, or nothing. Empty
// is not wrong.
func nameFault(name string) string {
	switch {
	case len(name) > maxName:
		return "is too long"
	case !utf8.ValidString(name):
		return "is not UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "contains a control character"
	}
	return ""
}

// shortened returns a name that fits into an error.
func shortened(name string) string {
	if nameFault(name) != "" {
		return "?"
	}
	return name
}
