package redisjournal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// TestAgreesWithMemory does random calls on a journal in memory and on one in
// Redis, whose replies get lost now and then. Both answer and show the same.
func TestAgreesWithMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start func(t *testing.T) string
		seeds uint64
	}{
		"miniredis": {func(t *testing.T) string { return redistest.Mini(t).Addr() }, 4},
		"server":    {func(t *testing.T) string { return redistest.Start(t, redistest.Options{AppendFsync: "no"}).Addr }, 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := c.start(t)
			rehearse(t, addr)
			for seed := range c.seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					t.Parallel()
					agrees(t, addr, seed)
				})
			}
		})
	}
}

// agrees does the random calls of a seed.
func agrees(t *testing.T, addr string, seed uint64) {
	t.Helper()
	proxy := proxyTo(t, addr)
	d := &double{
		T: t, r: rand.New(rand.NewPCG(seed, 7)),
		memory: journal.NewMemory(journal.MemoryOptions{KeepRuns: 3}),
		redis:  journalAt(t, proxy.Addr(), redisjournal.Options{Prefix: unique(), KeepRuns: 3}),
		lost:   func() int { return proxy.Count(faultproxy.LoseReply) },
	}
	for n := range 250 {
		if n%20 == 0 {
			proxy.On(faultproxy.Rule{Match: "evalsha", Nth: 1 + d.r.IntN(3), Fault: faultproxy.LoseReply})
		}
		d.call(n)
		if n%10 == 0 {
			require.JSONEq(t, dump(t, d.memory), dump(t, d.redis), "after call %d", n)
		}
	}
	require.Positive(t, proxy.Count(faultproxy.LoseReply))
	require.Greater(t, d.accepted, 50, "too few calls were accepted to mean anything")
}

// double makes each call twice.
type double struct {
	*testing.T
	r             *rand.Rand
	memory, redis journal.Journal
	grants        []journal.Grant
	accepted      int
	lost          func() int // how many replies of Redis got lost
}

// call makes a random call.
func (d *double) call(n int) {
	ctx, when := d.Context(), at(n)
	account := broker.AccountID([]string{"U1", "U1", "U2"}[d.r.IntN(3)])
	refs := func() []string {
		list := d.r.Perm(14)[:1+d.r.IntN(3)]
		names := make([]string, len(list))
		for i, k := range list {
			names[i] = fmt.Sprintf("%d.%d", n/40, k)
		}
		return names
	}
	switch d.r.IntN(14) {
	case 0, 1:
		d.begin(n, account)
	case 2:
		s := journal.Step{Name: fmt.Sprintf("s%d", d.r.IntN(4)), Time: at(d.r.IntN(2)), Data: json.RawMessage(`{"a":1}`)}
		g := d.grant()
		d.both(n, "checkpoint", func(j journal.Journal) error { return j.Checkpoint(ctx, g, s) })
	case 3, 4, 5, 6:
		g := d.grant()
		var list []journal.Intent
		for _, ref := range refs() {
			list = append(list, intentOf(g, ref))
		}
		d.both(n, "intend", func(j journal.Journal) error { return j.Intend(ctx, g, list...) })
	case 7, 8, 9:
		var list []journal.Settlement
		for _, ref := range refs() {
			list = append(list, settled(ref, []journal.OrderOutcome{journal.Filled, journal.Filled, journal.Cancelled, journal.Unknown}[d.r.IntN(4)]))
		}
		g := d.grant()
		d.both(n, "settle", func(j journal.Journal) error { return j.Settle(ctx, g, list[:1]...) })
		d.both(n, "settle", func(j journal.Journal) error { return j.Settle(ctx, g, list...) })
	case 10:
		g := d.grant()
		d.both(n, "finish", func(j journal.Journal) error { return j.Finish(ctx, g, ending("completed")) })
	case 11:
		b := journal.Block{Account: account, Reason: "found", Time: when}
		if d.r.IntN(3) == 0 {
			d.both(n, "block", func(j journal.Journal) error { return j.Block(ctx, b) })
		}
		u := journal.Unblock{Account: account, Operator: "ada", Reason: "ok", Time: at(d.r.IntN(n + 1))}
		if s, err := d.memory.Account(ctx, account); err == nil {
			if s.Block != nil && d.r.IntN(4) > 0 {
				u.Block = s.Block.Time
			}
			for i := range s.Open {
				if d.r.IntN(8) > 0 {
					u.Refs = append(u.Refs, s.Open[i].Order.ID)
				}
			}
		}
		d.both(n, "unblock", func(j journal.Journal) error { return j.Unblock(ctx, u) })
	case 12:
		kill := killOf([]broker.AccountID{account, ""}[d.r.IntN(2)], d.r.IntN(n+1))
		if d.r.IntN(3) == 0 {
			d.both(n, "kill", func(j journal.Journal) error { return j.Kill(ctx, kill) })
		}
		d.both(n, "resume", func(j journal.Journal) error { return j.Resume(ctx, kill) })
	case 13:
		a := journal.Approval{Account: account, Run: d.grant().Run, Hash: "h", Operator: "ada", Reason: "ok", Time: at(d.r.IntN(3)), Expires: at(900)}
		d.both(n, "approve", func(j journal.Journal) error { return j.Approve(ctx, a) })
	}
}

// grant returns one of the last grants, most often the last.
func (d *double) grant() journal.Grant {
	if len(d.grants) == 0 {
		return journal.Grant{Account: "U1", Run: "e0/1", Fence: 1}
	}
	return d.grants[max(0, len(d.grants)-1-max(0, d.r.IntN(6)-3))]
}

// begin claims an account for one of few events.
func (d *double) begin(n int, account broker.AccountID) {
	c := claimOf(fmt.Sprintf("%s.%d", account, d.r.IntN(3)+n/50))
	c.Account = account
	if d.r.IntN(8) == 0 {
		c.Account = "U2" // an event of the other account, perhaps
	}
	if d.r.IntN(4) == 0 {
		c.Fence = uint64(1 + d.r.IntN(n/4+2))
	}
	var begun [2]journal.Begun
	k, lost := 0, d.lost()
	d.both(n, "begin", func(j journal.Journal) (err error) {
		begun[k], err = j.Begin(d.Context(), c)
		k++
		return err
	})
	if d.lost() > lost && begun[1].Resumed { // Redis was asked twice
		begun[0].Resumed = true
	}
	if begun[0].Grant.Fence > 0 {
		d.grants = append(d.grants, begun[0].Grant)
	}
	for i := range begun {
		begun[i].Standing.Approvals = append([]journal.Approval(nil), begun[i].Standing.Approvals...)
		begun[i].Standing.Open = append([]journal.Intent(nil), begun[i].Standing.Open...)
		begun[i].Standing.Unfinished = append([]journal.RunID(nil), begun[i].Standing.Unfinished...)
	}
	want, err1 := json.Marshal(begun[0])
	got, err2 := json.Marshal(begun[1])
	require.NoError(d, errors.Join(err1, err2))
	require.JSONEq(d, string(want), string(got), "begin, call %d", n)
}

// both makes a call on both journals and compares the errors.
func (d *double) both(n int, what string, do func(journal.Journal) error) {
	d.Helper()
	want, got := do(d.memory), do(d.redis)
	if want == nil {
		d.accepted++
	}
	for _, sentinel := range []error{
		journal.ErrFenced, journal.ErrBlocked, journal.ErrKilled, journal.ErrRefTaken, journal.ErrUnknownRef, journal.ErrSettledOtherwise,
		journal.ErrOpenIntents, journal.ErrFinished, journal.ErrUnknownRun, journal.ErrForgotten, journal.ErrInvalid, journal.ErrOtherBlock,
	} {
		require.Equal(d, errors.Is(want, sentinel), errors.Is(got, sentinel), "call %d, %s: memory says %v, redis says %v", n, what, want, got)
	}
	require.Equal(d, want == nil, got == nil, "call %d, %s: memory says %v, redis says %v", n, what, want, got)
}
