package rebalance_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// telling is a plan with a bit of everything: a cover, sells, buys, conversions,
// skips, warnings.
func telling(t *testing.T) rebalance.Plan {
	t.Helper()
	in := twoStocks()
	in.Account.Cash = map[broker.Currency]decimal.Decimal{"USD": dec("1000"), "EUR": dec("9000")}
	in.FX = map[broker.Currency]decimal.Decimal{"EUR": dec("1.1")}
	in.Account.NetLiquidation = null("100900")
	hold(&in, "S", "-10.5", "30")
	hold(&in, "C", "0.4", "12.5")
	in.Instruments["B"] = rebalance.InstrumentTerms{Currency: "EUR", Lot: dec("1"), Tick: dec("0.05")}
	in.Account.NetLiquidation = null("102590")
	requote(&in, "B", func(q *rebalance.PlanQuote) { q.Bid = null("50.5") })
	in.Policy.Shorts, in.Policy.Currency = rebalance.ShortsCover, rebalance.CurrencyConvertFirst
	in.Policy.Slippage, in.Policy.Fee.Minimum = dec("0.005"), dec("1")
	in.Policy.Band.Relative, in.Policy.Reserve.Fraction = null("0.1"), dec("0.01")
	return planOf(t, in)
}

func updateGolden() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// goldenPlan compares with a file of testdata/plan, or writes it.
func goldenPlan(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "plan", name)
	if updateGolden() {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "make it with -update")
	require.Equal(t, string(want), string(got))
}

// TestStoredFormOfAPlan: plans of earlier releases must stay readable.
func TestStoredFormOfAPlan(t *testing.T) {
	p := telling(t)
	data := encoded(t, p)
	goldenPlan(t, "plan.json", data)
	decoded, err := rebalance.DecodePlan(data)
	require.NoError(t, err)
	require.Equal(t, string(data), string(encoded(t, decoded)))
	require.Equal(t, p.Explain(), decoded.Explain())
}

// TestPlanForPeople shows the texts.
func TestPlanForPeople(t *testing.T) {
	p := telling(t)
	goldenPlan(t, "explain.txt", []byte(p.Explain()))
	goldenPlan(t, "table.txt", []byte(p.Table()))
}

func TestEveryPlanSurvivesJSON(t *testing.T) {
	for seed := range uint64(2_000) {
		p := planOf(t, newGenerator(seed).input())
		data := encoded(t, p)
		decoded, err := rebalance.DecodePlan(data)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, string(data), string(encoded(t, decoded)), "seed %d", seed)
		require.Equal(t, p.Explain()+p.Table(), decoded.Explain()+decoded.Table(), "seed %d", seed)
	}
}

func TestDecodePlanIsStrict(t *testing.T) {
	good := string(encoded(t, telling(t)))
	for _, c := range []struct{ from, to, want string }{
		{`{"schema":1`, `{"schema":2`, "schema 2"},
		{`{"schema":1`, `{"schema":1,"more":1`, "unknown field"},
		{`{"schema":1`, `{"schema":1,"schema":1`, "duplicate key"},
		{`"outcome":"trade"`, `"outcome":"maybe"`, `outcome "maybe"`},
		{`"outcome":"trade"`, `"outcome":"rejected"`, "rejected with"},
		{`"side":"SELL"`, `"side":"HOLD"`, "orders["},
		{`"quantity":"`, `"quantity":"-`, "orders["},
		{`"equity":"`, `"equity":"1e900000000`, ""},
		{`"figures":{`, `"figures":{"mood":"1",`, `unknown figure "mood"`},
		{`"figures":{`, `"figures":{"fee":"x",`, ""},
		{`"hash":"`, `"hash":"xy`, "hash"},
		{`"reserve":"`, `"reserve":"x`, ""},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		require.NotEqual(t, good, bad, c.from)
		_, err := rebalance.DecodePlan([]byte(bad))
		require.ErrorContains(t, err, c.want, c.to)
	}
	bare := strings.Replace(good, `"projected_cash":"`, `"projected_cash":1,"x":"`, 1)
	_, err := rebalance.DecodePlan([]byte(bare))
	require.Error(t, err)
}

func FuzzDecodePlan(f *testing.F) {
	for seed := range uint64(20) {
		p, err := rebalance.NewPlanner().Plan(newGenerator(seed).input())
		require.NoError(f, err)
		data, err := rebalance.EncodePlan(p)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rebalance.DecodePlan(data)
		if err != nil {
			return
		}
		first := encoded(t, p)
		again, err := rebalance.DecodePlan(first)
		require.NoError(t, err)
		require.Equal(t, string(first), string(encoded(t, again)))
		_, _ = p.Explain(), p.Table() // must not panic
	})
}

// TestHashIsOverWhatCounts: the same plan of the same policy and targets has the
// same hash, however numbers are written, and everything else another.
func TestHashIsOverWhatCounts(t *testing.T) {
	in := twoStocks()
	first := planOf(t, in)
	require.Equal(t, "aeb0", first.Hash[:4], "the hash of this plan must never change")

	in.Targets = []rebalance.TargetWeight{{Symbol: "B", Weight: dec("0.40")}, {Symbol: "A", Weight: dec("6e-1")}}
	in.Policy.Substitutes, in.Policy.Exclude = []rebalance.Substitute{}, []broker.InstrumentID{}
	require.Equal(t, first.Hash, planOf(t, in).Hash)

	other := in
	other.Policy.Slippage = dec("0.001")
	require.NotEqual(t, first.Hash, planOf(t, other).Hash, "policy")
	other = in
	other.Account.Cash = map[broker.Currency]decimal.Decimal{"USD": dec("10001")}
	require.NotEqual(t, first.Hash, planOf(t, other).Hash, "equity")
	other = in
	other.Policy.Guards.MaxOrders = null("1")
	require.NotEqual(t, first.Hash, planOf(t, other).Hash, "outcome")
}
