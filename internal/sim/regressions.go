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
	}
}
