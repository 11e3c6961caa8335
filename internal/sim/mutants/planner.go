package mutants

// planner are bugs of the trade list.
func planner() []Mutant {
	return []Mutant{
		{
			Name: "the reserve is a part of the cash", File: "rebalance/plan_base.go",
			Old: "d.rules.reserveFraction.mul(d.equity)", New: "d.rules.reserveFraction.mul(d.equity).mul(d.rules.reserveFraction)",
		},
		{
			Name: "the turnover is not guarded", File: "rebalance/plan_guards.go",
			Old: "r.maxTurnover.mul(d.equity).less(turnover):", New: "turnover.sign() < 0:",
		},
	}
}
