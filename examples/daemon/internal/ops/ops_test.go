package ops_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var by = ops.Signed{Operator: "ana", Reason: "a test"}

// rig is the verbs on stores in memory.
type rig struct {
	*ops.Local
	queue   *memqueue.Queue
	journal *journal.Memory
}

func newRig() *rig {
	q, j := memqueue.New(memqueue.Options{}), journal.NewMemory(journal.MemoryOptions{})
	return &rig{queue: q, journal: j, Local: &ops.Local{
		Queue: q, Journal: j, Accounts: []rebalance.Account{{ID: "A", Mode: "paper", Strategy: "core"}, {ID: "B", Mode: "paper", Strategy: "core"}},
	}}
}

// begin begins a run of account A.
func (r *rig) begin(t *testing.T, event string) journal.Grant {
	t.Helper()
	begun, err := r.journal.Begin(t.Context(), journal.Claim{Account: "A", Event: event, Command: "rebalance", Time: time.Now()})
	require.NoError(t, err)
	return begun.Grant
}

func TestWhatCannotBeAskedFor(t *testing.T) {
	r, ctx := newRig(), t.Context()
	hour := json.RawMessage(`{"unknown":1}`)
	for name, c := range map[string]struct {
		err  func() error
		want error
		say  string
	}{
		"an account of nobody":  {func() error { _, err := r.Enqueue(ctx, ops.NewEvent{Account: "C"}); return err }, ops.ErrNotFound, `account "C": there are ["A" "B"]`},
		"an unknown command":    {func() error { _, err := r.Enqueue(ctx, ops.NewEvent{Account: "A", Command: "sell"}); return err }, ops.ErrInvalid, `command "sell" is none of`},
		"an unknown argument":   {func() error { _, err := r.Enqueue(ctx, ops.NewEvent{Account: "A", Payload: hour}); return err }, ops.ErrInvalid, "unknown"},
		"a key with a newline":  {func() error { _, err := r.Enqueue(ctx, ops.NewEvent{Account: "A", Key: "a\nb"}); return err }, ops.ErrInvalid, "key"},
		"no event":              {func() error { _, err := r.Event(ctx, "none"); return err }, ops.ErrNotFound, "none"},
		"no run":                {func() error { _, err := r.Run(ctx, "none/1"); return err }, ops.ErrNotFound, "none/1"},
		"runs of nobody":        {func() error { _, err := r.Runs(ctx, "C", 1); return err }, ops.ErrNotFound, `"C"`},
		"too many runs":         {func() error { _, err := r.Runs(ctx, "A", 1001); return err }, ops.ErrInvalid, "want 1 to 1000"},
		"a preview of nobody":   {func() error { _, err := r.Preview(ctx, "C"); return err }, ops.ErrNotFound, `"C"`},
		"a preview without one": {func() error { _, err := r.Preview(ctx, "A"); return err }, ops.ErrUnavailable, "no broker"},
		"no hash":               {func() error { _, err := r.Approve(ctx, ops.Approve{Account: "A", Signed: by}); return err }, ops.ErrInvalid, "hash is missing"},
		"an unsigned approval":  {func() error { _, err := r.Approve(ctx, ops.Approve{Account: "A", Hash: "h"}); return err }, ops.ErrInvalid, "operator and reason"},
		"an unsigned unblock":   {func() error { _, err := r.Unblock(ctx, "A", ops.Signed{Operator: " ", Reason: "x"}); return err }, ops.ErrInvalid, "operator and reason"},
		"an unsigned kill":      {func() error { return r.Kill(ctx, "", ops.Signed{Reason: "x"}) }, ops.ErrInvalid, "operator and reason"},
		"a kill of nobody":      {func() error { return r.Kill(ctx, "C", by) }, ops.ErrNotFound, `"C"`},
		"a resume of nobody":    {func() error { return r.Resume(ctx, "C", by) }, ops.ErrNotFound, `"C"`},
		"a block of all":        {func() error { return r.Block(ctx, "", by) }, ops.ErrNotFound, `""`},
		"an unsigned drop":      {func() error { _, err := r.Drop(ctx, "none", ops.Signed{}); return err }, ops.ErrInvalid, "operator and reason"},
		"a drop of nothing":     {func() error { _, err := r.Drop(ctx, "none", by); return err }, ops.ErrNotFound, "none"},
		"breakers of no engine": {func() error { _, err := r.Breakers(ctx); return err }, ops.ErrUnavailable, "no daemon runs"},
		"no engine's breaker":   {func() error { return r.ForceBreaker(ctx, "broker", ops.BreakerAuto, by) }, ops.ErrUnavailable, "no daemon runs"},
	} {
		err := c.err()
		require.ErrorIs(t, err, c.want, name)
		require.ErrorContains(t, err, c.say, name)
		for _, other := range []error{ops.ErrInvalid, ops.ErrNotFound, ops.ErrRefused, ops.ErrUnavailable} {
			require.Equal(t, errors.Is(c.want, other), errors.Is(err, other), "%s: one kind: %v", name, err)
		}
	}
	s, err := r.Status(ctx)
	require.NoError(t, err)
	require.Empty(t, s.Waiting, "nothing was published")
	require.Nil(t, s.Accounts[0].Kill)
}

func TestOnlyOperatorsCommandsCarryTheirWord(t *testing.T) {
	r := newRig()
	signed := by
	signed.Force = true
	approved, err := r.Approve(t.Context(), ops.Approve{Account: "A", Hash: "h", Signed: by})
	require.NoError(t, err)
	unblocked, err := r.Unblock(t.Context(), "B", signed)
	require.NoError(t, err)
	for id, want := range map[string]rebalance.Arguments{
		approved.ID:  {Operator: "ana", Reason: "a test", Hash: "h"},
		unblocked.ID: {Operator: "ana", Reason: "a test", Force: true},
	} {
		e, err := r.Event(t.Context(), id)
		require.NoError(t, err)
		got, err := rebalance.DecodeArguments(e.Payload)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, c := range ops.Harmless() {
		require.NotContains(t, []rebalance.Command{rebalance.CommandApprove, rebalance.CommandUnblock}, c)
		require.Contains(t, ops.Commands(), c)
	}
}

func TestADryRunConvertsWhatComesIn(t *testing.T) {
	r := newRig()
	r.Convert = func(rebalance.Command) rebalance.Command { return rebalance.CommandPreview }
	for _, c := range ops.Harmless() {
		receipt, err := r.Enqueue(t.Context(), ops.NewEvent{Account: "A", Command: c, Key: string(c)})
		require.NoError(t, err)
		e, err := r.Event(t.Context(), receipt.ID)
		require.NoError(t, err)
		require.Equal(t, rebalance.CommandPreview, e.Command)
	}
}

// TestWhatNeedsAnOperatorIsNeverCutOff: thousands of events that wait hide none
// that is held.
func TestWhatNeedsAnOperatorIsNeverCutOff(t *testing.T) {
	r := newRig()
	held, err := r.Enqueue(t.Context(), ops.NewEvent{Account: "A", Key: "held"})
	require.NoError(t, err)
	d, err := r.queue.Receive(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.Hold(t.Context(), queue.Note{Cause: "look at it"}))
	for n := range 1100 {
		id := broker.AccountID(fmt.Sprint("C", n))
		r.Accounts = append(r.Accounts, rebalance.Account{ID: id})
		_, err := r.Enqueue(t.Context(), ops.NewEvent{Account: id})
		require.NoError(t, err)
	}
	s, err := r.Status(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Waiting, 1000)
	var ids []string
	for i := range s.Waiting {
		ids = append(ids, s.Waiting[i].ID)
	}
	require.Contains(t, ids, held.ID)
	require.Equal(t, 1100, s.Queue[queue.Queued], "the numbers are of all")
}

func TestARunThatGoesOnShowsWhatItSent(t *testing.T) {
	r := newRig()
	grant := r.begin(t, "e1")
	require.NoError(t, r.journal.Checkpoint(t.Context(), grant, journal.Step{Name: "snapshot", Time: time.Now(), Data: json.RawMessage(`{}`)}))
	order := func(id broker.OrderID) broker.Order {
		return broker.Order{
			ID: id, Account: "A", Instrument: "VTI", Ref: "1", Side: broker.Buy, Quantity: decimal.New(3, 0), Type: broker.Limit, Limit: decimal.New(50, 0), TIF: broker.Day,
		}
	}
	intent := func(id broker.OrderID, leg int) journal.Intent {
		return journal.Intent{Run: "e1/1", Order: order(id), Leg: leg, Number: 1, Time: time.Now()}
	}
	require.NoError(t, r.journal.Intend(t.Context(), grant, intent("o1", 0), intent("o2", 1)))
	require.NoError(t, r.journal.Settle(t.Context(), grant, journal.Settlement{
		Ref: "o1", Outcome: journal.Filled, Filled: decimal.New(3, 0), AveragePrice: decimal.New(49, 0), Time: time.Now(),
	}))
	for _, read := range []func() (ops.Run, error){
		func() (ops.Run, error) { return r.Run(t.Context(), "e1/1") },
		func() (ops.Run, error) {
			all, err := r.Runs(t.Context(), "", 10)
			require.Len(t, all, 1)
			return all[0], err
		},
	} {
		run, err := read()
		require.NoError(t, err)
		require.Equal(t, ops.Unfinished, run.Outcome)
		require.True(t, run.Finished.IsZero())
		require.Len(t, run.Orders, 2)
		require.Equal(t, journal.Filled, run.Orders[0].Outcome)
		require.Equal(t, "49", run.Orders[0].AveragePrice.String())
		require.Empty(t, run.Orders[1].Outcome)
	}
	s, err := r.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, s.Accounts[0].Open)
	require.Equal(t, []journal.RunID{"e1/1"}, s.Accounts[0].Unfinished)
	require.Zero(t, s.Accounts[1].Open)
}

func TestARunWhoseResultCannotBeReadIsShownStill(t *testing.T) {
	r := newRig()
	grant := r.begin(t, "e1")
	require.NoError(t, r.journal.Finish(t.Context(), grant, journal.Outcome{Name: "completed", Time: time.Now(), Result: json.RawMessage(`{"schema":99}`)}))
	run, err := r.Run(t.Context(), "e1/1")
	require.NoError(t, err)
	require.Equal(t, rebalance.Completed, run.Outcome)
	require.Contains(t, run.Detail, "the result cannot be read")
	require.Nil(t, run.Result)
}

func TestTheNewestRunsComeFirst(t *testing.T) {
	r := newRig()
	for n := range 5 {
		result, err := rebalance.EncodeResult(&rebalance.Result{
			Schema: rebalance.ResultSchema, Account: "A", Event: fmt.Sprint("e", n), Run: journal.RunID(fmt.Sprintf("e%d/1", n)),
			Command: "rebalance", Outcome: rebalance.NoTrade, Started: time.Now(), Finished: time.Now(),
		})
		require.NoError(t, err)
		grant := r.begin(t, fmt.Sprint("e", n))
		require.NoError(t, r.journal.Finish(t.Context(), grant, journal.Outcome{Name: string(rebalance.NoTrade), Time: time.Now(), Result: result}))
	}
	runs, err := r.Runs(t.Context(), "A", 2)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, journal.RunID("e4/1"), runs[0].ID)
	require.Equal(t, journal.RunID("e3/1"), runs[1].ID)
	none, err := r.Runs(t.Context(), "B", 2)
	require.NoError(t, err)
	require.NotNil(t, none, "an empty list, as JSON too")
	require.Empty(t, none)
}

func TestStopsOfOneAndOfAllAreApart(t *testing.T) {
	r := newRig()
	kills := func() (a, b bool) {
		s, err := r.Status(t.Context())
		require.NoError(t, err)
		return s.Accounts[0].Kill != nil, s.Accounts[1].Kill != nil
	}
	check := func(wantA, wantB bool, why string) {
		t.Helper()
		a, b := kills()
		require.Equal(t, []bool{wantA, wantB}, []bool{a, b}, why)
	}
	require.NoError(t, r.Kill(t.Context(), "A", by))
	check(true, false, "only A")
	require.NoError(t, r.Kill(t.Context(), "", by))
	check(true, true, "all")
	require.NoError(t, r.Resume(t.Context(), "", by))
	check(true, false, "the kill of A stands")
	require.NoError(t, r.Resume(t.Context(), "A", by))
	check(false, false, "none")
}

func TestAStoreThatDoesNotAnswerIsUnavailable(t *testing.T) {
	q, err := boltqueue.Open(filepath.Join(t.TempDir(), "queue.db"), nil)
	require.NoError(t, err)
	require.NoError(t, q.Close())
	r := newRig()
	r.Queue = q
	_, err = r.Enqueue(t.Context(), ops.NewEvent{Account: "A"})
	require.ErrorIs(t, err, ops.ErrUnavailable)
	require.ErrorIs(t, err, queue.ErrClosed)
	_, err = r.Status(t.Context())
	require.ErrorIs(t, err, ops.ErrUnavailable)
	_, err = r.DeadLetters(t.Context())
	require.ErrorIs(t, err, ops.ErrUnavailable)
	_, err = r.Drop(t.Context(), "none", by)
	require.ErrorIs(t, err, ops.ErrUnavailable)
}

func TestWhyAndByWhichRun(t *testing.T) {
	e := ops.Event{History: []queue.HistoryItem{{Detail: "first", Run: "r/1"}, {Detail: "second"}, {}}}
	require.Equal(t, "second", e.Why())
	require.Equal(t, "r/1", e.LastRun())
	require.Empty(t, (&ops.Event{}).Why())
	require.Empty(t, (&ops.Event{}).LastRun())
}
