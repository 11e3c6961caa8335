package memqueue

// ranked is what a heap holds: it knows its order and its place.
type ranked[T any] interface {
	comparable
	before(other T) bool
	index() *int
}

// heap has its least element first. Elements are removed from anywhere in
// O(log n).
type heap[T ranked[T]] []T

func (h *heap[T]) push(x T) {
	*x.index() = len(*h)
	*h = append(*h, x)
	h.up(len(*h) - 1)
}

func (h *heap[T]) remove(x T) {
	var none T
	i, last := *x.index(), len(*h)-1
	(*h)[i] = (*h)[last]
	*(*h)[i].index() = i
	(*h)[last] = none
	*h = (*h)[:last]
	if i < last {
		h.fix((*h)[i])
	}
}

// fix restores the order after x changed.
func (h *heap[T]) fix(x T) {
	i := *x.index()
	if h.up(i); *x.index() == i {
		h.down(i)
	}
}

// first returns the least element, the zero value if there is none.
func (h *heap[T]) first() T {
	if len(*h) == 0 {
		var none T
		return none
	}
	return (*h)[0]
}

func (h *heap[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !(*h)[i].before((*h)[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *heap[T]) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(*h); child++ {
			if (*h)[child].before((*h)[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *heap[T]) swap(i, j int) {
	s := *h
	s[i], s[j] = s[j], s[i]
	*s[i].index(), *s[j].index() = i, j
}

// fifo is a line whose front is taken in O(1), amortized.
type fifo[T any] struct {
	all  []T
	gone int // taken from the front of all
}

func (f *fifo[T]) len() int { return len(f.all) - f.gone }

func (f *fifo[T]) push(x T) { f.all = append(f.all, x) }

// pop takes the front. It must not be called on an empty line.
func (f *fifo[T]) pop() T {
	var none T
	x := f.all[f.gone]
	f.all[f.gone] = none
	f.gone++
	if f.gone > len(f.all)/2 && f.gone > 16 {
		n := copy(f.all, f.all[f.gone:])
		clear(f.all[n:])
		f.all, f.gone = f.all[:n], 0
	}
	return x
}
