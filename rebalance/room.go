package rebalance

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// room is memory that one run after another works in. Nothing of it is in a result,
// a plan or a record.
type room struct {
	input     inputRoom
	legs      []leg
	values    []num
	expect    map[broker.InstrumentID]num
	bound     map[broker.InstrumentID]num
	planned   map[broker.InstrumentID]decimal.Decimal // held when the plan was made
	certain   map[broker.Currency]num
	sessionOf map[broker.InstrumentID]int
	made      decimals
}

// room returns memory for a run.
func (e *Engine) room() *room {
	if m, ok := e.rooms.Get().(*room); ok {
		return m
	}
	return &room{
		expect: map[broker.InstrumentID]num{}, bound: map[broker.InstrumentID]num{},
		planned: map[broker.InstrumentID]decimal.Decimal{}, certain: map[broker.Currency]num{},
		sessionOf: map[broker.InstrumentID]int{},
	}
}

// leave hands the memory of a run that is over to the next one. That of a run that
// panicked is lost.
func (e *Engine) leave(m *room) {
	clear(m.legs)
	clear(m.sessionOf)
	m.legs, m.input.known = m.legs[:0], 0
	e.rooms.Put(m)
}
