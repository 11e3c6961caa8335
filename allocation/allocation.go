package allocation

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Schema is the version of the JSON form of [Allocation] that this release
// writes and reads.
const Schema = 1

// AllocationSource gives the targets of an account.
type AllocationSource interface {
	// Allocation returns the current targets. A strategy or account that the
	// source does not know is an error that matches [ErrUnknownStrategy].
	Allocation(ctx context.Context, query Query) (Allocation, error)
}

// Query says whose targets are wanted.
type Query struct {
	Account broker.AccountID
	// Strategy names the model that the account follows.
	Strategy string
}

// Allocation is one version of a strategy's targets.
type Allocation struct {
	Schema   int    `json:"schema"`
	Strategy string `json:"strategy"`
	// Version names this set of targets. A source that has none uses [Hash].
	Version string `json:"version"`
	// AsOf is when the targets were decided.
	AsOf    time.Time `json:"as_of"`
	Targets []Target  `json:"targets"`
}

// Target is the share that an instrument should have.
type Target struct {
	Symbol broker.InstrumentID `json:"symbol"`
	Weight decimal.Decimal     `json:"weight"`
}
