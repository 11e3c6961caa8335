package broker

import (
	"time"

	"github.com/shopspring/decimal"
)

// AccountID names an account as the broker does.
type AccountID string

// Mode says whether an account holds real money.
type Mode string

// The modes of an account.
const (
	Live      Mode = "live"
	Paper     Mode = "paper"
	Simulated Mode = "simulated"
)

// Account is an account that a session may act for.
type Account struct {
	ID   AccountID
	Mode Mode
}

// AccountType decides which cash may be spent.
type AccountType string

// The types of account. In a cash account only settled cash buys.
const (
	Margin AccountType = "margin"
	Cash   AccountType = "cash"
)

// Epoch numbers the synchronised sessions of one Broker value, from 1 up. Two
// reads with the same epoch saw the same session. Zero is no session.
type Epoch uint64

// Currency is an ISO 4217 code in upper case.
type Currency string

// Money is an amount in a currency.
type Money struct {
	Amount   decimal.Decimal `json:"amount"`
	Currency Currency        `json:"currency"`
}

// String returns the amount in plain notation, followed by the currency.
func (m Money) String() string { return m.Amount.String() + " " + string(m.Currency) }

// Snapshot is one complete, consistent read of an account.
type Snapshot struct {
	Account AccountID
	Epoch   Epoch
	// Time is when the broker's answer was complete.
	Time time.Time
	// Cursor is the place in the news of orders that this snapshot includes;
	// [OrderReader.Await] goes on from it.
	Cursor Cursor

	Base Currency
	Type AccountType
	// NetLiquidation is the broker's own valuation of the account, in Base. It
	// is always present: an account without it is an error.
	NetLiquidation decimal.Decimal
	// Cash is the traded cash by currency, negative for a debit.
	Cash map[Currency]decimal.Decimal
	// SettledCash is the part of Cash that is settled. Nil means: as Cash.
	SettledCash map[Currency]decimal.Decimal
	// AvailableFunds is the broker's own limit for new positions, in Base.
	AvailableFunds decimal.NullDecimal
	// FX holds the base units for one unit of each other currency in use.
	FX map[Currency]decimal.Decimal

	// Positions holds each instrument once; a quantity of zero is left out.
	Positions []Position
	// Orders holds every order that is open, whoever placed it.
	Orders []OrderState
}

// Position returns the quantity held of an instrument, zero if none.
func (s *Snapshot) Position(id InstrumentID) decimal.Decimal {
	for i := range s.Positions {
		if s.Positions[i].Instrument == id {
			return s.Positions[i].Quantity
		}
	}
	return decimal.Decimal{}
}

// Position is what an account holds of an instrument.
type Position struct {
	Instrument InstrumentID
	// Ref is the broker's permanent identity of the contract.
	Ref string
	// Kind is what is held. Only [Stock] is ever planned.
	Kind     InstrumentKind
	Currency Currency
	// Quantity is negative for a short position and never zero.
	Quantity decimal.Decimal
}
