package marketdata

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// maxNamed is how many instruments a message names before it says how many more.
const maxNamed = 5

// Check reports how an answer to ids breaks the contract of a source, all
// faults joined: an instrument that is not named, named twice or was never
// asked for, a found quote without a price or a valid tier, a missing one
// without a reason. Nil is a whole answer.
func (q Quotes) Check(ids []broker.InstrumentID) error {
	if q.allFound(ids) {
		return nil
	}
	errs := []error{q.checkNames(unique(ids))}
	for _, id := range slices.Sorted(maps.Keys(q.Found)) {
		quote := q.Found[id]
		if !quote.Priced() {
			errs = append(errs, fmt.Errorf("marketdata: bad answer: %s is found without a price", id))
		}
		if !quote.Tier.Valid() {
			errs = append(errs, fmt.Errorf("marketdata: bad answer: %s is found with tier %q", id, quote.Tier))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(q.Missing)) {
		if strings.TrimSpace(q.Missing[id]) == "" {
			errs = append(errs, fmt.Errorf("marketdata: bad answer: %s is missing without a reason", id))
		}
	}
	return errors.Join(errs...)
}

// allFound reports whether the answer is whole and misses nothing, as most are.
// It only knows that of sorted ids.
func (q Quotes) allFound(ids []broker.InstrumentID) bool {
	if len(q.Missing) > 0 || len(q.Found) != len(ids) {
		return false
	}
	for i, id := range ids {
		quote, found := q.Found[id]
		if i > 0 && id <= ids[i-1] || !found || !quote.Priced() || !quote.Tier.Valid() {
			return false
		}
	}
	return true
}

// checkNames reports whether each of ids, without duplicates, is named exactly
// once and nothing else is.
func (q Quotes) checkNames(ids []broker.InstrumentID) error {
	var none, twice []broker.InstrumentID
	for _, id := range ids {
		_, found := q.Found[id]
		_, missing := q.Missing[id]
		switch {
		case found && missing:
			twice = append(twice, id)
		case !found && !missing:
			none = append(none, id)
		}
	}
	if len(none) == 0 && len(twice) == 0 && len(q.Found)+len(q.Missing) == len(ids) {
		return nil
	}
	return errors.Join(
		fault("neither found nor missing", none),
		fault("both found and missing", twice),
		fault("never asked for", q.beside(ids)),
	)
}

// beside returns the instruments of an answer that are not among ids, sorted.
func (q Quotes) beside(ids []broker.InstrumentID) []broker.InstrumentID {
	asked := make(map[broker.InstrumentID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	extra := map[broker.InstrumentID]bool{}
	for id := range q.Found {
		extra[id] = true
	}
	for id := range q.Missing {
		extra[id] = true
	}
	maps.DeleteFunc(extra, func(id broker.InstrumentID, _ bool) bool { return asked[id] })
	return slices.Sorted(maps.Keys(extra))
}

// fault names the instruments that an answer treats wrongly; nil for none.
func fault(what string, ids []broker.InstrumentID) error {
	if len(ids) == 0 {
		return nil
	}
	var more string
	if n := len(ids) - maxNamed; n > 0 {
		ids, more = ids[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("marketdata: bad answer: %s: %.40q%s", what, ids, more)
}

// unique returns ids sorted and without duplicates, in a slice of its own.
func unique(ids []broker.InstrumentID) []broker.InstrumentID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// tidy returns the quote with every field that holds no price made invalid.
func tidy(q Quote) Quote {
	for _, p := range [...]*decimal.NullDecimal{&q.Bid, &q.Ask, &q.Last, &q.Close} {
		if !present(*p) {
			*p = decimal.NullDecimal{}
		}
	}
	return q
}

// sift passes a source's answer to ids through a rule, which returns why a
// quote is not to be used, or nothing. What the source itself misses stays
// missing. An answer that does not name each of ids once is an error. The
// result shares no map with the answer.
func sift(ids []broker.InstrumentID, answer Quotes, rule func(*Quote) string) (Quotes, error) {
	ids = unique(ids)
	if err := answer.checkNames(ids); err != nil {
		return Quotes{}, err
	}
	out := newQuotes(len(ids))
	for id, quote := range answer.Found {
		quote = tidy(quote)
		if why := refusal(&quote, rule); why != "" {
			out.Missing[id] = why
		} else {
			out.Found[id] = quote
		}
	}
	for id, why := range answer.Missing {
		out.Missing[id] = reason(why)
	}
	return out, nil
}

// refusal says why a quote is not to be used, or nothing: it has no price, it
// has no tier, or what the rule says.
func refusal(q *Quote, rule func(*Quote) string) string {
	switch {
	case !q.Priced():
		return "the quote has no price"
	case !q.Tier.Valid():
		return fmt.Sprintf("the quote has tier %q, which is none", q.Tier)
	}
	return rule(q)
}

// reason returns a source's reason, or words for one that it did not give.
func reason(why string) string {
	if strings.TrimSpace(why) == "" {
		return "no reason given"
	}
	return why
}

// newQuotes returns an empty answer with room for n quotes.
func newQuotes(n int) Quotes {
	return Quotes{
		Found:   make(map[broker.InstrumentID]Quote, n),
		Missing: map[broker.InstrumentID]string{},
	}
}
