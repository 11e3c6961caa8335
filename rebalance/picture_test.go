package rebalance_test

import (
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
)

// TestAPictureThatCannotBeTrueTradesNothing: the broker's snapshot lacks something, or
// has it twice.
func TestAPictureThatCannotBeTrueTradesNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    func(*broker.Snapshot)
		outcome rebalance.Outcome
		reason  rebalance.Reason
	}{
		{"a position in two halves", halved, rebalance.Rejected, rebalance.ReasonDuplicateSymbol},
		{"a position twice", twice, rebalance.Rejected, rebalance.ReasonDuplicateSymbol},
		{"a position less", less, rebalance.Failed, rebalance.ReasonNLVMismatch},
		{"no position", func(s *broker.Snapshot) { s.Positions = nil }, rebalance.Failed, rebalance.ReasonNLVMismatch},
		{"no cash", func(s *broker.Snapshot) { s.Cash = nil }, rebalance.Failed, rebalance.ReasonNLVMismatch},
		{"another account", func(s *broker.Snapshot) { s.Account = "U2" }, rebalance.Failed, rebalance.ReasonDependency},
		{"no equity", func(s *broker.Snapshot) { s.NetLiquidation = decimal.Zero }, rebalance.Failed, rebalance.ReasonNetLiquidationMissing},
		{"less than no equity", func(s *broker.Snapshot) { s.NetLiquidation = num("-5") }, rebalance.Failed, rebalance.ReasonNetLiquidationMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				r.with(func(cfg *rebalance.Config) { cfg.Broker = edited{Broker: r.broker, snapshot: c.edit} })
				res := r.run("e1")
				require.Equal(t, c.outcome, res.Outcome, res.Detail)
				require.Equal(t, c.reason, res.Reason, res.Detail)
				require.Zero(t, r.sent())
			})
		})
	}
}

// halved shows the first position in two parts.
func halved(s *broker.Snapshot) {
	half, _ := broker.Quo(s.Positions[0].Quantity, num("2"), 0) // of a divisor that is not zero
	s.Positions[0].Quantity = half
	twice(s)
}

func twice(s *broker.Snapshot) { s.Positions = append(s.Positions, s.Positions[0]) }

func less(s *broker.Snapshot) { s.Positions = s.Positions[1:] }

// TestAPictureThatGoesBadAfterThePlanBuysNothing: the look between the sale and the buy
// is the first that cannot be true.
func TestAPictureThatGoesBadAfterThePlanBuysNothing(t *testing.T) {
	for name, edit := range map[string]func(*broker.Snapshot){"a position twice": twice, "a position less": less} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				looks := 0
				r.with(func(cfg *rebalance.Config) {
					cfg.Broker = edited{Broker: r.broker, snapshot: func(s *broker.Snapshot) {
						if looks++; looks > 1 {
							edit(s)
						}
					}}
				})
				res := r.run("e1")
				require.Equal(t, rebalance.Blocked, res.Outcome, res.Detail)
				require.Equal(t, "600", r.held("A"))
				require.Equal(t, "500", r.held("B"))
			})
		})
	}
}
