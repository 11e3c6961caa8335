package rebalance_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/rebalance"
)

// TestAnExtremePolicyOfAnEventOverdrawsNothing: each is allowed, and does what it says.
func TestAnExtremePolicyOfAnEventOverdrawsNothing(t *testing.T) {
	for _, c := range []struct {
		policy  string
		outcome rebalance.Outcome
		a, b    string
	}{
		{`{"reserve":{"fraction":"1"}}`, rebalance.Completed, "0", "0"},
		{`{"reserve":{"fraction":"0.99"}}`, rebalance.Completed, "6", "7"},
		{`{"exclude":["B"]}`, rebalance.Completed, "300", "500"},
		{`{"exclude":["A","B"]}`, rebalance.NoTrade, "1000", "500"},
		{`{"tradable_tiers":[]}`, rebalance.Failed, "1000", "500"},
		{`{"slippage":"0.9"}`, rebalance.Completed, "600", "510"},
		{`{"fee":{"minimum":"1000000"}}`, rebalance.NoTrade, "1000", "500"},
		{`{"mode":"raise_cash"}`, rebalance.Completed, "999", "500"},
		{`{"mode":"liquidate_all"}`, rebalance.Completed, "0", "0"},
		{`{"pending_withdrawals":"200000"}`, rebalance.Completed, "0", "0"},
	} {
		t.Run(c.policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				res := r.do(rebalance.Request{Account: account, Event: "e1", Arguments: rebalance.Arguments{Policy: []byte(c.policy)}})
				require.Equal(t, c.outcome, res.Outcome, "%s: %s", res.Reason, res.Detail)
				require.Equal(t, c.a, r.held("A"))
				require.Equal(t, c.b, r.held("B"))
				require.False(t, num(r.cash()).IsNegative(), "cash is %s", r.cash())
			})
		})
	}
}
