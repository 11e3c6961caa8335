package broker

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// InstrumentID is a symbol as targets, positions and orders name it: trimmed,
// in upper case, without white space inside. Make one with [ParseInstrumentID].
type InstrumentID string

// maxSymbol is the longest symbol accepted, in bytes.
const maxSymbol = 32

// ParseInstrumentID trims and upper-cases a symbol once and checks it: 1 to 32
// printable ASCII characters without white space, quotes or a comma.
func ParseInstrumentID(s string) (InstrumentID, error) {
	t := strings.TrimSpace(s)
	if t == "" {
		return "", fmt.Errorf("broker: symbol %q is empty: give a ticker such as %q", s, "AAPL")
	}
	if len(t) > maxSymbol {
		return "", fmt.Errorf("broker: symbol %.40q is longer than %d characters", s, maxSymbol)
	}
	for _, c := range []byte(t) {
		if c <= ' ' || c > '~' || c == '"' || c == '\'' || c == ',' {
			return "", fmt.Errorf("broker: symbol %q contains %q: only printable ASCII without spaces, quotes and commas", s, c)
		}
	}
	return InstrumentID(strings.ToUpper(t)), nil // only now: other letters have upper cases in ASCII
}

// InstrumentKind is the kind of contract behind a symbol.
type InstrumentKind string

// The kinds. Only a stock (which includes exchange traded funds) is planned;
// everything else in an account is named, valued by the broker and left alone.
const (
	Stock InstrumentKind = "stock"
	Other InstrumentKind = "other"
)

// Instrument is the one contract that a symbol means at a broker.
type Instrument struct {
	ID InstrumentID
	// Ref is the broker's permanent identity of the contract (IBKR: conId).
	Ref      string
	Name     string
	Kind     InstrumentKind
	Currency Currency
	Exchange string
	// Zone is the exchange's IANA time zone.
	Zone string
	// Lot is the smallest quantity and the step of quantities, > 0.
	Lot decimal.Decimal
	// Tick is the step of limit prices, > 0.
	Tick decimal.Decimal
}
