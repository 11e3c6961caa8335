package rebalance

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// TestHandWrittenJSONIsTheGeneralOne compares with types that lack the methods.
func TestHandWrittenJSONIsTheGeneralOne(t *testing.T) {
	type plainOrder OrderResult
	type plainHolding Holding
	type plainMemory memoryOfHolding
	type plainPlanned PlannedOrder
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	number := func() decimal.Decimal {
		return decimal.New(random.Int64N(2_000_000)-1_000_000, int32(random.IntN(24)-12)) //nolint:gosec // small
	}
	texts := []string{"", "A", "BRK B", `a "quoted" \ <b> & ü`, "line\nbreak", strings.Repeat("x", 300)}
	text := func() string { return texts[random.IntN(len(texts))] }
	for range 2000 {
		o := OrderResult{
			Symbol: broker.InstrumentID(text()), Side: broker.Sell, Ref: broker.OrderID(text()), Planned: number(), Sent: number(), Limit: number(),
			Why: Reason(text()), Filled: number(), AveragePrice: number(), Fees: number(), FeeCurrency: broker.Currency(text()), Code: text(), Reason: text(),
		}
		same(t, plainOrder(o), o)
		h := Holding{Symbol: "A", Quantity: number(), Price: number(), Value: number(), Weight: number(), Target: number()}
		same(t, plainHolding(h), h)
		p := PlannedOrder{Symbol: broker.InstrumentID(text()), Side: broker.Buy, Quantity: number(), Limit: number(), Reason: Reason(text())}
		same(t, plainPlanned(p), p)
		m := memoryOfHolding{Quantity: number(), Price: number()}
		same(t, plainMemory(m), m)
	}
}

func same(t *testing.T, plain, ours any) {
	t.Helper()
	want, err := json.Marshal(plain)
	require.NoError(t, err)
	got, err := json.Marshal(ours)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func FuzzAppendDecimal(f *testing.F) {
	f.Add(int64(-1500), int32(-3))
	f.Add(int64(5), int32(18))
	f.Fuzz(func(t *testing.T, c int64, exp int32) {
		d := decimal.New(c, exp%40)
		require.Equal(t, d.String(), string(appendDecimal(nil, d)))
	})
}
