package rebalance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestDefaultPolicyIsInOrder(t *testing.T) {
	p := rebalance.DefaultPolicy()
	require.NoError(t, p.Check())
	decoded, err := rebalance.DecodePolicy([]byte("{}"))
	require.NoError(t, err)
	require.Equal(t, p, decoded)
}

func TestPolicyCheckNamesEveryFault(t *testing.T) {
	var p rebalance.Policy
	p.Slippage = dec("1.5")
	p.Reserve.Amount = dec("-1")
	p.Band.Absolute = null("2")
	p.Band.Relative = null("2") // that is allowed
	p.Fee.Minimum = dec("-0.5")
	p.Restrictions = map[broker.InstrumentID]rebalance.Restriction{"A": "never"}
	p.Substitutes = []rebalance.Substitute{{From: "A", To: "b", Scale: dec("-1")}, {From: "B", To: "C", Scale: dec("1")}, {From: "a", To: "D", Scale: dec("1")}}
	p.Equivalents = []rebalance.Equivalent{{Primary: "X", Alternates: []broker.InstrumentID{"Y"}, Sell: "all"}, {Primary: "y"}}
	err := p.Check()
	require.Error(t, err)
	for _, want := range []string{
		"slippage is 1.5", "reserve.amount is -1", "band.absolute is 2", "fee.minimum is -0.5",
		`mode is "": want full_rebalance, invest_cash, raise_cash or liquidate_all`, `scope is ""`, `shorts is ""`,
		`a restriction is "never"`, "substitutes[0].scale is -1", `substitutes[0].to is "b"`, `substitutes[2].from is "a"`,
		`sell of equivalents is "all"`, `equivalents[1] has "Y"`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "band.relative")

	p = rebalance.DefaultPolicy()
	p.RaiseAmount = decimal.New(1, 1_000_000)
	require.ErrorContains(t, p.Check(), "raise_amount is 1e1000000: want at most 40 digits")
}

func TestDecodePolicyIsStrict(t *testing.T) {
	for data, want := range map[string]string{
		`{"slipage":"0"}`:                    `unknown field "slipage"`,
		`{"fee":{"min":"0"}}`:                `unknown field "fee.min"`,
		`{"slippage":"0","Slippage":"0"}`:    `duplicate key "Slippage"`,
		`{"slippage":0}`:                     "slippage is 0: want a number as a string",
		`{"slippage":null}`:                  "slippage is null",
		`{"slippage":"1e19"}`:                "slippage: ",
		`{"band":{"absolute":"NaN"}}`:        "band.absolute: ",
		`{"substitutes":[{"scale":"x"}]}`:    "substitutes[0].scale: ",
		`{"substitutes":[{"form":"x"}]}`:     `unknown field "substitutes[0].form"`,
		`{"force":"yes"}`:                    "force is \"yes\"",
		`{"mode":7}`:                         "mode is 7: want a string",
		`{"mode":null}`:                      "mode is null: leave it out",
		`{"exclude":["A",1]}`:                "exclude is [\"A\",1]: want a list of strings",
		`{"reserve":[]}`:                     "reserve is []: want an object",
		`{"reserve":null}`:                   "reserve is null",
		`[]`:                                 "it is []",
		`{} {}`:                              "rebalance: policy: ",
		`{"mode":"full_rebalance"`:           "input ends",
		`{"slippage":"x","fee":{"min":"0"}}`: "unknown field",
	} {
		_, err := rebalance.DecodePolicy([]byte(data))
		require.ErrorContains(t, err, want, data)
	}
	_, err := rebalance.DecodePolicy([]byte(`{"slippage":"x","raise_amount":"--1"}`))
	require.ErrorIs(t, err, rebalance.ErrInvalidNumber)
	require.ErrorContains(t, err, "slippage")
	require.ErrorContains(t, err, "raise_amount")
	_, err = rebalance.DecodePolicy([]byte(`{"slippage":"x","mode":1}`))
	require.NotErrorIs(t, err, rebalance.ErrInvalidNumber)
	_, err = rebalance.DecodePolicy([]byte(strings.Repeat(" ", 2<<20)))
	require.Error(t, err)
}

func TestPolicyOverridesWhatItNames(t *testing.T) {
	p := rebalance.DefaultPolicy()
	p.Reserve = rebalance.Reserve{Amount: dec("5"), Fraction: dec("0.1")}
	p.Exclude = []broker.InstrumentID{"A"}
	p.Restrictions = map[broker.InstrumentID]rebalance.Restriction{"A": rebalance.DoNotBuy}
	changed, err := p.Override([]byte(`{"reserve":{"amount":"7"},"exclude":["B"],"corporate_action":"off","restrictions":{"B":"do_not_sell"}}`))
	require.NoError(t, err)
	require.Equal(t, "7", changed.Reserve.Amount.String())
	require.Equal(t, "0.1", changed.Reserve.Fraction.String(), "what is not named stays")
	require.Equal(t, []broker.InstrumentID{"B"}, changed.Exclude)
	require.Equal(t, map[broker.InstrumentID]rebalance.Restriction{"B": rebalance.DoNotSell}, changed.Restrictions)
	require.Equal(t, rebalance.CorporateActionOff, changed.CorporateAction)
	require.Equal(t, []broker.InstrumentID{"A"}, p.Exclude, "the original is not touched")
	require.Equal(t, rebalance.Restriction("do_not_buy"), p.Restrictions["A"])
}

func TestPolicySurvivesJSON(t *testing.T) {
	for seed := range uint64(500) {
		p := newGenerator(seed).input().Policy
		data, err := json.Marshal(p)
		require.NoError(t, err)
		decoded, err := rebalance.DecodePolicy(data)
		require.NoError(t, err, "%s", data)
		again, err := json.Marshal(decoded)
		require.NoError(t, err)
		require.JSONEq(t, string(data), string(again))
	}
}

func FuzzDecodePolicy(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"mode":"raise_cash","band":{"absolute":"0.05","relative":null},"equivalents":[{"primary":"A","alternates":["B"]}]}`))
	f.Add([]byte(`{"substitutes":[{"from":"A","to":"B","scale":"1e18"}],"exclude":["C"],"restrictions":{"D":"do_not_buy"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rebalance.DecodePolicy(data)
		if err != nil {
			return
		}
		_ = p.Check() // must not panic
		again, err := json.Marshal(p)
		require.NoError(t, err)
		_, err = rebalance.DecodePolicy(again)
		require.NoError(t, err, "%s", again)
	})
}
