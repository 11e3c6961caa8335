package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
)

// poisoned is the strategy of events that kill whoever handles them.
const poisoned = "poison"

// models are the current targets of each strategy, and those before.
type models struct {
	w              *world
	current, older map[string]allocation.Allocation
	versions       int
}

// newModels makes the first targets.
func newModels(w *world) *models {
	m := &models{w: w, current: map[string]allocation.Allocation{}, older: map[string]allocation.Allocation{}}
	for _, name := range []string{"m0", "m1"} {
		m.set(name, m.draw(func(n int) int { return w.rng.IntN(n) }))
	}
	return m
}

// get returns the targets of a strategy and the ones before.
func (m *models) get(strategy string) (current, older allocation.Allocation) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return m.current[strategy], m.older[strategy]
}

// set makes new targets of weights in hundredths. The caller holds mu, or is
// alone.
func (m *models) set(strategy string, hundredths []int64) {
	m.versions++
	a := allocation.Allocation{
		Schema: allocation.Schema, Strategy: strategy, Version: fmt.Sprintf("v%d", m.versions), AsOf: time.Now().UTC(),
	}
	for i, n := range hundredths {
		if n > 0 {
			a.Targets = append(a.Targets, allocation.Target{Symbol: m.w.instruments[i], Weight: decimal.New(n, -2)})
		}
	}
	m.older[strategy] = m.current[strategy]
	m.current[strategy] = a
}

// draw makes weights in hundredths that sum to one.
func (m *models) draw(intN func(int) int) []int64 {
	weights := make([]int64, len(m.w.instruments))
	left := int64(100)
	for left > 0 {
		part := min(left, int64(5+intN(40)))
		weights[intN(len(weights))] += part
		left -= part
	}
	return weights
}

// change moves some weight from one target to another, or everything.
func (m *models) change(a *actor, wild bool) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	strategy := pick(a.rng, []string{"m0", "m1"})
	if wild {
		m.set(strategy, m.draw(a.rng.IntN))
		return
	}
	weights := m.weights(strategy)
	from, to := a.rng.IntN(len(weights)), a.rng.IntN(len(weights))
	part := min(weights[from], int64(1+a.rng.IntN(20)))
	weights[from] -= part
	weights[to] += part
	m.set(strategy, weights)
}

// weights are the current targets in hundredths.
func (m *models) weights(strategy string) []int64 {
	weights := make([]int64, len(m.w.instruments))
	for _, t := range m.current[strategy].Targets {
		at := slices.IndexFunc(m.w.instruments, func(id broker.InstrumentID) bool { return id == t.Symbol })
		weights[at] = t.Weight.Shift(2).IntPart()
	}
	return weights
}
