package ibkr

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

const (
	us   = int64(17)
	conA = int64(265598)
)

func now() time.Time { return time.Date(2026, 11, 25, 15, 0, 0, 0, time.UTC) }

func num(s string) decimal.Decimal {
	d, err := broker.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

func order(ref string) broker.Order {
	return broker.Order{
		ID: broker.OrderID(ref), Account: "DU1", Instrument: "A", Ref: "265598", Side: broker.Buy, Quantity: num("10"), Type: broker.Limit,
		Limit: num("100"), TIF: broker.Day,
	}
}

func testBook() *book {
	return newBook(us, func(c contractKey) broker.InstrumentID { return broker.InstrumentID(c.symbol) }, now)
}

func report(ref string, id, perm int64, status string) *orderReport {
	return &orderReport{
		order: id, client: us, perm: perm, account: "DU1", ref: ref, contract: contractKey{conID: conA, symbol: "A", kind: "STK", currency: "USD"},
		side: "BUY", kind: "LMT", tif: "DAY", quantity: num("10"), limit: num("100"), status: status,
	}
}

func filledBy(id, ref string, local, perm int64, quantity string) *executionReport {
	return &executionReport{
		id: id, order: local, client: us, perm: perm, account: "DU1", ref: ref, contract: contractKey{conID: conA, symbol: "A"},
		side: broker.Buy, quantity: num(quantity), price: num("99.5"), time: now(),
	}
}

// sent is a book with one order of ours under way.
func sent(ref string, id int64) (*book, *entry) {
	b := testBook()
	return b, b.expect(order(ref), conA, id)
}

func state(b *book, ref string) broker.OrderState {
	if e := b.find("DU1", broker.OrderID(ref)); e != nil {
		return e.copy()
	}
	return broker.OrderState{}
}

func TestBookTerminalStatusStays(t *testing.T) {
	b, _ := sent("r1", 5)
	b.open(report("r1", 5, 900, "Submitted"))
	b.status(&statusReport{order: 5, client: us, perm: 900, status: "Cancelled"})
	for _, late := range []string{"Submitted", "PreSubmitted", "PendingCancel", "Inactive", "Filled", "no such status", ""} {
		b.status(&statusReport{order: 5, client: us, perm: 900, status: late})
		b.open(report("r1", 5, 900, late))
		require.Equal(t, broker.StatusCancelled, state(b, "r1").Status, "after a late %q", late)
	}
	b.execution(filledBy("x.01.01", "r1", 5, 900, "4"))
	require.True(t, func() bool { s := state(b, "r1"); return s.Filled().Equal(num("4")) }(), "a fill after the end still counts")
}

func TestBookFillsWithoutStatus(t *testing.T) {
	b, _ := sent("r1", 5)
	b.execution(filledBy("x.01.01", "r1", 5, 900, "4"))
	require.Equal(t, broker.StatusPending, state(b, "r1").Status)
	b.execution(filledBy("y.01.01", "r1", 5, 900, "6"))
	s := state(b, "r1")
	require.Equal(t, broker.StatusFilled, s.Status, "the fills make up the whole order")
	require.Equal(t, "900", s.BrokerID)
}

func TestBookFilledStatusIsOnlyAHint(t *testing.T) {
	b, _ := sent("r1", 5)
	b.status(&statusReport{order: 5, client: us, perm: 900, status: "Filled"})
	s := state(b, "r1")
	require.Equal(t, broker.StatusFilled, s.Status)
	require.True(t, s.Filled().IsZero(), "a status makes no fills")
}

func TestBookCountsEachExecutionOnce(t *testing.T) {
	b, _ := sent("r1", 5)
	b.open(report("r1", 5, 900, "Submitted"))
	for range 3 {
		b.execution(filledBy("0000e1a7.65e1df20.01.01", "r1", 5, 900, "4"))
	}
	b.execution(filledBy("0000e1a7.65e1df20.01.02", "r1", 5, 900, "3")) // a correction
	b.execution(filledBy("0000e1a7.65e1df20.01.01", "r1", 5, 900, "4")) // an old report again
	b.execution(filledBy("0000e1a7.65e1df20.01.10", "r1", 5, 900, "2")) // the tenth is newer than the second
	b.execution(filledBy("0000e1a7.65e1df20.01.09", "r1", 5, 900, "9"))
	s := state(b, "r1")
	require.Len(t, s.Fills, 1)
	require.Equal(t, "0000e1a7.65e1df20.01", s.Fills[0].ID)
	require.Equal(t, "2", s.Filled().String())
}

func TestBookFees(t *testing.T) {
	b, _ := sent("r1", 5)
	b.fee(&feeReport{execution: "x.01.01", fee: num("1.25"), currency: "USD"}) // before its execution
	b.execution(filledBy("x.01.01", "r1", 5, 900, "4"))
	b.execution(filledBy("x.01.02", "r1", 5, 900, "4")) // a correction keeps the fee
	f := state(b, "r1").Fills[0]
	require.Equal(t, "1.25", f.Fee.Decimal.String())
	require.Equal(t, broker.Currency("USD"), f.FeeCurrency)
	seq := b.seq
	b.fee(&feeReport{execution: "x.01.02", fee: num("1.25"), currency: "USD"})
	require.Equal(t, seq, b.seq, "the same fee again is no news")
}

// After a restart of the gateway numeric ids are used again: an order is matched
// by its reference and the broker's own identity.
func TestBookReusedNumericID(t *testing.T) {
	b, _ := sent("old", 5)
	b.open(report("old", 5, 900, "Filled"))
	b.open(report("new", 5, 901, "Submitted"))
	require.Equal(t, "900", state(b, "old").BrokerID)
	require.Equal(t, broker.StatusFilled, state(b, "old").Status)
	require.Equal(t, "901", state(b, "new").BrokerID)
	b.execution(filledBy("x.01.01", "new", 5, 901, "4"))
	require.Empty(t, state(b, "old").Fills, "a fill of the new order is not booked on the old one")
	require.Len(t, state(b, "new").Fills, 1)
}

func TestBookOtherContractUnderTheReference(t *testing.T) {
	b, _ := sent("r1", 5)
	other := report("r1", 5, 900, "Submitted")
	other.contract.conID, other.contract.symbol = 1, "B"
	b.open(other)
	require.Empty(t, state(b, "r1").BrokerID, "an order of another contract is not ours")
}

func TestBookRefusals(t *testing.T) {
	t.Run("before any acknowledgement", func(t *testing.T) {
		b, _ := sent("r1", 5)
		b.note(5, 201, "Order rejected - reason:margin")
		s := state(b, "r1")
		require.Equal(t, broker.StatusRejected, s.Status)
		require.Equal(t, broker.RefusedMargin, s.Refusal)
		require.Equal(t, "201", s.Code)
		b.status(&statusReport{order: 5, client: us, perm: 900, status: "Inactive"})
		b.status(&statusReport{order: 5, client: us, perm: 900, status: "Cancelled"})
		require.Equal(t, broker.StatusRejected, state(b, "r1").Status)
	})
	t.Run("after the cancellation that belongs to it", func(t *testing.T) {
		b, _ := sent("r1", 5)
		b.status(&statusReport{order: 5, client: us, perm: 900, status: "Cancelled"})
		b.note(5, 201, "Order rejected")
		require.Equal(t, broker.StatusRejected, state(b, "r1").Status)
	})
	t.Run("of an order that has filled", func(t *testing.T) {
		b, _ := sent("r1", 5)
		b.execution(filledBy("x.01.01", "r1", 5, 900, "10"))
		b.note(5, 201, "Order rejected")
		require.Equal(t, broker.StatusFilled, state(b, "r1").Status)
		require.Empty(t, state(b, "r1").Code)
	})
	t.Run("inactive alone is none", func(t *testing.T) {
		b, _ := sent("r1", 5)
		b.status(&statusReport{order: 5, client: us, perm: 900, status: "Inactive"})
		require.Equal(t, broker.StatusHeld, state(b, "r1").Status)
		b.status(&statusReport{order: 5, client: us, perm: 900, status: "Submitted"})
		require.Equal(t, broker.StatusWorking, state(b, "r1").Status, "it came back")
	})
}

func TestBookCancelAnswersConcludeNothing(t *testing.T) {
	for _, code := range []int{135, 136, 161, 10147, 10148, 10149, 103, 104, 404, 399, 9999} {
		b, _ := sent("r1", 5)
		b.open(report("r1", 5, 900, "Submitted"))
		b.note(5, code, "words")
		require.Equal(t, broker.StatusWorking, state(b, "r1").Status, "code %d", code)
	}
}

func TestBookLeavesOutWhatVanished(t *testing.T) {
	b, _ := sent("r1", 5)
	b.open(report("r1", 5, 900, "Submitted"))
	since := b.seq
	require.Empty(t, b.orders("DU1", broker.OrderQuery{}, since), "the look did not show it")
	b.open(report("r1", 5, 900, "Submitted"))
	require.Len(t, b.orders("DU1", broker.OrderQuery{}, since), 1)
	require.Len(t, b.orders("DU1", broker.OrderQuery{OpenOnly: true}, since), 1)
	require.Empty(t, b.orders("DU2", broker.OrderQuery{}, since), "of another account")
}

func TestBookStubEndsWithTheLook(t *testing.T) {
	b := testBook()
	b.execution(filledBy("x.01.01", "r1", 5, 900, "4"))
	require.False(t, state(b, "r1").Status.Terminal())
	b.conclude(0)
	s := state(b, "r1")
	require.Equal(t, broker.StatusCancelled, s.Status)
	require.Equal(t, "4", s.Filled().String())
}

func TestBookCompletedOrder(t *testing.T) {
	for _, row := range []struct {
		status, filled string
		want           broker.Status
	}{
		{"Filled", "10", broker.StatusFilled},
		{"Cancelled", "4", broker.StatusCancelled},
		{"Inactive", "0", broker.StatusRejected},
		{"Inactive", "4", broker.StatusCancelled},
		{"odd", "0", broker.StatusCancelled},
	} {
		b := testBook()
		r := report("r1", 0, 900, row.status)
		r.client, r.completed, r.filled = 0, true, decimal.NewNullDecimal(num(row.filled))
		b.open(r)
		if row.filled == "4" {
			require.Equal(t, broker.StatusPendingCancel, state(b, "r1").Status, "its executions have not come")
			b.execution(filledBy("x.01.01", "r1", 0, 900, "4"))
		}
		require.Equal(t, row.want, state(b, "r1").Status, "completed as %s", row.status)
	}
}

func TestBookInherits(t *testing.T) {
	old, _ := sent("done", 5)
	old.open(report("done", 5, 900, "Submitted"))
	old.execution(filledBy("x.01.01", "done", 5, 900, "10"))
	old.open(report("open", 6, 901, "Submitted"))
	b := testBook()
	b.inherit(old, now().Add(-time.Hour))
	require.Equal(t, broker.StatusFilled, state(b, "done").Status)
	require.Nil(t, b.find("DU1", "open"), "what became of it is not known")
	b.execution(filledBy("x.01.01", "done", 5, 900, "10"))
	require.Len(t, state(b, "done").Fills, 1, "its executions are known")
	b.open(report("other", 5, 950, "Submitted"))
	require.Equal(t, "900", state(b, "done").BrokerID)
}

func TestBookNews(t *testing.T) {
	b, _ := sent("r1", 5)
	require.Empty(t, b.news("DU1", 0), "what was only sent is no news")
	b.open(report("r1", 5, 900, "Submitted"))
	after := b.seq
	require.Len(t, b.news("DU1", 0), 1)
	for range 3 { // told again, unchanged
		b.open(report("r1", 5, 900, "Submitted"))
		b.status(&statusReport{order: 5, client: us, perm: 900, status: "Submitted"})
	}
	require.Empty(t, b.news("DU1", after))
	b.execution(filledBy("x.01.01", "r1", 5, 900, "4"))
	require.Len(t, b.news("DU1", after), 1)
}

func TestBookForgets(t *testing.T) {
	b, e := sent("r1", 5)
	b.forget(e)
	require.Nil(t, b.find("DU1", "r1"))
	b.note(5, 201, "late")
	require.Empty(t, b.all)
}

// Whatever the order in which reports come, and however often, the fills are the
// same, and so is a status that ends the order.
func TestBookOrderOfReportsDoesNotMatter(t *testing.T) {
	reports := []func(*book){
		func(b *book) { b.open(report("r1", 5, 900, "PreSubmitted")) },
		func(b *book) { b.open(report("r1", 5, 900, "Submitted")) },
		func(b *book) { b.status(&statusReport{order: 5, client: us, perm: 900, status: "Submitted"}) },
		func(b *book) { b.execution(filledBy("x.01.01", "r1", 5, 900, "4")) },
		func(b *book) { b.execution(filledBy("x.01.02", "r1", 5, 900, "3")) },
		func(b *book) { b.execution(filledBy("y.01.01", "r1", 5, 900, "7")) },
		func(b *book) { b.fee(&feeReport{execution: "x.01.01", fee: num("1"), currency: "USD"}) },
		func(b *book) { b.fee(&feeReport{execution: "y.01.01", fee: num("2"), currency: "USD"}) },
		func(b *book) { b.status(&statusReport{order: 5, client: us, perm: 900, status: "Filled"}) },
	}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		b, _ := sent("r1", 5)
		for range 3 {
			for _, i := range random.Perm(len(reports)) {
				reports[i](b)
			}
		}
		s := state(b, "r1")
		require.Equal(t, broker.StatusFilled, s.Status, "seed %d", seed)
		require.Equal(t, "10", s.Filled().String(), "seed %d", seed)
		require.Len(t, s.Fills, 2)
		for _, f := range s.Fills {
			require.True(t, f.Fee.Valid, "seed %d: fee of %s", seed, f.ID)
		}
	}
}

func BenchmarkBookExecution(bench *testing.B) {
	bench.ReportAllocs()
	b, _ := sent("r1", 5)
	b.open(report("r1", 5, 900, "Submitted"))
	r := filledBy("x.01.01", "r1", 5, 900, "1")
	for bench.Loop() {
		b.execution(r)
	}
}
