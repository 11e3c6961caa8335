package rebalance

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLotQueue compares taking lots by the queue with taking them one by one.
func TestLotQueue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		rows, costs := randomRows(r)
		budget := numOfInt(r.IntN(400))
		drops := r.IntN(2) == 0
		q := newLotQueue(append([]lotRow(nil), rows...), costs.of)
		for {
			if _, stopped := q.advance(func(s num) bool { return s.cmp(budget) <= 0 }); !stopped || !drops {
				break
			}
			q.drop()
		}
		want := oneByOne(rows, costs, budget, drops)
		for i := range rows {
			require.Equal(t, want[i].String(), q.rows[i].taken.String(), "row %d of %+v, budget %s", i, rows, budget)
		}
	}
}

type rowCosts []struct{ first, each num }

func (c rowCosts) of(row int, n num) num {
	if n.isZero() {
		return n
	}
	return c[row].first.add(n.sub(one).mul(c[row].each))
}

func randomRows(r *rand.Rand) ([]lotRow, rowCosts) {
	rows := make([]lotRow, 1+r.IntN(4))
	costs := make(rowCosts, len(rows))
	for i := range rows {
		rows[i] = lotRow{rank: numOfInt(r.IntN(60) - 10), step: numOfInt(1 + r.IntN(6)), left: numOfInt(r.IntN(60))}
		rows[i].step.exp = -int32(r.IntN(2))
		costs[i].each = numOfInt(1 + r.IntN(5))
		costs[i].first = costs[i].each
		switch r.IntN(4) {
		case 0:
			costs[i].first = costs[i].each.add(numOfInt(r.IntN(20)))
		case 1:
			costs[i].first = numOfInt(-r.IntN(10))
			rows[i].odd = one
		}
	}
	return rows, costs
}

// oneByOne visits every lot in order.
func oneByOne(rows []lotRow, costs rowCosts, budget num, drops bool) []num {
	rows = append([]lotRow(nil), rows...)
	taken := make([]num, len(rows))
	var spent num
	for {
		next := -1
		for i := range rows {
			if rows[i].left.sign() > 0 && (next < 0 || rows[next].rank.less(rows[i].rank)) {
				next = i
			}
		}
		if next < 0 {
			return taken
		}
		price := costs.of(next, taken[next].add(one)).sub(costs.of(next, taken[next]))
		fits := spent.add(price).cmp(budget) <= 0
		if !fits && !drops {
			return taken
		}
		if fits {
			spent, taken[next] = spent.add(price), taken[next].add(one)
		}
		rows[next].pass(one)
	}
}
