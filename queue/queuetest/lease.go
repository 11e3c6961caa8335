package queuetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var leaseCases = []testCase{
	{name: "a lease says what it is and when it ends", run: leaseTells},
	{name: "a lease that runs out is a crash, and the event comes again", run: leaseRunsOut},
	{name: "extending keeps a lease", run: extendKeeps},
	{name: "extending a lost lease fails", run: extendLost},
	{name: "settling a lost lease fails and changes nothing", run: settleLost},
	{name: "settling after another worker has the event fails and changes nothing", run: settleStolen},
	{name: "fences of an account only go up", run: fencesUp},
	{name: "every delivery has a token of its own", run: tokensDiffer},
	{name: "an event that keeps crashing ends as a dead letter", run: crashesEnd},
	{name: "crashes and attempts are counted apart", run: crashesApart},
}

func leaseTells(e *env) {
	id := e.put("A")
	before := time.Now()
	d := e.nextIs(id)
	lease := d.Lease()
	require.Equal(e, []any{id, "A", d.Fence}, []any{lease.Event, lease.Account, lease.Fence})
	require.NotEmpty(e, lease.Token)
	require.Equal(e, e.Lease, lease.Duration)
	require.True(e, lease.Expires.After(before), "it has not ended")
	require.False(e, lease.Expires.After(time.Now().Add(e.Lease)), "it ends in time")
	require.Positive(e, lease.Left())
	e.Advance(e.Lease / 4)
	require.NoError(e, d.Extend(e.Context()))
	renewed := d.Lease()
	require.False(e, renewed.Expires.Before(lease.Expires.Add(e.Lease/8)), "it was extended")
	require.False(e, renewed.Expires.After(time.Now().Add(e.Lease)))
	require.Equal(e, lease.Fence, renewed.Fence)
	e.ack(d)
}

func leaseRunsOut(e *env) {
	id := e.put("A")
	first := e.nextIs(id)
	e.Advance(e.Lease / 2)
	e.none("the lease runs on")
	e.Advance(e.Lease * 3 / 4)
	second := e.nextIs(id)
	require.Equal(e, 1, second.Attempt, "a crash is no attempt")
	require.Equal(e, 1, second.Crashes)
	require.Greater(e, second.Fence, first.Fence)
	require.True(e, first.First.Equal(second.First), "First stays")
	e.ack(second)
	if !e.Features.NoAdmin {
		var whats []string
		for _, h := range e.entry(id).History {
			whats = append(whats, h.What)
		}
		require.Equal(e, []string{queue.WhatPublished, queue.WhatDelivered, queue.WhatCrashed, queue.WhatDelivered, string(queue.VerbAck)}, whats)
	}
}

func extendKeeps(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	for range 4 {
		e.Advance(e.Lease * 6 / 10)
		require.NoError(e, d.Extend(e.Context()))
	}
	e.none("the lease was kept")
	e.ack(d)
	require.ErrorIs(e, d.Extend(e.Context()), queue.ErrSettled)
	e.is(id, queue.Done)
}

func extendLost(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	e.expire()
	require.ErrorIs(e, d.Extend(e.Context()), queue.ErrLeaseLost, "also when nobody took it")
	second := e.nextIs(id)
	require.ErrorIs(e, d.Extend(e.Context()), queue.ErrLeaseLost)
	require.NoError(e, second.Extend(e.Context()))
	e.ack(second)
	require.ErrorIs(e, d.Extend(e.Context()), queue.ErrLeaseLost)
}

// verbs settles a delivery in each way.
func (e *env) verbs() map[string]func(*queue.Delivery) error {
	ctx, note := e.Context(), queue.Note{Cause: "late"}
	return map[string]func(*queue.Delivery) error{
		"ack":   func(d *queue.Delivery) error { return d.Ack(ctx, note) },
		"retry": func(d *queue.Delivery) error { return d.Retry(ctx, 20*e.Lease, note) },
		"defer": func(d *queue.Delivery) error { return d.Defer(ctx, e.Now().Add(20*e.Lease), note) },
		"hold":  func(d *queue.Delivery) error { return d.Hold(ctx, note) },
		"dead":  func(d *queue.Delivery) error { return d.Dead(ctx, note) },
	}
}

func settleLost(e *env) {
	id := e.put("A")
	d := e.nextIs(id)
	e.expire()
	for name, settle := range e.verbs() {
		require.ErrorIs(e, settle(d), queue.ErrLeaseLost, name)
		e.is(id, queue.Queued)
	}
	again := e.nextIs(id)
	require.Equal(e, []int{1, 1}, []int{again.Attempt, again.Crashes})
	e.ack(again)
}

func settleStolen(e *env) {
	id := e.put("A")
	old := e.nextIs(id)
	e.expire()
	holder := e.nextIs(id)
	for name, settle := range e.verbs() {
		require.ErrorIs(e, settle(old), queue.ErrLeaseLost, name)
		e.is(id, queue.Leased)
	}
	e.none("the account is still leased")
	require.NoError(e, holder.Extend(e.Context()))
	require.NoError(e, holder.Hold(e.Context(), queue.Note{}))
	for name, settle := range e.verbs() {
		require.ErrorIs(e, settle(old), queue.ErrLeaseLost, name)
		e.is(id, queue.Held)
	}
}

func fencesUp(e *env) {
	last := map[string]uint64{}
	up := func(d *queue.Delivery) {
		require.Greater(e, d.Fence, last[d.Event.Account], "account %s", d.Event.Account)
		require.Equal(e, d.Fence, d.Lease().Fence)
		last[d.Event.Account] = d.Fence
		if !e.Features.NoAdmin {
			require.Equal(e, d.Fence, e.entry(d.Event.ID).Fence)
		}
	}
	for range 3 {
		for _, account := range []string{"A", "B"} {
			id := e.put(account)
			d := e.nextIs(id)
			up(d)
			require.NoError(e, d.Retry(e.Context(), 0, queue.Note{}))
			d = e.nextIs(id)
			up(d)
			require.NoError(e, d.Defer(e.Context(), e.Now(), queue.Note{}))
			up(e.nextIs(id)) // stays leased
		}
		e.expire()
		crashed := []string{}
		for range 2 {
			d := e.next()
			up(d)
			require.Equal(e, 1, d.Crashes)
			crashed = append(crashed, d.Event.Account)
			e.ack(d)
		}
		require.ElementsMatch(e, []string{"A", "B"}, crashed)
	}
}

func tokensDiffer(e *env) {
	seen := map[string]bool{}
	for _, account := range []string{"A", "B"} {
		id := e.put(account)
		for range 5 {
			d := e.nextIs(id)
			token := d.Lease().Token
			require.NotContains(e, seen, token)
			seen[token] = true
			require.NoError(e, d.Retry(e.Context(), 0, queue.Note{}))
		}
		e.ack(e.nextIs(id))
	}
}

func crashesEnd(e *env) {
	id, next := e.put("A"), e.put("A")
	for i := range e.MaxCrashes {
		d := e.nextIs(id)
		require.Equal(e, []int{1, i}, []int{d.Attempt, d.Crashes})
		e.expire()
	}
	e.is(id, queue.Dead)
	e.ack(e.nextIs(next)) // the account goes on
	e.none("the event is dead")
	if e.Features.NoAdmin {
		return
	}
	entry := e.entry(id)
	require.Equal(e, e.MaxCrashes, entry.Crashes)
	crashed := 0
	for _, h := range entry.History {
		if h.What == queue.WhatCrashed {
			crashed++
			require.NotZero(e, h.Fence)
		}
	}
	require.Equal(e, e.MaxCrashes, crashed, "the history has every crash")
	last := entry.History[len(entry.History)-1]
	require.Equal(e, []string{string(queue.VerbDead), queue.ClassCrashes}, []string{last.What, last.Class})
}

func crashesApart(e *env) {
	id := e.put("A")
	require.NoError(e, e.nextIs(id).Retry(e.Context(), 0, queue.Note{}))
	d := e.nextIs(id)
	require.Equal(e, []int{2, 0}, []int{d.Attempt, d.Crashes})
	e.expire()
	d = e.nextIs(id)
	require.Equal(e, []int{2, 1}, []int{d.Attempt, d.Crashes})
	require.NoError(e, d.Retry(e.Context(), 0, queue.Note{}))
	d = e.nextIs(id)
	require.Equal(e, []int{3, 1}, []int{d.Attempt, d.Crashes}, "earlier crashes stay counted")
	e.ack(d)
}
