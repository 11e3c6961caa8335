package rebalance

// Several rules hand out lots one at a time: to the line that overshoots least,
// to the line with the greatest deficit, back from the last one. All of them are
// one thing: each line is a row of lots with a rank that falls by the same step
// from lot to lot, and the lots of all rows come in the order of their ranks, of
// equal ones the row with the lower number first. lotQueue takes them in this
// order without visiting each: the work does not grow with their number.

// lotRow is the lots of one line that are still to come.
type lotRow struct {
	rank num // of its next lot
	step num // by how much the rank falls with each lot, > 0
	left num // how many lots are still to come, an integer
	// taken counts those that were taken.
	taken num
	// odd is the number, as taken counts, of the one lot whose cost may be
	// negative. Zero: none.
	odd num
}

// lotQueue is rows of lots in one order.
type lotQueue struct {
	rows []lotRow
	// cost is what the first n lots of a row cost together. But for the odd lot
	// it does not fall with n.
	cost  func(row int, n num) num
	spent num
	heap  []int // the rows with lots to come, the first one on top
}

// newLotQueue orders the rows; rows without lots are left out.
func newLotQueue(rows []lotRow, cost func(row int, n num) num) *lotQueue {
	q := &lotQueue{rows: rows, cost: cost, heap: make([]int, 0, len(rows))}
	q.order()
	return q
}

// order builds the heap anew.
func (q *lotQueue) order() {
	q.heap = q.heap[:0]
	for i := range q.rows {
		if q.rows[i].left.sign() > 0 {
			q.heap = append(q.heap, i)
		}
	}
	for i := len(q.heap)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
}

// before reports whether the next lot of row i comes before that of row j.
func (q *lotQueue) before(i, j int) bool {
	if c := q.rows[i].rank.cmp(q.rows[j].rank); c != 0 {
		return c > 0
	}
	return i < j
}

// sink moves the row at place i of the heap down to where it belongs.
func (q *lotQueue) sink(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(q.heap); child++ {
			if q.before(q.heap[child], q.heap[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		q.heap[i], q.heap[first] = q.heap[first], q.heap[i]
		i = first
	}
}

// advance takes lots as long as what is spent with them fits. It returns the row
// of the first lot that does not fit and was not taken, or false when no lot is
// left.
func (q *lotQueue) advance(fits func(spent num) bool) (row int, stopped bool) {
	for steps := 0; len(q.heap) > 0; steps++ {
		if steps > len(q.rows) {
			q.jump(fits)
			steps = 0
			continue
		}
		row = q.heap[0]
		price := q.price(row, one)
		if !fits(q.spent.add(price)) {
			return row, true
		}
		q.takeFor(price)
		if price.sign() < 0 {
			q.revive(row)
		}
	}
	return 0, false
}

// price is what n more lots of a row cost.
func (q *lotQueue) price(row int, n num) num {
	taken := q.rows[row].taken
	if taken.isZero() {
		return q.cost(row, n)
	}
	return q.cost(row, taken.add(n)).sub(q.cost(row, taken))
}

// take takes the next lot.
func (q *lotQueue) take() { q.takeFor(q.price(q.heap[0], one)) }

// takeFor takes the next lot, whose price is known.
func (q *lotQueue) takeFor(price num) {
	r := &q.rows[q.heap[0]]
	q.spent = q.spent.add(price)
	r.taken = r.taken.add(one)
	r.pass(one)
	q.settle()
}

// drop passes over the next lot and takes its row out.
func (q *lotQueue) drop() {
	q.rows[q.heap[0]].pass(one)
	q.remove()
}

// pass moves on by n lots.
func (r *lotRow) pass(n num) {
	r.rank = r.rank.sub(r.step.mul(n))
	r.left = r.left.sub(n)
}

// settle restores the order after the first row has moved on.
func (q *lotQueue) settle() {
	if q.rows[q.heap[0]].left.sign() > 0 {
		q.sink(0)
		return
	}
	q.remove()
}

// remove takes the first row out of the heap.
func (q *lotQueue) remove() {
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap = q.heap[:last]
	q.sink(0)
}

// revive brings rows back that were dropped, after a lot of the given row made
// room again. Their lots before it are gone.
func (q *lotQueue) revive(row int) {
	at := q.rows[row].rank.add(q.rows[row].step) // the lot just taken
	for i := range q.rows {
		r := &q.rows[i]
		if i == row || r.left.sign() <= 0 {
			continue
		}
		gone := r.above(at)
		if i < row {
			gone = r.from(at)
		}
		r.pass(gone)
	}
	q.order()
}

// above counts the lots to come whose rank is greater than level, from those
// whose rank is not less.
func (r *lotRow) above(level num) num {
	if r.rank.cmp(level) <= 0 {
		return num{}
	}
	return ceilDiv(r.rank.sub(level), r.step).atMost(r.left)
}

func (r *lotRow) from(level num) num {
	if r.rank.less(level) {
		return num{}
	}
	return floorDiv(r.rank.sub(level), r.step).add(one).atMost(r.left)
}

// jump takes lots of all rows together, by rank, as far as they surely fit: down
// to the lowest level above which all fit. Odd lots are not jumped over.
func (q *lotQueue) jump(fits func(spent num) bool) {
	level, end, unit := q.span()
	if fits(q.spentAbove(end)) {
		level = end
	}
	for level.sub(end).cmp(unit) > 0 { // all above level fit, all above end do not
		half := floorDiv(level.sub(end), unit.mul(two)).mul(unit)
		if middle := end.add(half); fits(q.spentAbove(middle)) {
			level = middle
		} else {
			end = middle
		}
	}
	q.spent = q.spentAbove(level)
	for _, i := range q.heap {
		r := &q.rows[i]
		n := r.above(level)
		r.taken = r.taken.add(n)
		r.pass(n)
	}
	alive := q.heap[:0]
	for _, i := range q.heap {
		if q.rows[i].left.sign() > 0 {
			alive = append(alive, i)
		}
	}
	q.heap = alive
	for i := len(q.heap)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
}

// span is from which rank a jump starts, how deep it may go, and the unit that
// all ranks are multiples of.
func (q *lotQueue) span() (top, end, unit num) {
	top = q.rows[q.heap[0]].rank
	end = top
	unit = one
	for _, i := range q.heap {
		r := &q.rows[i]
		end = end.atMost(r.rank.sub(r.step.mul(r.left)))
		unit.exp = min(unit.exp, r.rank.exp, r.step.exp)
	}
	for _, i := range q.heap {
		r := &q.rows[i]
		if ahead := r.odd.sub(r.taken); ahead.sign() > 0 && ahead.cmp(r.left) <= 0 {
			end = end.atLeast(r.rank.sub(r.step.mul(ahead.sub(one))))
		}
	}
	return top, end, unit
}

// spentAbove is what is spent once all lots above level are taken.
func (q *lotQueue) spentAbove(level num) num {
	spent := q.spent
	for _, i := range q.heap {
		if n := q.rows[i].above(level); n.sign() > 0 {
			spent = spent.add(q.price(i, n))
		}
	}
	return spent
}
