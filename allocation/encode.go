package allocation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// The stored form is one JSON object:
//
//	{"schema":1,"strategy":"core","version":"v7","as_of":"2026-03-02T14:00:00Z",
//	 "targets":[{"symbol":"AAPL","weight":"0.6"},{"symbol":"MSFT","weight":"0.4"}]}
//
// Weights are strings. as_of is absent if it is not known. Nothing else is
// allowed inside.

// maxEncoded is the longest stored form, in bytes.
const maxEncoded = 1 << 20

// stored is the stored form.
type stored struct {
	Schema   int            `json:"schema"`
	Strategy string         `json:"strategy"`
	Version  string         `json:"version"`
	AsOf     *time.Time     `json:"as_of,omitempty"`
	Targets  []storedTarget `json:"targets"`
}

// storedTarget is the stored form of a target.
type storedTarget struct {
	Symbol string `json:"symbol"`
	Weight string `json:"weight"`
}

// Encode returns the stored form of an allocation, which [Decode] reads back
// with equal weights. It refuses what Decode would refuse, with an error that
// matches [ErrInvalid]; it does not check the allocation against [Rules]. Weights
// are written in their shortest exact form.
func Encode(a Allocation) ([]byte, error) {
	if err := formFault(a); err != nil {
		return nil, err
	}
	data := make([]byte, 0, 256+64*len(a.Targets))
	data = strconv.AppendInt(append(data, `{"schema":`...), Schema, 10)
	data = strictjson.AppendString(append(data, `,"strategy":`...), a.Strategy)
	data = strictjson.AppendString(append(data, `,"version":`...), a.Version)
	if !a.AsOf.IsZero() {
		data = a.AsOf.UTC().AppendFormat(append(data, `,"as_of":"`...), time.RFC3339Nano)
		data = append(data, '"')
	}
	data = append(data, `,"targets":[`...)
	for i, t := range a.Targets {
		if i > 0 {
			data = append(data, ',')
		}
		data = strictjson.AppendString(append(data, `{"symbol":`...), string(t.Symbol))
		data = broker.AppendDecimal(append(data, `,"weight":"`...), t.Weight)
		data = append(data, `"}`...)
	}
	data = append(data, "]}"...)
	if len(data) > maxEncoded {
		return nil, invalid(a.Strategy, fmt.Errorf("its stored form has %d bytes, at most %d are allowed", len(data), maxEncoded))
	}
	return data, nil
}

// Decode reads the stored form. It refuses unknown and duplicate fields, data
// behind the object, weights that are not strings, symbols that occur twice, an
// allocation without targets, another schema, and more than 1 MiB. The error is
// an *[Error] of KindPermanent that matches [ErrInvalid].
func Decode(data []byte) (Allocation, error) {
	var s stored
	if err := strictjson.Decode(data, maxEncoded, &s); err != nil {
		return Allocation{}, invalid("", err)
	}
	if s.Schema != Schema {
		return Allocation{}, invalid(s.Strategy, fmt.Errorf("its schema is %d, this release reads %d", s.Schema, Schema))
	}
	targets, err := ParseTargets(s.pairs())
	if err != nil {
		return Allocation{}, err
	}
	a := Allocation{Schema: Schema, Strategy: s.Strategy, Version: s.Version, Targets: targets}
	if s.AsOf != nil {
		a.AsOf = s.AsOf.UTC()
	}
	if err := formFault(a); err != nil {
		return Allocation{}, err
	}
	return a, nil
}

// pairs returns the texts of the targets.
func (s *stored) pairs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, t := range s.Targets {
			if !yield(t.Symbol, t.Weight) {
				return
			}
		}
	}
}

// formFault returns what keeps an allocation from being stored.
func formFault(a Allocation) error {
	if a.Schema != 0 && a.Schema != Schema {
		return invalid(a.Strategy, fmt.Errorf("its schema is %d, this release writes %d", a.Schema, Schema))
	}
	var f faults
	if len(a.Targets) == 0 {
		f.add("it has no targets")
	}
	f.addName("strategy", a.Strategy)
	f.addName("version", a.Version)
	f.addYear(a.AsOf)
	seen := newSymbols(a.Targets)
	for i, t := range a.Targets {
		if why := symbolFault(t.Symbol); why != "" {
			f.add("target %d: %s", i, why)
		}
		if seen.twice(t.Symbol) {
			f.add("symbol %.40q is there twice", t.Symbol)
		}
		if why := weightFault(t.Weight); why != "" {
			f.add("weight of %.40q %s", t.Symbol, why)
		}
	}
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: KindPermanent, Strategy: shortened(a.Strategy), Err: f.err(ErrInvalid)}
}

// invalid returns the error for a stored form that cannot be.
func invalid(strategy string, err error) error {
	return &Error{Kind: KindPermanent, Strategy: shortened(strategy), Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
}

// Hash identifies the targets of a strategy: the SHA-256, in hexadecimal, of the
// strategy and its targets. The order of the targets does not matter, nor how a
// weight is written ("0.5" is "0.50"). Version and AsOf are not part of it.
func Hash(a Allocation) string {
	targets := a.Targets
	if !ascending(targets) {
		targets = slices.Clone(targets)
		slices.SortFunc(targets, func(x, y Target) int {
			return cmp.Or(cmp.Compare(x.Symbol, y.Symbol), x.Weight.Cmp(y.Weight))
		})
	}
	text := append(make([]byte, 0, 128+32*len(targets)), "evenkeel allocation 1\n"...)
	text = strconv.AppendQuote(text, a.Strategy)
	for _, t := range targets {
		text = append(text, '\n')
		text = strconv.AppendQuote(text, string(t.Symbol))
		text = append(text, ' ')
		text = broker.AppendDecimal(text, t.Weight)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
