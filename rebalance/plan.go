package rebalance

import (
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Planner turns a picture of an account into a trade list. It is pure: no
// clock, no I/O, no randomness, and the same input gives the same plan, byte
// for byte. Safe for concurrent use.
//
// A plan that cannot be made is an outcome ([Plan.Outcome] and [Plan.Reason]),
// not an error. An error says that the plan broke one of its own invariants,
// which is a bug: nothing may be traded.
type Planner interface {
	// Plan decides all orders of a run.
	Plan(Input) (Plan, error)
	// FundBuys decides the buys once the sells are settled: those of
	// Input.Planned, at most as planned, paid from the cash that is there.
	FundBuys(Input) (Plan, error)
}

// PlanSchema is the version of the JSON form of [Plan].
const PlanSchema = 1

// Input is all that a plan is made of. Every number is an exact decimal of at
// most 40 digits and an exponent within ±18; money is in Account.Base unless a
// currency is named. The planner changes and keeps nothing of it. PLANNER.md says
// what each field does.
type Input struct {
	Account     AccountState                            `json:"account"`
	Instruments map[broker.InstrumentID]InstrumentTerms `json:"instruments"`
	Quotes      map[broker.InstrumentID]PlanQuote       `json:"quotes"`
	FX          map[broker.Currency]decimal.Decimal     `json:"fx"` // base units for one unit
	Targets     []TargetWeight                          `json:"targets"`
	Previous    []TargetWeight                          `json:"previous_targets,omitempty"`
	Policy      Policy                                  `json:"policy"`
	// The rest is for FundBuys only.
	Planned       []PlannedBuy          `json:"planned,omitempty"`
	Sold          []broker.InstrumentID `json:"sold,omitempty"`
	PlannedEquity decimal.NullDecimal   `json:"planned_equity"`

	// Brief leaves out Plan.Explanations, unless the plan is held for approval,
	// NoLines Plan.Lines. They change nothing else.
	Brief   bool `json:"-"`
	NoLines bool `json:"-"`
}

// AccountState is the account as one snapshot shows it, after the engine's own
// stale orders were cancelled.
type AccountState struct {
	Base           broker.Currency                     `json:"base"`
	Type           broker.AccountType                  `json:"type"`
	NetLiquidation decimal.NullDecimal                 `json:"net_liquidation"`
	Cash           map[broker.Currency]decimal.Decimal `json:"cash"`
	SettledCash    map[broker.Currency]decimal.Decimal `json:"settled_cash,omitempty"` // nil: as Cash
	AvailableFunds decimal.NullDecimal                 `json:"available_funds"`
	Positions      []PositionState                     `json:"positions"`
	OpenOrders     []OpenOrder                         `json:"open_orders"`
}

// PositionState is a holding, and what it was when the last run ended.
type PositionState struct {
	Symbol   broker.InstrumentID `json:"symbol"`
	Quantity decimal.Decimal     `json:"quantity"`
	Previous decimal.NullDecimal `json:"previous_quantity"`
}

// OpenOrder is somebody else's working order.
type OpenOrder struct {
	Symbol    broker.InstrumentID `json:"symbol"`
	Side      broker.Side         `json:"side"`
	Remaining decimal.Decimal     `json:"remaining"`
}

// InstrumentTerms is what sizing needs to know of an instrument.
type InstrumentTerms struct {
	Currency broker.Currency `json:"currency"`
	Lot      decimal.Decimal `json:"lot"`
	Tick     decimal.Decimal `json:"tick"`
}

// PlanQuote is a quote with its age and the price of the last run.
type PlanQuote struct {
	Bid      decimal.NullDecimal `json:"bid"`
	Ask      decimal.NullDecimal `json:"ask"`
	Last     decimal.NullDecimal `json:"last"`
	Close    decimal.NullDecimal `json:"close"`
	Tier     marketdata.Tier     `json:"tier"`
	Age      decimal.NullDecimal `json:"age_seconds"`
	Previous decimal.NullDecimal `json:"previous_price"`
}

// TargetWeight is an instrument's share of what is investable.
type TargetWeight struct {
	Symbol broker.InstrumentID `json:"symbol"`
	Weight decimal.Decimal     `json:"weight"`
}

// PlannedBuy is a buy of the plan that is under way.
type PlannedBuy struct {
	Symbol   broker.InstrumentID `json:"symbol"`
	Quantity decimal.Decimal     `json:"quantity"`
}

// PlanOutcome says what the planner decided.
type PlanOutcome string

// The outcomes of planning.
const (
	PlanTrade    PlanOutcome = "trade"     // send the orders
	PlanNoTrade  PlanOutcome = "no_trade"  // nothing to do; Reason says why
	PlanHeld     PlanOutcome = "held"      // a human must approve this hash first
	PlanNotReady PlanOutcome = "not_ready" // the account or the market forbids planning now
	PlanRejected PlanOutcome = "rejected"  // input or configuration can never work
	PlanReplan   PlanOutcome = "replan"    // FundBuys only: the picture moved, plan again
)

// Reason is the code of an outcome, of an order, of a skipped symbol or of a
// warning.
type Reason string

// Plan is a trade list with the numbers that it rests on. A plan is all or
// nothing: not_ready and rejected have no orders.
type Plan struct {
	Schema  int         `json:"schema"`
	Outcome PlanOutcome `json:"outcome"`
	Reason  Reason      `json:"reason,omitempty"`
	// Detail names the symbol, field and value behind the reason, for people.
	Detail string `json:"detail,omitempty"`
	// Orders holds covers, then sells, then buys, each sorted by symbol.
	Orders      []PlannedOrder `json:"orders"`
	Conversions []Conversion   `json:"conversions,omitempty"`
	// Skipped names each managed symbol that should have moved and got no order,
	// and those whose order is not the whole of it.
	Skipped  []Skip   `json:"skipped,omitempty"`
	Warnings []string `json:"warnings,omitempty"`

	Equity     decimal.Decimal `json:"equity"`
	Excluded   decimal.Decimal `json:"excluded"`
	Reserve    decimal.Decimal `json:"reserve"`
	Investable decimal.Decimal `json:"investable"`
	// Lines holds each managed symbol, sorted; a group of equivalents is one line,
	// under its primary.
	Lines []PlanLine `json:"lines,omitempty"`
	// ProjectedCash is the base value of all cash if every order fills at its
	// limit and costs its estimated fee.
	ProjectedCash decimal.Decimal `json:"projected_cash"`
	// Explanations holds, for each symbol with an order or a reason to have none,
	// the numbers that led to it, by symbol. See [Plan.Explain] and [Plan.Table].
	Explanations []Explanation `json:"explanations,omitempty"`
	// Hash is the SHA-256, in hex, over the targets, the policy and the plan. It
	// leaves out what is for people: Detail, Warnings and Explanations.
	Hash string `json:"hash"`
}

// PlannedOrder is a line of the trade list.
type PlannedOrder struct {
	Symbol   broker.InstrumentID `json:"symbol"`
	Side     broker.Side         `json:"side"`
	Quantity decimal.Decimal     `json:"quantity"`
	Limit    decimal.Decimal     `json:"limit"`
	Reason   Reason              `json:"reason"`
}

// Conversion changes base currency into another one, or back.
type Conversion struct {
	From   broker.Currency `json:"from"`
	To     broker.Currency `json:"to"`
	Amount decimal.Decimal `json:"amount"` // in To
}

// Skip says why a symbol that should have moved did not, or not fully.
type Skip struct {
	Symbol broker.InstrumentID `json:"symbol"`
	Reason Reason              `json:"reason"`
}

// PlanLine is the view of one symbol, in base currency.
type PlanLine struct {
	Symbol  broker.InstrumentID `json:"symbol"`
	Value   decimal.Decimal     `json:"value"`
	Desired decimal.Decimal     `json:"desired"`
	// Drift is (Value − Desired) / (Equity − Excluded), a fraction.
	Drift decimal.Decimal `json:"drift"`
}
