package retry

import "time"

// failureRate is the share of failures among the calls of a sliding window. It is
// not safe for concurrent use.
type failureRate struct {
	step  time.Duration // length of a slot
	slots [rateSlots]results
	begin time.Time // of the newest slot
	at    int       // index of the newest slot
	sum   results
}

// rateSlots is how finely the window slides.
const rateSlots = 10

// results counts how calls ended.
type results struct{ calls, failures int }

// newFailureRate returns an empty window that begins now.
func newFailureRate(window time.Duration) failureRate {
	return failureRate{step: window / rateSlots, begin: time.Now()}
}

// add counts a call.
func (r *failureRate) add(now time.Time, failures int) {
	r.slide(now)
	for _, c := range [...]*results{&r.slots[r.at], &r.sum} {
		c.calls++
		c.failures += failures
	}
}

// exceeds reports whether at least ratio of the calls failed, of at least so many.
func (r *failureRate) exceeds(ratio float64, calls int) bool {
	return r.sum.calls >= calls && float64(r.sum.failures) >= ratio*float64(r.sum.calls)
}

// clear forgets all calls.
func (r *failureRate) clear() { r.slots, r.sum = [rateSlots]results{}, results{} }

// slide drops the slots that left the window.
func (r *failureRate) slide(now time.Time) {
	steps := int64(now.Sub(r.begin) / r.step)
	if steps <= 0 {
		return
	}
	r.begin = r.begin.Add(time.Duration(steps) * r.step)
	for range min(steps, rateSlots) {
		r.at = (r.at + 1) % rateSlots
		r.sum.calls -= r.slots[r.at].calls
		r.sum.failures -= r.slots[r.at].failures
		r.slots[r.at] = results{}
	}
}
