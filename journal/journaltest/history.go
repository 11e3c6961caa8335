package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/journal"
)

// historyCases look at what several callers saw and ask whether one at a time
// could have seen it.
func historyCases() []testCase {
	return []testCase{{name: "racing claims and intents are as if one came after another", do: linearHistory}}
}

// call is one call of a history. Its begin and end come from one counter, so a
// call that ended before another one began has the lower numbers.
type call struct {
	begin, end int64
	fence      uint64
	ref        string   // of an intent, "" for a claim
	open       []string // what a claim saw
	err        error
}

// linearHistory has workers claim the account from each other and record
// intents until they are fenced off.
func linearHistory(e *env) {
	const workers, claims, tries = 4, 8, 6
	var clock atomic.Int64
	histories := make([][]call, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := range claims {
				c := call{begin: clock.Add(1)}
				b, err := e.Begin(e.Context(), claimOf(acct, fmt.Sprintf("e%d", w)))
				c.end, c.fence, c.open, c.err = clock.Add(1), b.Grant.Fence, refs(b.Standing.Open), err
				histories[w] = append(histories[w], c)
				for k := 0; err == nil && k < tries; k++ {
					i := call{ref: fmt.Sprintf("r%d.%d.%d", w, n, k), fence: b.Grant.Fence, begin: clock.Add(1)}
					err = e.Intend(e.Context(), b.Grant, intentOf(b.Grant, i.ref))
					i.end, i.err = clock.Add(1), err
					histories[w] = append(histories[w], i)
				}
			}
		})
	}
	all.Wait()
	var history []call
	for _, h := range histories {
		history = append(history, h...)
	}
	for _, fault := range faultsOf(history, refs(e.standing(acct).Open)) {
		e.Errorf("%s", fault)
	}
}

// faultsOf returns why a history is not that of an account where one call comes
// after another, if so. The order must be that of the fences: each intent
// stands between the claim of its own fence and the next one.
func faultsOf(history []call, last []string) []string {
	var claims, accepted, refused []call
	var faults []string
	for _, c := range history {
		switch {
		case c.ref == "" && c.err == nil:
			claims = append(claims, c)
		case c.ref != "" && c.err == nil:
			accepted = append(accepted, c)
		case c.ref != "" && errors.Is(c.err, journal.ErrFenced):
			refused = append(refused, c)
		default:
			faults = append(faults, fmt.Sprintf("call %+v failed", c))
		}
	}
	faults = append(faults, claimFaults(claims)...)
	faults = append(faults, intentFaults(claims, accepted, refused)...)
	for _, b := range claims {
		if want := below(accepted, b.fence); !slices.Equal(want, sorted(b.open)) {
			faults = append(faults, fmt.Sprintf("the claim of fence %d saw %v open, the intents of lower fences are %v", b.fence, b.open, want))
		}
	}
	if want := below(accepted, journal.MaxFence); !slices.Equal(want, sorted(last)) {
		faults = append(faults, fmt.Sprintf("in the end %v stand open, accepted were %v", last, want))
	}
	fences := make(map[string]uint64, len(accepted))
	for _, i := range accepted {
		fences[i.ref] = i.fence
	}
	if !slices.IsSortedFunc(last, func(a, b string) int { return int(fences[a]) - int(fences[b]) }) {
		faults = append(faults, fmt.Sprintf("open intents %v are not listed oldest first", last))
	}
	return faults
}

// claimFaults says which claims contradict each other.
func claimFaults(claims []call) []string {
	var faults []string
	for i, a := range claims {
		for k, b := range claims {
			if i != k && a.fence == b.fence {
				faults = append(faults, fmt.Sprintf("fence %d was granted twice", a.fence))
			}
			if a.end < b.begin && a.fence > b.fence {
				faults = append(faults, fmt.Sprintf("fence %d was granted after %d", b.fence, a.fence))
			}
		}
	}
	return faults
}

// intentFaults says which intents contradict the claims.
func intentFaults(claims, accepted, refused []call) []string {
	var faults []string
	for _, i := range accepted {
		for _, b := range claims {
			if b.fence > i.fence && b.end < i.begin {
				faults = append(faults, fmt.Sprintf("intent %s of fence %d was accepted after fence %d was granted", i.ref, i.fence, b.fence))
			}
		}
	}
	for _, i := range refused {
		var f *journal.FencedError
		known := errors.As(i.err, &f) && slices.ContainsFunc(claims, func(b call) bool {
			return b.fence == f.Current && b.fence > i.fence && b.begin < i.end
		})
		if !known {
			faults = append(faults, fmt.Sprintf("intent %s of fence %d was refused for a fence that nobody had: %v", i.ref, i.fence, i.err))
		}
	}
	return faults
}

// below returns the references of the intents with a lower fence, sorted.
func below(accepted []call, fence uint64) []string {
	var list []string
	for _, i := range accepted {
		if i.fence < fence {
			list = append(list, i.ref)
		}
	}
	return sorted(list)
}

// sorted returns a sorted copy.
func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
