package retry

import "time"

// window counts what happened in the last time, a sliding one. It is not safe for
// concurrent use.
type window struct {
	step  time.Duration // length of a slot
	slots [windowSlots]counts
	begin time.Time // of the newest slot
	at    int       // index of the newest slot
	sum   counts
}

// windowSlots is how finely a window slides.
const windowSlots = 10

// counts is how many calls there were, and how much trouble: retries for a
// [Budget], failures for a [CircuitBreaker].
type counts struct{ calls, trouble int }

// newWindow returns an empty window that begins now.
func newWindow(length time.Duration) window {
	return window{step: length / windowSlots, begin: time.Now()}
}

// add counts what happened now.
func (w *window) add(now time.Time, c counts) {
	w.slide(now)
	for _, sum := range [...]*counts{&w.slots[w.at], &w.sum} {
		sum.calls += c.calls
		sum.trouble += c.trouble
	}
}

// clear forgets all that happened.
func (w *window) clear() { w.slots, w.sum = [windowSlots]counts{}, counts{} }

// slide drops the slots that left the window.
func (w *window) slide(now time.Time) {
	steps := int64(now.Sub(w.begin) / w.step)
	if steps <= 0 {
		return
	}
	w.begin = w.begin.Add(time.Duration(steps) * w.step)
	for range min(steps, windowSlots) {
		w.at = (w.at + 1) % windowSlots
		w.sum.calls -= w.slots[w.at].calls
		w.sum.trouble -= w.slots[w.at].trouble
		w.slots[w.at] = counts{}
	}
}
