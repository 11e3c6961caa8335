package ibkr

import (
	"fmt"
	"testing"

	"github.com/scmhub/ibsync"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// The codes by which the gateway refuses a message name an order also when the
// message was a cancel of it: a working order goes on.
func TestBookRefusalOfACancel(t *testing.T) {
	for _, row := range []struct {
		code   int
		status string
		want   broker.Status
	}{
		{321, "Submitted", broker.StatusWorking},
		{321, "PendingCancel", broker.StatusPendingCancel},
		{110, "PreSubmitted", broker.StatusHeld},
		{435, "Submitted", broker.StatusWorking},
		{200, "Submitted", broker.StatusWorking},
		{321, "Inactive", broker.StatusRejected}, // it never worked
		{201, "Submitted", broker.StatusRejected},
		{203, "PreSubmitted", broker.StatusRejected},
		{460, "PreSubmitted", broker.StatusRejected},
	} {
		t.Run(fmt.Sprint(row.code, row.status), func(t *testing.T) {
			b, _ := sent("r1", 5)
			b.open(report("r1", 5, 900, row.status))
			b.note(5, row.code, "words")
			s := state(b, "r1")
			require.Equal(t, row.want, s.Status)
			require.Equal(t, fmt.Sprint(row.code), s.Code, "it is told all the same")
		})
	}
}

// An order that has ended is not reported as ended while the gateway says that more
// of it has filled than there are executions of.
func TestBookEndWithoutItsFills(t *testing.T) {
	b, _ := sent("r1", 5)
	b.open(report("r1", 5, 900, "Submitted"))
	b.execution(filledBy("x.01.01", "r1", 5, 900, "2"))
	b.status(&statusReport{order: 5, client: us, perm: 900, status: "Cancelled", filled: num("6")})
	require.Equal(t, broker.StatusPendingCancel, state(b, "r1").Status)
	since := b.seq
	require.Empty(t, b.orders("DU1", broker.OrderQuery{}, since), "nothing shows it any more: its end is not known")

	done := report("r1", 0, 900, "Cancelled")
	done.client, done.completed, done.filled = 0, true, decimal.NewNullDecimal(num("6"))
	b.open(done)
	found := b.orders("DU1", broker.OrderQuery{}, since)
	require.Len(t, found, 1)
	require.Equal(t, broker.StatusPendingCancel, found[0].Status)

	after := b.seq
	b.execution(filledBy("x.02.01", "r1", 5, 900, "4"))
	require.Equal(t, broker.StatusCancelled, state(b, "r1").Status)
	require.Len(t, b.news("DU1", after), 1)
	b.execution(filledBy("x.02.02", "r1", 5, 900, "3")) // corrected downwards
	s := state(b, "r1")
	require.Equal(t, broker.StatusCancelled, s.Status, "a correction opens nothing")
	require.Equal(t, "5", s.Filled().String())
}

// An advisor's order has one permanent id for all of its accounts: each has its own
// entry, however often it is told.
func TestBookOrderOfSeveralAccounts(t *testing.T) {
	b := testBook()
	for range 3 {
		for i, account := range []string{"DU1", "DU2", "DU3"} {
			x := filledBy(fmt.Sprintf("x%d.01.01", i), "", 0, 900, "4")
			x.account, x.client = account, 3
			b.execution(x)
		}
	}
	require.Len(t, b.all, 3)
	b.conclude(0)
	for _, account := range []broker.AccountID{"DU1", "DU2", "DU3"} {
		states := b.orders(account, broker.OrderQuery{}, 0)
		require.Len(t, states, 1)
		require.Equal(t, "4", states[0].Filled().String())
	}
}

// An execution that cannot be read ends the session if it may be ours, and is
// nobody's business otherwise.
func TestUnreadableExecution(t *testing.T) {
	for _, row := range []struct {
		account string
		ends    bool
	}{{"DU1", true}, {"", true}, {"DU2", false}} {
		cfg := Config{Accounts: []Account{{ID: "DU1"}}}.withDefaults()
		b := &Broker{cfg: cfg, log: cfg.Logger}
		s := &session{b: b, ended: make(chan struct{})}
		newWrapper(s).ExecDetails(1, nil, &ibsync.Execution{ExecID: "x.01", AcctNumber: row.account, Side: "ASSIGNED"})
		require.Equal(t, row.ends, s.cause() != nil, "account %q", row.account)
	}
}
