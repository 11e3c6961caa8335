package allocation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Static is a source that gives what it was told: for tests, backtests, and
// models that seldom change. It is safe for concurrent use and blocks never.
type Static struct {
	rules Rules

	mu         sync.RWMutex
	strategies map[string]Allocation
}

var _ AllocationSource = (*Static)(nil)

// NewStatic returns a source that gives these allocations, each under its
// Strategy, as [Static.Set] sets them. Only the age is not checked: what time it
// is, the engine knows, and checks it.
func NewStatic(rules Rules, allocations ...Allocation) (*Static, error) {
	if err := rules.Validate(); err != nil {
		return nil, err
	}
	s := &Static{rules: rules, strategies: map[string]Allocation{}}
	if err := s.Set(allocations...); err != nil {
		return nil, err
	}
	return s, nil
}

// Set makes the source give these allocations from now on, and leaves other
// strategies as they are. If one of them is not valid it changes nothing. An
// allocation without Version gets its [Hash] as one.
func (s *Static) Set(allocations ...Allocation) error {
	var errs []error
	set := map[string]Allocation{}
	for i, a := range allocations {
		if a.Strategy == "" {
			errs = append(errs, invalid("", fmt.Errorf("allocation %d does not name its strategy", i)))
			continue
		}
		if _, ok := set[a.Strategy]; ok {
			errs = append(errs, invalid(a.Strategy, errors.New("it is given twice")))
		}
		if err := s.rules.Check(a, time.Time{}); err != nil {
			errs = append(errs, err)
			continue // no hash of what cannot be
		}
		set[a.Strategy] = normal(a)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.strategies, set)
	return nil
}

// normal returns a copy with schema and version.
func normal(a Allocation) Allocation {
	a.Schema = Schema
	a.Targets = slices.Clone(a.Targets)
	if a.Version == "" {
		a.Version = Hash(a)
	}
	return a
}

// Allocation returns the targets that were set last.
func (s *Static) Allocation(ctx context.Context, query Query) (Allocation, error) {
	if err := ctx.Err(); err != nil {
		return Allocation{}, fmt.Errorf("allocation: strategy %s: %w", query.Strategy, err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.strategies[query.Strategy]
	if !ok {
		err := fmt.Errorf("%w: known are %s", ErrUnknownStrategy, known(s.strategies))
		return Allocation{}, &Error{Kind: KindPermanent, Account: query.Account, Strategy: query.Strategy, Err: err}
	}
	a.Targets = slices.Clone(a.Targets)
	return a, nil
}

// known lists the first names of a map, in order.
func known(strategies map[string]Allocation) string {
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
