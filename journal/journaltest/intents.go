package journaltest

import (
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// intentCases are about orders before they are sent.
func intentCases() []testCase {
	return []testCase{
		{name: "an intent stands open until it is settled", do: openIntents},
		{name: "the very same intents may be repeated", do: repeatedIntents},
		{name: "intents are repeated even if the account was stopped since", do: repeatedWhileStopped},
		{name: "a reference that is taken is refused", do: takenRef},
		{name: "a settled reference is never used again", do: settledRef},
		{name: "a reference is taken in all accounts", do: refOfOtherAccount},
		{name: "intents are recorded all or none", do: intendAllOrNone},
		{name: "no intent while the account is blocked", do: intendBlocked},
		{name: "no intent while the account is killed", do: intendKilled},
		{name: "no intent while all accounts are killed", do: intendAllKilled},
		{name: "a stop lets the rest of the run go on", do: stoppedGoesOn},
		{name: "intents of one account are not those of another", do: intentsByAccount},
		{name: "intents come back exactly", do: exactIntent},
	}
}

func openIntents(e *env) {
	g := e.begin("e1")
	e.intend(g, "r2")
	e.intend(g, "r1", "r3")
	e.isOpen("r2", "r1", "r3")
	e.sameIntent(intentOf(g, "r1"), e.standing(acct).Open[1])
	e.settle(g, "r1", journal.Rejected)
	e.isOpen("r2", "r3")
	require.Equal(e, []string{"r2", "r1", "r3"}, refs(e.run("e1/1").Intents), "the run keeps all")
	require.NoError(e, e.Intend(e.Context(), g), "no intents are no fault")
}

func repeatedIntents(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2")
	e.intend(g, "r1", "r2")
	e.intend(g, "r2")
	e.intend(g, "r2", "r3") // what is new of them is recorded
	e.isOpen("r1", "r2", "r3")
	e.isRecorded("r1", "r2", "r3")
	same := intentOf(g, "r1")
	same.Order.Quantity = decimal.New(1000, -2) // 10.00 is 10
	same.Time = same.Time.In(time.FixedZone("there", 3600))
	same.Order.Epoch, same.Order.SendBefore = 9, at(50)
	require.NoError(e, e.Intend(e.Context(), g, same), "numbers and instants are compared by value, guards are not recorded")
}

func repeatedWhileStopped(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Kill(e.Context(), killOf("", 4)))
	e.intend(g, "r1")
	require.Error(e, e.Intend(e.Context(), g, intents(g, "r1", "r2")...), "but nothing new comes in with it")
	e.isRecorded("r1")
}

func takenRef(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	for what, change := range map[string]func(i *journal.Intent){
		"quantity": func(i *journal.Intent) { i.Order.Quantity = decimal.New(11, 0) },
		"limit":    func(i *journal.Intent) { i.Order.Limit = decimal.New(102, 0) },
		"side":     func(i *journal.Intent) { i.Order.Side = "SELL" },
		"symbol":   func(i *journal.Intent) { i.Order.Instrument = "BBB" },
		"contract": func(i *journal.Intent) { i.Order.Ref = "1" },
		"leg":      func(i *journal.Intent) { i.Leg = 4 },
		"number":   func(i *journal.Intent) { i.Number = 2 },
		"held":     func(i *journal.Intent) { i.Held = decimal.New(2, 0) },
		"time":     func(i *journal.Intent) { i.Time = at(3) },
	} {
		changed := intentOf(g, "r1")
		change(&changed)
		e.taken(g, "r1", changed)
		require.Equal(e, []string{"r1"}, refs(e.run("e1/1").Intents), "after a different %s", what)
		e.sameIntent(intentOf(g, "r1"), e.run("e1/1").Intents[0])
	}
	next := e.begin("e2")
	e.taken(next, "r1", intentOf(next, "r1"))
	require.Empty(e, e.run("e2/1").Intents)
}

func settledRef(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1", "r2")
	e.settle(g, "r1", journal.NotSent)
	e.settle(g, "r2", journal.Filled)
	e.taken(g, "r1", intentOf(g, "r1"))
	e.taken(g, "r2", intentOf(g, "r2"))
	e.isOpen()
	e.finish(g)
	g = e.begin("e2")
	e.taken(g, "r1", intentOf(g, "r1"))
	e.isRecorded()
}

func refOfOtherAccount(e *env) {
	e.intend(e.begin("e1"), "r1")
	g := e.claim(claimOf(other, "x1")).Grant
	e.taken(g, "r1", intentOf(g, "r1"))
	require.Empty(e, e.standing(other).Open)
}

func intendAllOrNone(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	e.settle(g, "r1", journal.Filled)
	e.taken(g, "r1", intents(g, "r0", "r1", "r2")...)
	bad := intents(g, "r3", "r4")
	bad[1].Order.Quantity = decimal.Decimal{}
	require.ErrorIs(e, e.Intend(e.Context(), g, bad...), journal.ErrInvalid)
	e.isRecorded("r1")
	e.isOpen()
	e.intend(g, "r0", "r2", "r3") // none of them was taken by the refused calls
	e.isOpen("r0", "r2", "r3")
}

func intendBlocked(e *env) {
	g := e.begin("e1")
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	e.stoppedBy(g, journal.ErrBlocked)
	g = e.begin("e1") // a new claim does not help
	e.stoppedBy(g, journal.ErrBlocked)
	require.NoError(e, e.Unblock(e.Context(), unblockOf(5)))
	e.intend(g, "r1")
}

func intendKilled(e *env) {
	g := e.begin("e1")
	require.NoError(e, e.Kill(e.Context(), killOf(acct, 4)))
	e.stoppedBy(g, journal.ErrKilled)
	g = e.begin("e1")
	e.stoppedBy(g, journal.ErrKilled)
	x := e.claim(claimOf(other, "x1")).Grant
	e.intend(x, "x1") // the other account goes on
	require.NoError(e, e.Resume(e.Context(), killOf(acct, 5)))
	e.intend(g, "r1")
}

func intendAllKilled(e *env) {
	g := e.begin("e1")
	require.NoError(e, e.Kill(e.Context(), killOf("", 4)))
	e.stoppedBy(g, journal.ErrKilled)
	x := e.claim(claimOf(other, "x1")).Grant // also one that is new
	e.stoppedBy(x, journal.ErrKilled)
	require.NoError(e, e.Resume(e.Context(), killOf("", 5)))
	e.intend(g, "r1")
	e.intend(x, "x1")
}

func stoppedGoesOn(e *env) {
	g := e.begin("e1")
	e.intend(g, "r1")
	require.NoError(e, e.Block(e.Context(), blockOf("found 5")))
	require.NoError(e, e.Kill(e.Context(), killOf(acct, 4)))
	require.NoError(e, e.Kill(e.Context(), killOf("", 4)))
	g = e.begin("e1")
	e.step(g, "resolve")
	e.settle(g, "r1", journal.Filled)
	e.finish(g)
	e.begin("e2")
}

func intentsByAccount(e *env) {
	g := e.begin("e1")
	x := e.claim(claimOf(other, "x1")).Grant
	e.intend(g, "r1")
	e.intend(x, "x1", "x2")
	e.isOpen("r1")
	require.Equal(e, []string{"x1", "x2"}, refs(e.standing(other).Open))
	require.Equal(e, []string{"r1"}, refs(e.claim(claimOf(acct, "e2")).Standing.Open))
	require.Equal(e, []journal.RunID{"x1/1"}, e.standing(other).Unfinished)
}

func exactIntent(e *env) {
	g := e.begin("e1")
	i := intentOf(g, "!r-1.a/b~[]{}<>&\"\\'`")
	i.Time = time.Date(2026, 11, 1, 1, 59, 59, 123456789, time.FixedZone("there", -5*3600))
	i.Held, _ = decimal.NewFromString("-1234567890123456789012.345678901234567891")
	i.Order.Quantity = decimal.New(1, -18)
	i.Order.Ref = "München <&> \u2028 \"quoted\""
	i.Order.Epoch, i.Order.SendBefore = 9, at(50)
	require.NoError(e, e.Intend(e.Context(), g, i))
	got := e.run("e1/1").Intents[0]
	e.sameIntent(i, got)
	require.Equal(e, time.UTC, got.Time.Location(), "instants come back in UTC")
	require.Zero(e, got.Order.Epoch, "the guards of the send are not recorded")
	require.Zero(e, got.Order.SendBefore, "the guards of the send are not recorded")
	require.False(e, got.Answered)
}

// taken demands that intents are refused because of a reference.
func (e *env) taken(g journal.Grant, ref string, list ...journal.Intent) {
	e.Helper()
	err := e.Intend(e.Context(), g, list...)
	require.ErrorIs(e, err, journal.ErrRefTaken)
	require.ErrorContains(e, err, ref, "the error names the reference")
}

// stoppedBy demands that a new intent is refused and leaves nothing.
func (e *env) stoppedBy(g journal.Grant, why error) {
	e.Helper()
	require.ErrorIs(e, e.Intend(e.Context(), g, intentOf(g, "r1")), why)
	require.Empty(e, e.run(g.Run).Intents, "a refused intent records nothing")
	require.Empty(e, e.standing(g.Account).Open, "a refused intent records nothing")
}

// isRecorded demands the intents of the account's newest run.
func (e *env) isRecorded(want ...string) {
	e.Helper()
	ids := e.list(acct)
	require.NotEmpty(e, ids)
	require.Equal(e, append([]string{}, want...), refs(e.run(ids[0]).Intents), "intents of run %s", ids[0])
}
