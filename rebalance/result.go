package rebalance

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/journal"
)

// ResultSchema is the version of the JSON form of [Result].
const ResultSchema = 1

// maxResult bounds a stored result, in bytes.
const maxResult = 16 << 20

// Result is all that happened in a run, and the one answer to its event.
type Result struct {
	Schema   int              `json:"schema"`
	Account  broker.AccountID `json:"account"`
	Event    string           `json:"event"`
	Run      journal.RunID    `json:"run"`
	Command  Command          `json:"command"`
	Strategy string           `json:"strategy,omitempty"`
	// Allocation is the version of the targets, PlanHash that of the plan.
	Allocation string `json:"allocation,omitempty"`
	PlanHash   string `json:"plan_hash,omitempty"`

	Outcome Outcome `json:"outcome"`
	Reason  Reason  `json:"reason,omitempty"`
	// Detail is the reason in words, with the values behind it.
	Detail string `json:"detail,omitempty"`
	// Until is when a deferred event is due again.
	Until time.Time `json:"until,omitzero"`

	// Orders holds each planned order in the order of the plan.
	Orders []OrderResult `json:"orders,omitempty"`
	// Residual is what was planned and did not happen.
	Residual []Residual `json:"residual,omitempty"`
	Skipped  []Skip     `json:"skipped,omitempty"`
	Warnings []string   `json:"warnings,omitempty"`
	// Before and After show the account around the trades, Costs what they cost.
	Before *Picture `json:"before,omitempty"`
	After  *Picture `json:"after,omitempty"`
	Costs  *Costs   `json:"costs,omitempty"`

	// The rest is set by the other commands only.
	Plan     *Plan         `json:"plan,omitempty"`     // preview
	Snapshot *SnapshotView `json:"snapshot,omitempty"` // snapshot
	Findings []Finding     `json:"findings,omitempty"` // reconcile, cancel_orders
	// Differences are positions that are not what the last run left: trades of
	// others, splits, transfers. Of reconcile and of a rebalance.
	Differences []Difference `json:"differences,omitempty"`
	Health      *Report      `json:"health,omitempty"` // health

	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`

	closed time.Duration   // how long the run waited for markets to open
	fence  uint64          // under which it may be stored
	memo   json.RawMessage // what it leaves, should the run not go on
	before []byte          // the JSON of Before, if it was written already
	stored bool            // the journal has it
}

// OrderResult is what became of one planned order.
type OrderResult struct {
	Symbol broker.InstrumentID `json:"symbol"`
	Side   broker.Side         `json:"side"`
	// Ref is the order's reference at the broker, empty if it was never sent.
	Ref     broker.OrderID  `json:"ref,omitempty"`
	Planned decimal.Decimal `json:"planned"`
	// Sent is the quantity of the order as it was sent: less than planned if the
	// cash did not reach.
	Sent  decimal.Decimal `json:"sent"`
	Limit decimal.Decimal `json:"limit"`
	// Why is the planner's reason for the order.
	Why     Reason               `json:"why"`
	Outcome journal.OrderOutcome `json:"outcome"`
	Filled  decimal.Decimal      `json:"filled"`
	// AveragePrice is zero without a fill.
	AveragePrice decimal.Decimal `json:"average_price"`
	Fees         decimal.Decimal `json:"fees"`
	FeeCurrency  broker.Currency `json:"fee_currency,omitempty"`
	Code         string          `json:"code,omitempty"`
	Reason       string          `json:"reason,omitempty"`
}

// Residual is a part of an order that did not happen.
type Residual struct {
	Symbol   broker.InstrumentID `json:"symbol"`
	Side     broker.Side         `json:"side"`
	Quantity decimal.Decimal     `json:"quantity"`
}

// Picture is an account at one time, in base currency at the plan's prices.
// Positions that are not stocks (see Account.IgnoreOther) are not valued: they are
// shown without a price and are not in Equity.
type Picture struct {
	Time    time.Time       `json:"time"`
	Base    broker.Currency `json:"base"`
	Equity  decimal.Decimal `json:"equity"`
	Cash    decimal.Decimal `json:"cash"`
	Reserve decimal.Decimal `json:"reserve"`
	// Drift is the largest distance of a holding from its target share of what
	// is investable, as a fraction of equity, rounded to 6 places.
	Drift decimal.Decimal `json:"drift"`
	// Holdings holds each symbol that is held or has a target, sorted.
	Holdings []Holding `json:"holdings"`
}

// Holding is one symbol of a [Picture].
type Holding struct {
	Symbol   broker.InstrumentID `json:"symbol"`
	Quantity decimal.Decimal     `json:"quantity"`
	Price    decimal.Decimal     `json:"price"` // in the instrument's currency
	Value    decimal.Decimal     `json:"value"` // in base
	// Weight is Value / Equity and Target the allocation's weight, both rounded
	// to 6 places.
	Weight decimal.Decimal `json:"weight"`
	Target decimal.Decimal `json:"target"`
}

// SnapshotView is the answer to the snapshot command.
type SnapshotView struct {
	Time           time.Time       `json:"time"`
	Base           broker.Currency `json:"base"`
	NetLiquidation decimal.Decimal `json:"net_liquidation"`
	Cash           []broker.Money  `json:"cash"` // by currency
	Positions      []PositionView  `json:"positions"`
	Orders         []OpenOrderView `json:"orders"`
	Block          *journal.Block  `json:"block,omitempty"`
	Kill           *journal.Kill   `json:"kill,omitempty"`
}

// PositionView is a holding as the broker reports it.
type PositionView struct {
	Symbol   broker.InstrumentID   `json:"symbol"`
	Kind     broker.InstrumentKind `json:"kind"`
	Currency broker.Currency       `json:"currency"`
	Quantity decimal.Decimal       `json:"quantity"`
}

// OpenOrderView is a working order.
type OpenOrderView struct {
	Ref       broker.OrderID      `json:"ref,omitempty"` // empty for somebody else's
	BrokerID  string              `json:"broker_id"`
	Ours      bool                `json:"ours"`
	Symbol    broker.InstrumentID `json:"symbol"`
	Side      broker.Side         `json:"side"`
	Quantity  decimal.Decimal     `json:"quantity"`
	Remaining decimal.Decimal     `json:"remaining"`
	Status    broker.Status       `json:"status"`
}

// Finding is what was found out about one order.
type Finding struct {
	Ref     broker.OrderID       `json:"ref"`
	Symbol  broker.InstrumentID  `json:"symbol"`
	Side    broker.Side          `json:"side"`
	Outcome journal.OrderOutcome `json:"outcome,omitempty"`
	Filled  decimal.Decimal      `json:"filled"`
	Detail  string               `json:"detail,omitempty"`
}

// clone returns a copy that shares nothing which anybody changes.
func (r *Result) clone() *Result {
	c := *r
	c.memo, c.before = nil, nil
	c.Orders, c.Residual = slices.Clone(r.Orders), slices.Clone(r.Residual)
	c.Skipped, c.Warnings = slices.Clone(r.Skipped), slices.Clone(r.Warnings)
	c.Findings, c.Differences = slices.Clone(r.Findings), slices.Clone(r.Differences)
	c.Before, c.After = r.Before.clone(), r.After.clone()
	c.Costs, c.Health, c.Plan, c.Snapshot = copied(r.Costs), copied(r.Health), copied(r.Plan), copied(r.Snapshot)
	if c.Health != nil {
		c.Health.Checks = slices.Clone(c.Health.Checks)
	}
	if s := c.Snapshot; s != nil {
		s.Cash, s.Positions, s.Orders = slices.Clone(s.Cash), slices.Clone(s.Positions), slices.Clone(s.Orders)
		s.Block, s.Kill = copied(s.Block), copied(s.Kill)
	}
	if p := c.Plan; p != nil {
		p.Orders, p.Lines, p.Skipped = slices.Clone(p.Orders), slices.Clone(p.Lines), slices.Clone(p.Skipped)
	}
	return &c
}

// clone returns a copy, nil for nil.
func (p *Picture) clone() *Picture {
	c := copied(p)
	if c != nil {
		c.Holdings = slices.Clone(p.Holdings)
	}
	return c
}

// copied returns a pointer to a copy, nil for nil.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// DecodeResult reads the JSON form of a result, strictly.
func DecodeResult(data []byte) (*Result, error) {
	var r Result
	if err := strictjson.Decode(data, maxResult, &r); err != nil {
		return nil, fmt.Errorf("rebalance: decode result: %w", err)
	}
	if r.Schema != ResultSchema {
		return nil, fmt.Errorf("rebalance: decode result: schema %d: this release knows %d", r.Schema, ResultSchema)
	}
	return &r, nil
}
