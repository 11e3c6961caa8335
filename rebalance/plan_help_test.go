package rebalance_test

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/rebalance"
)

// lists compares two lists, item by item.
func lists(what string, want, got []string, line func(what, want, got string)) {
	for i := range max(len(want), len(got)) {
		w, g := "nothing", "nothing"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) && got[i] != "" {
			g = got[i]
		}
		line(fmt.Sprintf("%s %d", what, i+1), w, g)
	}
}

// plain is a number without trailing zeros.
func plain(d decimal.Decimal) string {
	return d.String()
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func sortedSkips(skips []rebalance.Skip) []string {
	list := make([]string, len(skips))
	for i, s := range skips {
		list[i] = string(s.Symbol) + " " + string(s.Reason)
	}
	return sorted(list)
}
