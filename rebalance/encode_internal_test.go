package rebalance

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// dice makes random values, odd ones among them.
type dice struct{ *rand.Rand }

func (d dice) number() decimal.Decimal {
	return decimal.New(d.Int64N(2_000_000)-1_000_000, int32(d.IntN(24)-12)) //nolint:gosec // small
}

func (d dice) text() string {
	texts := [...]string{"", "A", "BRK B", `a "quoted" \ <b> & ü`, "line\nbreak", strings.Repeat("x", 300)}
	return texts[d.IntN(len(texts))]
}

func (d dice) instant() time.Time {
	if d.IntN(3) == 0 {
		return time.Time{}
	}
	return time.Unix(d.Int64N(4e9), d.Int64N(1e9)).UTC()
}

// some makes up to three items.
func some[T any](d dice, one func() T) (items []T) {
	for range d.IntN(4) {
		items = append(items, one())
	}
	return items
}

func (d dice) picture() *Picture {
	if d.IntN(3) == 0 {
		return nil
	}
	return &Picture{
		Time: d.instant(), Base: "USD", Equity: d.number(), Cash: d.number(), Reserve: d.number(), Drift: d.number(),
		Holdings: some(d, func() Holding {
			return Holding{Symbol: broker.InstrumentID(d.text()), Quantity: d.number(), Price: d.number(), Value: d.number(), Weight: d.number(), Target: d.number()}
		}),
	}
}

func (d dice) skip() Skip {
	return Skip{Symbol: broker.InstrumentID(d.text()), Reason: Reason(d.text())}
}

func (d dice) result() *Result {
	r := &Result{
		Schema: ResultSchema, Account: broker.AccountID(d.text()), Event: d.text(), Run: journal.RunID(d.text()), Command: CommandRebalance,
		Strategy: d.text(), Allocation: d.text(), PlanHash: d.text(), Outcome: Completed, Reason: Reason(d.text()), Detail: d.text(), Until: d.instant(),
		Orders: some(d, func() OrderResult {
			return OrderResult{
				Symbol: broker.InstrumentID(d.text()), Side: broker.Sell, Ref: broker.OrderID(d.text()), Planned: d.number(), Sent: d.number(),
				Limit: d.number(), Why: Reason(d.text()), Outcome: journal.Filled, Filled: d.number(), AveragePrice: d.number(), Fees: d.number(),
				FeeCurrency: broker.Currency(d.text()), Code: d.text(), Reason: d.text(),
			}
		}),
		Residual: some(d, func() Residual { return Residual{Symbol: "A", Side: broker.Buy, Quantity: d.number()} }),
		Skipped:  some(d, d.skip), Warnings: some(d, d.text), Before: d.picture(), After: d.picture(),
		Started: d.instant(), Finished: d.instant(),
	}
	if d.IntN(2) == 0 {
		r.Costs = &Costs{ExpectedFees: d.number(), Traded: d.number(), Fees: d.number(), Shortfall: d.number(), ExpectedShortfall: d.number()}
	}
	if d.IntN(2) == 0 {
		r.Findings = []Finding{{Ref: "r", Symbol: "A", Filled: d.number()}}
		r.Health = &Report{Time: d.instant()}
		p := d.plan()
		r.Plan, r.Snapshot = &p, &SnapshotView{Time: d.instant(), Cash: []broker.Money{{Currency: "USD", Amount: d.number()}}}
		r.Differences = []Difference{{Symbol: "A", Expected: d.number(), Found: d.number()}}
	}
	return r
}

func (d dice) plan() Plan {
	p := Plan{
		Schema: PlanSchema, Outcome: PlanTrade, Reason: Reason(d.text()), Detail: d.text(),
		Orders: some(d, func() PlannedOrder {
			return PlannedOrder{Symbol: broker.InstrumentID(d.text()), Side: broker.Buy, Quantity: d.number(), Limit: d.number(), Reason: Reason(d.text())}
		}),
		Skipped: some(d, d.skip), Warnings: some(d, d.text),
		Equity: d.number(), Excluded: d.number(), Reserve: d.number(), Investable: d.number(), ProjectedCash: d.number(), Hash: d.text(),
	}
	if d.IntN(4) == 0 {
		p.Lines = []PlanLine{{Symbol: "A", Value: d.number()}}
	}
	return p
}

func (d dice) amounts() map[broker.InstrumentID]decimal.Decimal {
	if d.IntN(4) == 0 {
		return nil
	}
	m := map[broker.InstrumentID]decimal.Decimal{}
	for range d.IntN(4) {
		m[broker.InstrumentID(d.text())] = d.number()
	}
	return m
}

// TestHandWrittenJSONIsTheGeneralOne compares with what encoding/json makes of
// the same values, to the byte.
func TestHandWrittenJSONIsTheGeneralOne(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(1, 2))} //nolint:gosec // a test
	used := map[string]bool{}
	for range 3000 {
		r := d.result()
		got, err := EncodeResult(r)
		require.NoError(t, err)
		require.Equal(t, general(t, r), string(got))

		f := frozenPlan{Plan: d.plan(), Held: d.amounts(), Traded: d.instant(), Before: d.picture(), Liquidation: d.number()}
		for c, amount := range d.amounts() {
			if f.Cash == nil {
				f.Cash = map[broker.Currency]decimal.Decimal{}
			}
			f.Cash[broker.Currency(c)] = amount
		}
		f.Differences = some(d, func() Difference {
			return Difference{Symbol: broker.InstrumentID(d.text()), Expected: d.number(), Found: d.number()}
		})
		if f.Before == nil {
			f.Before = &Picture{}
		}
		got, err = f.encode()
		require.NoError(t, err)
		require.Equal(t, general(t, &f), string(got))

		m := memory{
			Schema: memorySchema, Traded: d.instant(), Automatic: d.instant(), Calendar: d.instant(), Strategy: d.text(), Version: d.text(), AsOf: d.instant(), Looked: d.instant(),
			Targets: some(d, func() allocation.Target { return allocation.Target{Symbol: "A", Weight: d.number()} }),
		}
		if d.IntN(2) == 0 {
			m.Today = &dayCount{Day: d.text(), Orders: d.IntN(9), Turnover: d.number()}
		}
		m.Late = some(d, func() settledFill {
			return settledFill{Symbol: broker.InstrumentID(d.text()), Expected: d.number(), Ordered: d.instant(), Settled: d.instant()}
		})
		m.Doubts = some(d, func() doubt { return doubt{Symbol: broker.InstrumentID(d.text()), Time: d.instant()} })
		for id, q := range d.amounts() {
			if m.Seen == nil {
				m.Seen = map[broker.InstrumentID]memoryOfHolding{}
			}
			m.Seen[id] = memoryOfHolding{Quantity: q, Price: d.number()}
		}
		require.Equal(t, general(t, &m), string(m.encode()))
		noteFields(used, *r, f, m)
	}
	for name, was := range used {
		require.True(t, was, "no value had %s: a field that the hand-written form may forget", name)
	}
}

// noteFields notes which exported fields of some structs were ever set.
func noteFields(used map[string]bool, structs ...any) {
	for _, s := range structs {
		v := reflect.ValueOf(s)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				name := v.Type().Name() + "." + f.Name
				used[name] = used[name] || !v.Field(i).IsZero()
			}
		}
	}
}

func general(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

func FuzzAppendDecimal(f *testing.F) {
	f.Add(int64(-1500), int32(-3))
	f.Add(int64(5), int32(18))
	f.Fuzz(func(t *testing.T, c int64, exp int32) {
		d := decimal.New(c, exp%40)
		require.Equal(t, `"`+d.String()+`"`, string(object(nil).amount(d)))
	})
}
