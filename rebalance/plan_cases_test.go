package rebalance_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestPlanCases runs every case of testdata/plancases, and of the folder that the
// environment variable PLAN_CASES names. PLANNER.md describes the format.
func TestPlanCases(t *testing.T) {
	folders := []string{filepath.Join("testdata", "plancases")}
	if extra := os.Getenv("PLAN_CASES"); extra != "" {
		folders = append(folders, extra)
	}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, "no cases in %s", folder)
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				data, err := os.ReadFile(file)
				require.NoError(t, err)
				c, err := readCase(data)
				require.NoError(t, err, "the case itself is not in order")
				plan := c.run(t)
				if diff := c.Expect.diff(&plan); diff != "" {
					require.Fail(t, "the plan is not what the case expects", "%s\n%s%s", diff, plan.Explain(), plan.Table())
				}
			})
		}
	}
}

// run plans the case.
func (c *planCase) run(t *testing.T) rebalance.Plan {
	t.Helper()
	planner := rebalance.NewPlanner()
	plan, err := planner.Plan, error(nil)
	if c.Entry == "fund_buys" {
		plan = planner.FundBuys
	}
	p, err := plan(c.input())
	require.NoError(t, err)
	return p
}

// planCase is a case as it stands in a file.
type planCase struct {
	Name    string `json:"name"`
	Entry   string `json:"entry"`
	Account struct {
		Base           broker.Currency                 `json:"base"`
		Type           broker.AccountType              `json:"type"`
		NetLiquidation *caseNumber                     `json:"net_liquidation"`
		Cash           map[broker.Currency]caseNumber  `json:"cash"`
		SettledCash    *map[broker.Currency]caseNumber `json:"settled_cash"`
		AvailableFunds *caseNumber                     `json:"available_funds"`
		Positions      []struct {
			Symbol   broker.InstrumentID `json:"symbol"`
			Quantity caseNumber          `json:"quantity"`
			Previous *caseNumber         `json:"previous_quantity"`
		} `json:"positions"`
		OpenOrders []struct {
			Symbol    broker.InstrumentID `json:"symbol"`
			Side      broker.Side         `json:"side"`
			Remaining caseNumber          `json:"remaining"`
		} `json:"open_orders"`
	} `json:"account"`
	Instruments map[broker.InstrumentID]struct {
		Currency *broker.Currency `json:"currency"`
		Lot      *caseNumber      `json:"lot"`
		Tick     *caseNumber      `json:"tick"`
	} `json:"instruments"`
	Quotes map[broker.InstrumentID]struct {
		Bid      *caseNumber     `json:"bid"`
		Ask      *caseNumber     `json:"ask"`
		Last     *caseNumber     `json:"last"`
		Close    *caseNumber     `json:"close"`
		Tier     marketdata.Tier `json:"tier"`
		Age      *caseNumber     `json:"age_seconds"`
		Previous *caseNumber     `json:"previous_price"`
	} `json:"quotes"`
	FX              map[broker.Currency]caseNumber `json:"fx"`
	Targets         []caseTarget                   `json:"targets"`
	PreviousTargets []caseTarget                   `json:"previous_targets"`
	Policy          json.RawMessage                `json:"policy"`
	Planned         []struct {
		Symbol   broker.InstrumentID `json:"symbol"`
		Quantity caseNumber          `json:"quantity"`
	} `json:"planned"`
	Sold          []broker.InstrumentID `json:"sold"`
	PlannedEquity *caseNumber           `json:"planned_equity"`
	Expect        caseExpect            `json:"expect"`

	policy rebalance.Policy
}

type caseTarget struct {
	Symbol broker.InstrumentID `json:"symbol"`
	Weight caseNumber          `json:"weight"`
}

// unparsable stands for a text that is no number: it is beyond the limits of the
// planner, which has to refuse it.
var unparsable = decimal.New(1, 999)

// caseNumber is a number in a case: a string.
type caseNumber struct{ decimal.Decimal }

func (n *caseNumber) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil || s == nil {
		return fmt.Errorf("%s: want a number as a string", data)
	}
	var err error
	if n.Decimal, err = rebalance.ParseNumber(*s); err != nil {
		n.Decimal = unparsable
	}
	return nil
}

func (n *caseNumber) null() decimal.NullDecimal {
	if n == nil {
		return decimal.NullDecimal{}
	}
	return decimal.NewNullDecimal(n.Decimal)
}

// readCase reads a case strictly.
func readCase(data []byte) (*planCase, error) {
	var c planCase
	if err := strictjson.Decode(data, 1<<20, &c); err != nil {
		return nil, err
	}
	if c.Entry != "plan" && c.Entry != "fund_buys" {
		return nil, fmt.Errorf("entry %q: want plan or fund_buys", c.Entry)
	}
	if c.Expect.Outcome == "" {
		return nil, errors.New("expect.outcome is missing")
	}
	if len(c.Policy) == 0 {
		c.Policy = []byte("{}")
	}
	c.Account.Base = cmp.Or(c.Account.Base, "USD")
	c.Account.Type = cmp.Or(c.Account.Type, broker.Margin)
	var err error
	c.policy, err = rebalance.DecodePolicy(c.Policy)
	if errors.Is(err, rebalance.ErrInvalidNumber) {
		c.policy = rebalance.DefaultPolicy()
		c.policy.Slippage = unparsable
		err = nil
	}
	return &c, err
}

// input is what the case gives to the planner, with the defaults of instruments.
func (c *planCase) input() rebalance.Input {
	a := &c.Account
	in := rebalance.Input{
		Account: rebalance.AccountState{
			Base: a.Base, Type: a.Type, NetLiquidation: a.NetLiquidation.null(), AvailableFunds: a.AvailableFunds.null(),
			Cash: numbers(a.Cash),
		},
		Instruments: map[broker.InstrumentID]rebalance.InstrumentTerms{},
		Quotes:      map[broker.InstrumentID]rebalance.PlanQuote{},
		FX:          numbers(c.FX), Targets: targets(c.Targets), Previous: targets(c.PreviousTargets),
		Policy: c.policy, Sold: c.Sold, PlannedEquity: c.PlannedEquity.null(),
	}
	if a.SettledCash != nil {
		in.Account.SettledCash = numbers(*a.SettledCash)
	}
	for _, p := range a.Positions {
		in.Account.Positions = append(in.Account.Positions,
			rebalance.PositionState{Symbol: p.Symbol, Quantity: p.Quantity.Decimal, Previous: p.Previous.null()})
	}
	for _, o := range a.OpenOrders {
		in.Account.OpenOrders = append(in.Account.OpenOrders,
			rebalance.OpenOrder{Symbol: o.Symbol, Side: o.Side, Remaining: o.Remaining.Decimal})
	}
	for symbol, i := range c.Instruments {
		terms := rebalance.InstrumentTerms{Currency: "USD", Lot: decimal.New(1, 0), Tick: decimal.New(1, -2)}
		if i.Currency != nil {
			terms.Currency = *i.Currency
		}
		if i.Lot != nil {
			terms.Lot = i.Lot.Decimal
		}
		if i.Tick != nil {
			terms.Tick = i.Tick.Decimal
		}
		in.Instruments[symbol] = terms
	}
	for symbol, q := range c.Quotes {
		in.Quotes[symbol] = rebalance.PlanQuote{
			Bid: q.Bid.null(), Ask: q.Ask.null(), Last: q.Last.null(), Close: q.Close.null(),
			Tier: q.Tier, Age: q.Age.null(), Previous: q.Previous.null(),
		}
	}
	for _, p := range c.Planned {
		in.Planned = append(in.Planned, rebalance.PlannedBuy{Symbol: p.Symbol, Quantity: p.Quantity.Decimal})
	}
	return in
}

func numbers(m map[broker.Currency]caseNumber) map[broker.Currency]decimal.Decimal {
	decimals := make(map[broker.Currency]decimal.Decimal, len(m))
	for currency, n := range m {
		decimals[currency] = n.Decimal
	}
	return decimals
}

func targets(list []caseTarget) []rebalance.TargetWeight {
	if list == nil {
		return nil
	}
	weights := make([]rebalance.TargetWeight, len(list))
	for i, t := range list {
		weights[i] = rebalance.TargetWeight{Symbol: t.Symbol, Weight: t.Weight.Decimal}
	}
	return weights
}

// caseExpect is what a case expects; what it leaves out may be anything.
type caseExpect struct {
	Outcome rebalance.PlanOutcome `json:"outcome"`
	Reason  *rebalance.Reason     `json:"reason"`
	Orders  *[]struct {
		Symbol   broker.InstrumentID `json:"symbol"`
		Side     broker.Side         `json:"side"`
		Quantity caseNumber          `json:"quantity"`
		Limit    *caseNumber         `json:"limit"`
		Reason   *rebalance.Reason   `json:"reason"`
	} `json:"orders"`
	Conversions *[]struct {
		From   broker.Currency `json:"from"`
		To     broker.Currency `json:"to"`
		Amount caseNumber      `json:"amount"`
	} `json:"conversions"`
	Skipped       *[]rebalance.Skip `json:"skipped"`
	Warnings      *[]string         `json:"warnings"`
	ProjectedCash *caseNumber       `json:"projected_cash"`
	Equity        *caseNumber       `json:"equity"`
	Excluded      *caseNumber       `json:"excluded"`
	Reserve       *caseNumber       `json:"reserve"`
	Investable    *caseNumber       `json:"investable"`
}

// diff says where the plan differs, a line each, or nothing.
func (e *caseExpect) diff(p *rebalance.Plan) string {
	var b strings.Builder
	line := func(what, want, got string) {
		if want != got {
			fmt.Fprintf(&b, "%-16s expected %-28s got %s\n", what, want, got)
		}
	}
	number := func(what string, want *caseNumber, got decimal.Decimal) {
		if want != nil && !want.Equal(got) {
			line(what, want.String(), got.String())
		}
	}
	line("outcome", string(e.Outcome), string(p.Outcome))
	if e.Reason != nil {
		line("reason", string(*e.Reason), string(p.Reason))
	}
	e.diffOrders(p, line)
	if e.Conversions != nil {
		var want, got []string
		for _, c := range *e.Conversions {
			want = append(want, fmt.Sprintf("%s→%s %s", c.From, c.To, plain(c.Amount.Decimal)))
		}
		for _, c := range p.Conversions {
			got = append(got, fmt.Sprintf("%s→%s %s", c.From, c.To, plain(c.Amount)))
		}
		lists("conversion", want, got, line)
	}
	if e.Skipped != nil {
		lists("skipped", sortedSkips(*e.Skipped), sortedSkips(p.Skipped), line)
	}
	if e.Warnings != nil {
		lists("warning", sorted(*e.Warnings), sorted(p.Warnings), line)
	}
	number("projected_cash", e.ProjectedCash, p.ProjectedCash)
	number("equity", e.Equity, p.Equity)
	number("excluded", e.Excluded, p.Excluded)
	number("reserve", e.Reserve, p.Reserve)
	number("investable", e.Investable, p.Investable)
	return b.String()
}

func (e *caseExpect) diffOrders(p *rebalance.Plan, line func(what, want, got string)) {
	if e.Orders == nil {
		return
	}
	var want, got []string
	for i, o := range *e.Orders {
		w := fmt.Sprintf("%s %s %s", o.Side, o.Symbol, plain(o.Quantity.Decimal))
		g := ""
		if i < len(p.Orders) {
			g = fmt.Sprintf("%s %s %s", p.Orders[i].Side, p.Orders[i].Symbol, plain(p.Orders[i].Quantity))
		}
		if o.Limit != nil {
			w += " at " + plain(o.Limit.Decimal)
			if g != "" {
				g += " at " + plain(p.Orders[i].Limit)
			}
		}
		if o.Reason != nil {
			w += " for " + string(*o.Reason)
			if g != "" {
				g += " for " + string(p.Orders[i].Reason)
			}
		}
		want, got = append(want, w), append(got, g)
	}
	for i := len(want); i < len(p.Orders); i++ {
		got = append(got, fmt.Sprintf("%s %s %s", p.Orders[i].Side, p.Orders[i].Symbol, plain(p.Orders[i].Quantity)))
	}
	lists("order", want, got, line)
}
