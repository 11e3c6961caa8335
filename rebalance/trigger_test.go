package rebalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

// automatic runs an event that a schedule made.
func (r *rig) automatic(event string) *rebalance.Result {
	r.t.Helper()
	return r.do(rebalance.Request{Account: account, Event: event, Arguments: rebalance.Arguments{Automatic: true}})
}

// drift makes A worth more, so that there is something to do.
func (r *rig) drift(price string) {
	r.t.Helper()
	require.NoError(r.t, r.broker.SetQuote("A", num(price), num(price)))
}

// triggered is a rig with a trigger.
func triggered(t *testing.T, trigger rebalance.Trigger) *rig {
	return newRig(t, func(_ *fake.Config, cfg *rebalance.Config) { cfg.Accounts[0].Trigger = &trigger })
}

func TestAtMostOneAutomaticRunADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		require.Equal(t, rebalance.Completed, r.automatic("e1").Outcome)
		r.drift("60")
		res := r.automatic("e2")
		require.Equal(t, rebalance.NoTrade, res.Outcome)
		require.Equal(t, rebalance.ReasonNotDue, res.Reason)
		require.Equal(t, rebalance.Completed, r.run("e3").Outcome, "an operator's event is not automatic")
		r.drift("70")
		time.Sleep(24 * time.Hour)
		require.Equal(t, rebalance.Completed, r.automatic("e4").Outcome)
	})
}

func TestTheCalendarServesEachPeriodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // 2000-01-01 00:00 UTC is 1999-12-31 19:00 in New York
		r := triggered(t, rebalance.Trigger{Calendar: rebalance.Monthly})
		require.Equal(t, rebalance.Completed, r.automatic("e1").Outcome, "December")
		r.drift("60")
		time.Sleep(4 * time.Hour)
		require.Equal(t, rebalance.ReasonNotDue, r.automatic("e2").Reason, "still December there")
		time.Sleep(2 * time.Hour)
		require.Equal(t, rebalance.Completed, r.automatic("e3").Outcome, "January")
		r.drift("70")
		time.Sleep(20 * 24 * time.Hour)
		require.Equal(t, rebalance.ReasonNotDue, r.automatic("e4").Reason)
		time.Sleep(11 * 24 * time.Hour)
		require.Equal(t, rebalance.Completed, r.automatic("e5").Outcome, "February")
	})
}

func TestPeriods(t *testing.T) {
	for _, tc := range []struct {
		period rebalance.Period
		days   []int // after 2000-01-01 (a Saturday) at noon in New York, on which it must be due
		quiet  []int
	}{
		{rebalance.Weekly, []int{2, 9}, []int{1, 3, 8}},
		{rebalance.Quarterly, []int{91, 182}, []int{30, 90, 120}},
		{rebalance.Annually, []int{366}, []int{100, 365}},
	} {
		t.Run(string(tc.period), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(17 * time.Hour)
				r := triggered(t, rebalance.Trigger{Calendar: tc.period})
				require.Equal(t, rebalance.Completed, r.automatic("first").Outcome)
				began, price := time.Now(), 50
				names := counter("e")
				for day := 1; day <= 366; day++ {
					time.Sleep(time.Until(began.Add(time.Duration(day) * 24 * time.Hour)))
					due, quiet := contains(tc.days, day), contains(tc.quiet, day)
					if !due && !quiet {
						continue
					}
					price++
					r.drift(decimal.NewFromInt(int64(price)).String())
					res := r.automatic(names())
					require.Equal(t, due, res.Outcome == rebalance.Completed, "day %d: %s %s", day, res.Outcome, res.Detail)
				}
			})
		})
	}
}

func contains(days []int, day int) bool {
	for _, d := range days {
		if d == day {
			return true
		}
	}
	return false
}

func TestDriftMakesARunDue(t *testing.T) {
	for name, trigger := range map[string]rebalance.Trigger{
		"absolute": {DriftAbsolute: decimal.NewNullDecimal(num("0.05"))},
		"relative": {DriftRelative: decimal.NewNullDecimal(num("0.20"))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := triggered(t, trigger)
				require.Equal(t, rebalance.Completed, r.automatic("e1").Outcome)
				time.Sleep(24 * time.Hour)
				r.drift("55")
				res := r.automatic("e2")
				require.Equal(t, rebalance.ReasonNotDue, res.Reason, res.Detail)
				require.Contains(t, res.Detail, "B is furthest off")
				r.drift("75")
				require.Equal(t, rebalance.Completed, r.automatic("e3").Outcome)
			})
		})
	}
}

func TestCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := triggered(t, rebalance.Trigger{CooldownDays: 5})
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		r.drift("60")
		time.Sleep(4 * 24 * time.Hour)
		res := r.automatic("e2")
		require.Equal(t, rebalance.ReasonNotDue, res.Reason)
		require.Contains(t, res.Detail, "cooldown is 5 days")
		time.Sleep(24 * time.Hour)
		require.Equal(t, rebalance.Completed, r.automatic("e3").Outcome)
	})
}
