package queuetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var settleCases = []testCase{
	{name: "ack ends an event", run: ackEnds},
	{name: "retry comes after its delay as the next attempt", run: retryComes},
	{name: "defer comes at its time as the same attempt", run: deferComes},
	{name: "a delay in the past is none", run: delayInPast},
	{name: "hold parks an event and frees its account", run: holdParks},
	{name: "dead keeps an event with its history and frees its account", run: deadKeeps},
	{name: "settling twice is refused", run: settleTwice},
	{name: "a settlement whose reply was lost may be repeated", run: settleRepeated, needs: needsDriver},
	{name: "a settlement is known after later deliveries", run: settleOld, needs: needsDriver},
	{name: "another verdict for a settled lease is refused", run: settleOtherwise, needs: needsDriver},
	{name: "a forged or foreign lease is lost", run: leaseForged, needs: needsDriver},
	{name: "an unknown verb changes nothing", run: unknownVerb},
	{name: "MinFence lifts the fence of the account", run: minFence},
	{name: "the history tells the whole story", run: wholeStory, needs: needsAdmin},
	{name: "the history keeps the newest fifty", run: longStory, needs: needsAdmin},
	{name: "long texts are cut in the history", run: longTexts, needs: needsAdmin},
}

func ackEnds(e *env) {
	id := e.put("A")
	e.ack(e.nextIs(id))
	e.is(id, queue.Done)
	e.wait()
	e.none("the event ended")
	e.ack(e.nextIs(e.put("A")))
}

func retryComes(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	due := e.Now().Add(2 * e.Lease)
	require.NoError(e, d.Retry(e.Context(), 2*e.Lease, queue.Note{}))
	e.is(id, queue.Delayed)
	e.none("the delay is not over")
	d = e.comes(id, due)
	require.Equal(e, []int{2, 0}, []int{d.Attempt, d.Crashes})
	e.ack(d)
}

func deferComes(e *env) {
	id := e.put("A")
	until := e.Now().Add(2 * e.Lease)
	require.NoError(e, e.nextIs(id).Defer(e.Context(), until, queue.Note{}))
	e.is(id, queue.Delayed)
	e.none("it is not time")
	d := e.comes(id, until)
	require.Equal(e, []int{1, 0}, []int{d.Attempt, d.Crashes})
	e.ack(d)
}

func delayInPast(e *env) {
	id := e.put("A")
	require.NoError(e, e.nextIs(id).Retry(e.Context(), -time.Hour, queue.Note{}))
	require.NoError(e, e.nextIs(id).Settle(e.Context(), queue.Verdict{Verb: queue.VerbRetry, After: math.MinInt64}))
	if !e.Features.NoAdmin {
		require.WithinDuration(e, e.Now(), e.entry(id).Due, e.Lease, "it does not become due in the past")
	}
	require.NoError(e, e.nextIs(id).Defer(e.Context(), e.Now().Add(-time.Hour), queue.Note{}))
	require.NoError(e, e.nextIs(id).Defer(e.Context(), time.Time{}, queue.Note{}))
	e.is(id, queue.Queued)
	d := e.nextIs(id)
	require.Equal(e, 3, d.Attempt)
	e.ack(d)
}

func holdParks(e *env) {
	event := e.event("A")
	d := e.start(event)
	first, other, follower := d.Event.ID, e.put("A"), e.publish(event).ID
	require.NoError(e, d.Hold(e.Context(), queue.Note{Class: "held"}))
	e.is(first, queue.Held)
	e.ack(e.nextIs(other))
	e.ack(e.nextIs(follower))
	e.wait()
	e.none("an operator must release it")
	e.is(first, queue.Held)
}

func deadKeeps(e *env) {
	event := e.event("A")
	d := e.start(event)
	first, other, follower := d.Event.ID, e.put("A"), e.publish(event).ID
	note := queue.Note{Run: "run1", Class: "rejected", Cause: "allocation: sum is 1.7"}
	require.NoError(e, d.Dead(e.Context(), note))
	e.is(first, queue.Dead)
	e.ack(e.nextIs(other))
	e.ack(e.nextIs(follower))
	e.wait()
	e.none("it will not be tried again")
	if !e.Features.NoAdmin {
		history := e.entry(first).History
		last := history[len(history)-1]
		require.Equal(e, []string{"dead", note.Run, note.Class, note.Cause}, []string{last.What, last.Run, last.Class, last.Detail})
	}
}

func settleTwice(e *env) {
	for name, settle := range e.verbs() {
		event := e.event(name)
		id := e.publish(event).ID
		d := e.nextIs(id)
		require.NoError(e, settle(d))
		var before queue.Entry
		if !e.Features.NoAdmin {
			before = e.entry(id)
		}
		for _, again := range e.verbs() {
			require.ErrorIs(e, again(d), queue.ErrSettled)
		}
		if !e.Features.NoAdmin {
			require.Equal(e, before, e.entry(id), "nothing changed")
		}
	}
}

func settleRepeated(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	lease := d.Lease()
	verdict := queue.Verdict{Verb: queue.VerbRetry, After: e.Lease, Note: queue.Note{Run: "r", Class: "failed", Cause: "timeout"}}
	for range 3 {
		require.NoError(e, e.Driver.Settle(e.Context(), lease, verdict))
	}
	e.none("the delay is not over")
	e.Advance(e.Lease)
	d = e.nextIs(id)
	require.Equal(e, 2, d.Attempt, "it took effect once")
	require.NoError(e, e.Driver.Settle(e.Context(), lease, verdict), "also when the event was delivered again")
	require.NoError(e, d.Extend(e.Context()), "that did not touch the new lease")

	lease = d.Lease()
	ack := queue.Verdict{Verb: queue.VerbAck}
	for range 2 {
		require.NoError(e, e.Driver.Settle(e.Context(), lease, ack))
	}
	e.is(id, queue.Done)
	e.ack(e.nextIs(e.put("A")))
}

// settleOld: somebody else may have settled the next deliveries before a reply that
// was lost is asked for again. The newest eight are known at least.
func settleOld(e *env) {
	id := e.put("A")
	const known = 8
	leases, verdicts := []queue.Lease{}, []queue.Verdict{}
	settle := func(v queue.Verdict) {
		lease := e.nextIs(id).Lease()
		require.NoError(e, e.Driver.Settle(e.Context(), lease, v))
		leases, verdicts = append(leases, lease), append(verdicts, v)
	}
	check := func() {
		for i, lease := range leases {
			require.NoError(e, e.Driver.Settle(e.Context(), lease, verdicts[i]), "settlement %d of %d", i+1, len(leases))
			other := queue.Verdict{Verb: queue.VerbDead}
			require.ErrorIs(e, e.Driver.Settle(e.Context(), lease, other), queue.ErrSettled, "settlement %d of %d", i+1, len(leases))
			_, err := e.Driver.Extend(e.Context(), lease)
			require.Error(e, err)
		}
	}
	for n := range known - 1 {
		if n == 3 {
			check()
			e.nextIs(id)
			e.expire() // a crash is no settlement
		}
		if n%2 == 0 {
			settle(queue.Verdict{Verb: queue.VerbRetry, Note: queue.Note{Cause: fmt.Sprint(n)}})
		} else {
			settle(queue.Verdict{Verb: queue.VerbDefer, Until: e.Now().Add(-time.Hour)})
		}
	}
	settle(queue.Verdict{Verb: queue.VerbAck})
	check()
	e.is(id, queue.Done)
}

func settleOtherwise(e *env) {
	id := e.put("A")
	lease := e.nextIs(id).Lease()
	require.NoError(e, e.Driver.Settle(e.Context(), lease, queue.Verdict{Verb: queue.VerbHold}))
	for _, verdict := range []queue.Verdict{
		{Verb: queue.VerbAck}, {Verb: queue.VerbRetry}, {Verb: queue.VerbHold, Note: queue.Note{Class: "another"}},
	} {
		err := e.Driver.Settle(e.Context(), lease, verdict)
		require.True(e, errors.Is(err, queue.ErrSettled) || errors.Is(err, queue.ErrLeaseLost), "%v", err)
		e.is(id, queue.Held)
	}
	_, err := e.Driver.Extend(e.Context(), lease)
	require.True(e, errors.Is(err, queue.ErrSettled) || errors.Is(err, queue.ErrLeaseLost), "%v", err)
}

func leaseForged(e *env) {
	a, b := e.put("A"), e.put("B")
	d := e.next()
	other := e.next()
	require.ElementsMatch(e, []string{a, b}, []string{d.Event.ID, other.Event.ID})
	forged := d.Lease()
	forged.Token += "x"
	unknown := d.Lease()
	unknown.Event = "nobody"
	swapped := d.Lease()
	swapped.Token = other.Lease().Token
	for name, lease := range map[string]queue.Lease{"forged": forged, "unknown": unknown, "swapped": swapped, "empty": {}} {
		require.ErrorIs(e, e.Driver.Settle(e.Context(), lease, queue.Verdict{Verb: queue.VerbAck}), queue.ErrLeaseLost, name)
		_, err := e.Driver.Extend(e.Context(), lease)
		require.ErrorIs(e, err, queue.ErrLeaseLost, name)
	}
	e.ack(d)
	e.ack(other)
	blank := d.Lease()
	blank.Token = ""
	require.ErrorIs(e, e.Driver.Settle(e.Context(), blank, queue.Verdict{Verb: queue.VerbRetry}), queue.ErrLeaseLost, "nobody has it")
	e.is(d.Event.ID, queue.Done)
}

func unknownVerb(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	for _, verdict := range []queue.Verdict{{}, {Verb: "finish"}, {Verb: queue.VerbAck, MinFence: math.MaxUint64}} {
		err := d.Settle(e.Context(), verdict)
		require.Error(e, err)
		require.False(e, errors.Is(err, queue.ErrLeaseLost) || errors.Is(err, queue.ErrSettled))
		e.is(id, queue.Leased)
	}
	e.ack(d)
}

func minFence(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	high := d.Fence + 1000
	require.NoError(e, d.Settle(e.Context(), queue.Verdict{Verb: queue.VerbDefer, MinFence: high}))
	d = e.nextIs(id)
	require.Greater(e, d.Fence, high)
	require.NoError(e, d.Settle(e.Context(), queue.Verdict{Verb: queue.VerbDefer, MinFence: 1}))
	again := e.nextIs(id)
	require.Greater(e, again.Fence, d.Fence, "it never lowers the fence")
	e.ack(again)
	other := e.nextIs(e.put("A"))
	require.Greater(e, other.Fence, again.Fence, "the fence is the account's, not the event's")
	require.NoError(e, other.Settle(e.Context(), queue.Verdict{Verb: queue.VerbDefer, MinFence: queue.MaxFence}))
	d = e.next()
	require.Greater(e, d.Fence, uint64(queue.MaxFence))
	e.ack(d)
}

func wholeStory(e *env) {
	id := e.put("A")
	note := func(n int) queue.Note {
		return queue.Note{Run: fmt.Sprintf("run%d", n), Class: fmt.Sprintf("class%d", n), Cause: fmt.Sprintf("cause%d", n)}
	}
	var fences []uint64
	deliver := func() *queue.Delivery {
		d := e.nextIs(id)
		fences = append(fences, d.Fence)
		return d
	}
	require.NoError(e, deliver().Retry(e.Context(), 0, note(1)))
	require.NoError(e, deliver().Defer(e.Context(), e.Now(), note(2)))
	require.NoError(e, deliver().Hold(e.Context(), note(3)))
	e.operator(queue.Release, id)
	require.NoError(e, deliver().Ack(e.Context(), note(4)))

	type line struct {
		what    string
		attempt int
		fence   uint64
	}
	want := []line{
		{queue.WhatPublished, 0, 0},
		{queue.WhatDelivered, 1, fences[0]},
		{"retry", 1, fences[0]},
		{queue.WhatDelivered, 2, fences[1]},
		{"defer", 2, fences[1]},
		{queue.WhatDelivered, 2, fences[2]},
		{"hold", 2, fences[2]},
		{"release", 2, fences[2]},
		{queue.WhatDelivered, 2, fences[3]},
		{"ack", 2, fences[3]},
	}
	entry := e.entry(id)
	require.Equal(e, []int{2, 0}, []int{entry.Attempt, entry.Crashes})
	require.Equal(e, fences[3], entry.Fence)
	require.False(e, entry.First.IsZero())
	var got []line
	last, notes := time.Time{}, 0
	for _, h := range entry.History {
		got = append(got, line{h.What, h.Attempt, h.Fence})
		require.False(e, h.Time.Before(last), "the oldest comes first")
		last = h.Time
		switch {
		case h.What == string(queue.Release):
			require.Equal(e, []string{"ana", "because"}, []string{h.Operator, h.Detail})
		case h.What != queue.WhatPublished && h.What != queue.WhatDelivered:
			notes++
			require.Equal(e, note(notes), noteOf(h))
		}
	}
	require.Equal(e, want, got)
}

func noteOf(h queue.HistoryItem) queue.Note {
	return queue.Note{Run: h.Run, Class: h.Class, Cause: h.Detail}
}

func longStory(e *env) {
	id := e.put("A")
	const retries = 60
	for i := range retries {
		require.NoError(e, e.nextIs(id).Retry(e.Context(), 0, queue.Note{Cause: fmt.Sprint(i)}))
	}
	history := e.entry(id).History
	require.GreaterOrEqual(e, len(history), 50)
	for i, h := range history[len(history)-50:] {
		if n := retries - 25 + i/2; i%2 == 1 {
			require.Equal(e, []string{"retry", fmt.Sprint(n)}, []string{h.What, h.Detail})
		} else {
			require.Equal(e, queue.WhatDelivered, h.What)
		}
	}
	d := e.nextIs(id)
	require.Equal(e, retries+1, d.Attempt, "what is forgotten still counts")
	e.ack(d)
}

func longTexts(e *env) {
	id := e.put("A")
	require.NoError(e, e.nextIs(id).Hold(e.Context(), queue.Note{Cause: strings.Repeat("é\xff", 5000)}))
	_, err := e.admin().Operator(e.Context(), queue.Action{
		Verb: queue.Drop, ID: id, Operator: "ana", Reason: strings.Repeat("because ", 5000),
	})
	require.NoError(e, err)
	for _, h := range e.entry(id).History {
		require.LessOrEqual(e, len(h.Detail), queue.MaxDetail)
		require.True(e, utf8.ValidString(h.Detail))
	}
	_, err = queue.EncodeEntry(e.entry(id))
	require.NoError(e, err)
}
