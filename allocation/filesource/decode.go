package filesource

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// file is the form of the file. The strategies are decoded when asked for.
type file struct {
	Schema     int                        `json:"schema"`
	Strategies map[string]json.RawMessage `json:"strategies"`
}

// strategy is the form of one strategy.
type strategy struct {
	Version string            `json:"version"`
	AsOf    *time.Time        `json:"as_of"`
	Targets map[string]weight `json:"targets"`
}

// weight is the text of a JSON string or of any other JSON value: whether it is
// a number is decided later.
type weight string

// UnmarshalJSON keeps the text.
func (w *weight) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		*w = weight(data)
		return nil
	}
	return json.Unmarshal(data, (*string)(w))
}

// decode reads one strategy from the file's content.
func decode(data []byte, name string) (allocation.Allocation, error) {
	if !json.Valid(data) {
		return allocation.Allocation{}, fmt.Errorf("%w: it is not JSON, maybe it is being written: %w", allocation.ErrInvalid, strictjson.Check(data))
	}
	var f file
	if err := strictjson.Decode(data, maxFile, &f); err != nil {
		return allocation.Allocation{}, invalid(err)
	}
	if f.Schema != allocation.Schema {
		return allocation.Allocation{}, invalid(fmt.Errorf("its schema is %d, this release reads %d", f.Schema, allocation.Schema))
	}
	raw, ok := f.Strategies[name]
	if !ok || name == "" {
		return allocation.Allocation{}, permanent(fmt.Errorf("%w: known are %s", allocation.ErrUnknownStrategy, known(f.Strategies)))
	}
	var s strategy
	if err := strictjson.Decode(raw, maxFile, &s); err != nil {
		return allocation.Allocation{}, invalid(err)
	}
	return s.allocation(name)
}

// allocation makes an allocation of a strategy.
func (s strategy) allocation(name string) (allocation.Allocation, error) {
	a := allocation.Allocation{Schema: allocation.Schema, Strategy: name, Version: s.Version}
	if s.AsOf != nil {
		a.AsOf = *s.AsOf
	}
	var err error
	if a.Targets, err = allocation.ParseTargets(s.pairs()); err != nil {
		return allocation.Allocation{}, err
	}
	slices.SortFunc(a.Targets, func(x, y allocation.Target) int { return cmp.Compare(x.Symbol, y.Symbol) })
	if a.Version == "" {
		a.Version = allocation.Hash(a)
	}
	return a, nil
}

// pairs returns the texts of the targets in a fixed order.
func (s strategy) pairs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, symbol := range slices.Sorted(maps.Keys(s.Targets)) {
			if !yield(symbol, string(s.Targets[symbol])) {
				return
			}
		}
	}
}

// known lists the first names of the strategies, in order.
func known(strategies map[string]json.RawMessage) string {
	names := slices.Sorted(maps.Keys(strategies))
	const most = 20
	switch n := len(names); {
	case n == 0:
		return "none"
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}

// invalid marks content that is not what the form says.
func invalid(err error) error {
	return permanent(fmt.Errorf("%w: %w", allocation.ErrInvalid, err))
}
