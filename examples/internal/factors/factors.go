// Package factors holds real daily closing prices of five US factor ETFs, for the
// examples that trade on bundled prices. DATA.md says where they come from.
package factors

import (
	"bytes"
	_ "embed"

	"github.com/evenkeel/evenkeel/marketdata"
)

//go:embed prices.csv
var prices []byte

// History returns the prices.
func History() (*marketdata.History, error) {
	return marketdata.ReadHistory(bytes.NewReader(prices), nil)
}
