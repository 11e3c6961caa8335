package sim

// Regression is a world that once broke a promise.
type Regression struct {
	Name  string
	World Options
}

// Regressions are all of them. A world follows from its seed and from the code
// that builds it, so after a change of the simulator an old seed is another
// world: the story of each bug is told by a test beside the code that was wrong,
// too.
func Regressions() []Regression {
	return []Regression{
		{"a cancelled order was settled before its last fills were known", Options{Seed: 14}},
		{"the same, with several processes", Options{Seed: 46}},
		{"the same, found by the mutant", Options{Seed: 84}},
		{"an approved plan was traded on a delayed price", Options{Seed: 19}},
		{"a resumed plan was traded on a delayed price", Options{Seed: 52}},
		{"a resumed plan was traded on a stale price", Options{Seed: 151}},
		{"an event of a newer schema stopped its account", Options{Seed: 49}},
		{"a deferred event stopped the other commands of its account", Options{Seed: 56}},
		{"an old event whose claim failed was thrown away", Options{Seed: 871}},
		{"the same, of an account with several orders", Options{Seed: 1868}},
		{"a run was planned on positions that lagged behind the run before it", Options{Seed: 2740}},
		{"a run that failed took the difference that it saw with it", Options{Seed: 897}},
		{"a difference that a run had found was not in its result", Options{Seed: 2270}},
		{"a compensation was paid in a currency of which there was too little", Options{Seed: 2466}},
		{"a corrected order that the broker showed as working was not compared", Options{Seed: 3171}},
		{"what a run had sold out had no price, and was forgotten", Options{Seed: 21675}},
		{"a fill was told after a run had seen what it did to the position", Options{Seed: 51442}},
	}
}
