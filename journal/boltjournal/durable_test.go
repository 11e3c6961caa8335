package boltjournal_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
)

// start is the time of the tests.
var start = time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)

func begin(t testing.TB, j journal.Journal, account broker.AccountID, event string) journal.Begun {
	t.Helper()
	b, err := j.Begin(t.Context(), journal.Claim{Account: account, Event: event, Command: "rebalance", Time: start})
	require.NoError(t, err)
	return b
}

func intentOf(g journal.Grant, ref string) journal.Intent {
	return journal.Intent{
		Run: g.Run, Number: 1, Time: start.Add(time.Second), Held: decimal.New(5, 0),
		Order: broker.Order{
			ID: broker.OrderID(ref), Account: g.Account, Instrument: "AAA", Ref: "265598", Side: broker.Buy,
			Quantity: decimal.New(10, 0), Type: broker.Limit, Limit: decimal.New(10125, -2), TIF: broker.Day,
		},
	}
}

func settled(ref string, o journal.OrderOutcome) journal.Settlement {
	s := journal.Settlement{Ref: broker.OrderID(ref), Outcome: o, Time: start.Add(2 * time.Second)}
	if o == journal.Filled {
		s.Filled, s.AveragePrice = decimal.New(10, 0), decimal.New(10120, -2)
	}
	return s
}

func ending(at time.Time) journal.Outcome {
	return journal.Outcome{Name: "completed", Time: at, Result: json.RawMessage(`{"a":1}`)}
}

// whole does a run with one order and ends it.
func whole(t testing.TB, j journal.Journal, event string, o journal.OrderOutcome, at time.Time, memo string) journal.Grant {
	t.Helper()
	g := begin(t, j, "U1", event).Grant
	require.NoError(t, j.Intend(t.Context(), g, intentOf(g, event+".r")))
	require.NoError(t, j.Settle(t.Context(), g, settled(event+".r", o)))
	if o == journal.Unknown {
		require.NoError(t, j.Unblock(t.Context(), journal.Unblock{Account: "U1", Operator: "ada", Reason: event, Time: start, Refs: []broker.OrderID{broker.OrderID(event + ".r")}}))
	}
	outcome := ending(at)
	if memo != "" {
		outcome.Memo = json.RawMessage(memo)
	}
	require.NoError(t, j.Finish(t.Context(), g, outcome))
	return g
}

// TestRetention: what may be dropped is dropped, also by age, and nothing else is.
func TestRetention(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	o := &boltjournal.Options{KeepRuns: 4, Retain: 24 * time.Hour}
	j := open(t, path, o)
	ctx := t.Context()

	open1 := begin(t, j, "U1", "open").Grant // unfinished, with an order under way
	require.NoError(t, j.Intend(ctx, open1, intentOf(open1, "open.r")))
	require.NoError(t, j.Approve(ctx, journal.Approval{
		Account: "U1", Run: "open/1", Hash: "h", Operator: "ada", Reason: "fine", Time: start, Expires: start.Add(time.Hour),
	}))
	whole(t, j, "unknown", journal.Unknown, start, `{"memo":1}`)
	for i := range 6 {
		whole(t, j, fmt.Sprint("e", i), journal.Filled, start.Add(time.Duration(i)*time.Minute), "")
	}
	require.NoError(t, j.Block(ctx, journal.Block{Account: "U1", Reason: "look", Time: start}))
	require.NoError(t, j.Kill(ctx, journal.Kill{Operator: "ada", Reason: "drill", Time: start}))
	require.Equal(t, []string{"e5/1", "e4/1", "e3/1", "unknown/1", "open/1"}, runs(t, j), "the newest, the unfinished, the unclear")
	require.NoError(t, j.Resume(ctx, journal.Kill{Operator: "ada", Reason: "drill", Time: start}))
	require.NoError(t, j.Unblock(ctx, journal.Unblock{Account: "U1", Operator: "ada", Reason: "looked", Time: start, Block: start}))
	g := begin(t, j, "U1", "late").Grant
	require.NoError(t, j.Finish(ctx, g, ending(start.Add(25*time.Hour))))
	require.Equal(t, []string{"late/1", "unknown/1", "open/1"}, runs(t, j), "what ended a day before is old")
	require.NoError(t, j.Close())
	require.NoError(t, boltjournal.Compact(ctx, path, o))
	j = open(t, path, o)

	s, err := j.Account(ctx, "U1")
	require.NoError(t, err)
	require.Equal(t, uint64(9), s.Fence)
	require.Len(t, s.Open, 1)
	require.Equal(t, broker.OrderID("open.r"), s.Open[0].Order.ID)
	require.Equal(t, []journal.RunID{"open/1"}, s.Unfinished)
	require.Len(t, s.Approvals, 1)
	require.JSONEq(t, `{"memo":1}`, string(s.Memo.Data))
	require.Equal(t, "looked", s.LastUnblock.Reason)

	_, err = j.Run(ctx, "e0/1")
	require.ErrorIs(t, err, journal.ErrForgotten)
	_, err = j.Begin(ctx, journal.Claim{Account: "U1", Event: "e0", Command: "rebalance", Time: start})
	require.ErrorIs(t, err, journal.ErrFinished)
	g = begin(t, j, "U1", "new").Grant
	require.ErrorIs(t, j.Intend(ctx, g, intentOf(g, "e0.r")), journal.ErrRefTaken, "references are known for ever")
	require.ErrorIs(t, j.Settle(ctx, g, settled("e0.r", journal.Cancelled)), journal.ErrForgotten)
}

func runs(t *testing.T, j journal.Journal) []string {
	t.Helper()
	var ids []string
	for r, err := range j.Runs(t.Context(), "U1") {
		require.NoError(t, err)
		ids = append(ids, string(r.ID))
	}
	return ids
}

// TestManyRuns: more runs than are read at once are listed in order, also while
// the loop writes.
func TestManyRuns(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "j.db"), &boltjournal.Options{KeepRuns: -1})
	const n = 70
	for i := range n {
		g := begin(t, j, broker.AccountID(fmt.Sprint("U", i%2)), fmt.Sprint("e", i)).Grant
		require.NoError(t, j.Finish(t.Context(), g, ending(start)))
	}
	for account, want := range map[broker.AccountID]int{"": n, "U0": n / 2, "U1": n / 2, "U": 0} {
		last, count := n, 0
		for r, err := range j.Runs(t.Context(), account) {
			require.NoError(t, err)
			var i int
			_, err = fmt.Sscanf(r.Event, "e%d", &i)
			require.NoError(t, err)
			require.Less(t, i, last)
			last = i
			count++
			require.NoError(t, j.Kill(t.Context(), journal.Kill{Account: "X", Operator: "ada", Reason: "loop", Time: start}))
		}
		require.Equal(t, want, count, "runs of %q", account)
	}
}

func TestClosed(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "j.db"), nil)
	g := begin(t, j, "U1", "e1").Grant
	require.NoError(t, j.Close())
	_, err := j.Account(t.Context(), "U1")
	require.ErrorIs(t, err, boltjournal.ErrClosed)
	require.ErrorIs(t, j.Checkpoint(t.Context(), g, journal.Step{Name: "s", Time: start}), boltjournal.ErrClosed)
}

// TestFullDisk: a write without room changes nothing and says so; there is no
// intent that may be sent.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	j := open(t, path, &boltjournal.Options{MaxBytes: 512 << 10})
	g := begin(t, j, "U1", "e1").Grant
	var err error
	n := 0
	for ; err == nil; n++ {
		err = j.Intend(t.Context(), g, intentOf(g, fmt.Sprint("r", n)))
	}
	require.ErrorIs(t, err, boltjournal.ErrDiskFull)
	require.NotErrorIs(t, err, journal.ErrInvalid)
	require.ErrorContains(t, err, path)
	s, err := j.Account(t.Context(), "U1")
	require.NoError(t, err)
	require.Len(t, s.Open, n-1)
}

func TestOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	_, err := boltjournal.Open(path, &boltjournal.Options{Retain: -1, MaxBytes: -1})
	require.ErrorContains(t, err, "Retain")
	require.ErrorContains(t, err, "MaxBytes")
	require.NoFileExists(t, path)
}

func FuzzDecode(f *testing.F) {
	for _, sample := range boltjournal.Samples() {
		n, same := boltjournal.Decode(sample)
		require.Positive(f, n, "%q", sample)
		require.True(f, same)
		f.Add(sample)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, same := boltjournal.Decode(data)
		require.True(t, same, "what was read is written as it was")
	})
}
