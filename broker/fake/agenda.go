package fake

import (
	"container/heap"
	"time"

	"github.com/shopspring/decimal"
)

// happening is something that is due at an instant.
type happening struct {
	at   time.Time
	seq  uint64
	kind kind
	// What it is about.
	order           *order
	quantity, price decimal.Decimal
	fill            int
}

// kind is the kind of a happening.
type kind uint8

const (
	arrival    kind = iota // an order reaches the exchange
	opening                // a held order begins to work
	closing                // what is left of an order dies
	execute                // a slice is executed
	lateFill               // the same, though the order was reported as cancelled
	cancelling             // a cancel reaches the exchange
	reveal                 // a fill is told
	correction             // a fill is corrected
	feeKnown               // the fee of a fill is told
	reconnect              // the session is back
)

// moot reports whether the happening can do nothing any more.
func (h *happening) moot() bool {
	switch h.kind {
	case arrival, opening, closing, execute, cancelling:
		return h.order.status.Terminal()
	default:
		return false
	}
}

// agenda is what is due, the earliest first; of one instant in the order in
// which it was scheduled.
type agenda struct {
	queue due
	count uint64
}

// add schedules a happening.
func (a *agenda) add(h happening) {
	a.count++
	h.seq = a.count
	heap.Push(&a.queue, &h)
}

// first returns the next happening that is not moot, nil if there is none.
func (a *agenda) first() *happening {
	for len(a.queue) > 0 {
		if h := a.queue[0]; !h.moot() {
			return h
		}
		heap.Pop(&a.queue)
	}
	return nil
}

// pop takes off the first happening.
func (a *agenda) pop() *happening { return heap.Pop(&a.queue).(*happening) }

// due is a heap of happenings.
type due []*happening

func (d due) Len() int { return len(d) }
func (d due) Less(i, j int) bool {
	if !d[i].at.Equal(d[j].at) {
		return d[i].at.Before(d[j].at)
	}
	return d[i].seq < d[j].seq
}
func (d due) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *due) Push(x any)   { *d = append(*d, x.(*happening)) }
func (d *due) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	return last
}
