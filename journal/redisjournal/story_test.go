package redisjournal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// at is the n-th second of a day.
func at(n int) time.Time {
	return time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// claimOf asks for the next fence of account U1 for an event.
func claimOf(event string) journal.Claim {
	return journal.Claim{Account: "U1", Event: event, Command: "rebalance", Time: at(0)}
}

// intentOf is an intent to buy 10 units.
func intentOf(g journal.Grant, ref string) journal.Intent {
	return journal.Intent{
		Run: g.Run, Leg: 3, Number: 1, Time: at(2), Held: decimal.New(15, -1),
		Order: broker.Order{
			ID: broker.OrderID(ref), Account: g.Account, Instrument: "AAA", Ref: "265598", Side: broker.Buy,
			Quantity: decimal.New(10, 0), Type: broker.Limit, Limit: decimal.New(10125, -2), TIF: broker.Day,
		},
	}
}

// settled is a settlement as filled, or as unknown.
func settled(ref string, o journal.OrderOutcome) journal.Settlement {
	s := journal.Settlement{Ref: broker.OrderID(ref), Outcome: o, Time: at(3)}
	if o == journal.Filled {
		s.Filled, s.AveragePrice = decimal.New(10, 0), decimal.New(10120, -2)
	}
	return s
}

// ending is an outcome with a memo.
func ending(name string) journal.Outcome {
	return journal.Outcome{Name: name, Time: at(9), Result: json.RawMessage(`{"end":1}`), Memo: json.RawMessage(`{"memo":2}`)}
}

// killOf stops, or lets go on, an account, or all for "".
func killOf(account broker.AccountID, n int) journal.Kill {
	return journal.Kill{Account: account, Operator: "ada", Reason: "drill", Time: at(n)}
}

// write is one write of the story, by name.
type write struct {
	name  string
	calls int // of scripts; the last one writes
	do    func(ctx context.Context, j journal.Journal, g *journal.Grant) error
}

// story is a sequence of writes, of each kind at least one.
func story() []write {
	unblock := journal.Unblock{Account: "U1", Operator: "ada", Reason: "statement", Time: at(5), Block: at(4), Refs: []broker.OrderID{"r3"}}
	return []write{
		{"begin", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			b, err := j.Begin(ctx, claimOf("e1"))
			*g = b.Grant
			return err
		}},
		{"checkpoint", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Checkpoint(ctx, *g, journal.Step{Name: "plan", Time: at(1), Data: json.RawMessage(`{"a":1}`)})
		}},
		{"checkpoint again", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Checkpoint(ctx, *g, journal.Step{Name: "plan", Time: at(2)})
		}},
		{"intend", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Intend(ctx, *g, intentOf(*g, "r1"), intentOf(*g, "r2"), intentOf(*g, "r3"))
		}},
		{"settle", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Settle(ctx, *g, settled("r1", journal.Filled), settled("r2", journal.Unknown))
		}},
		{"settle with evidence", 2, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Settle(ctx, *g, settled("r2", journal.NotSent))
		}},
		{"settle as unknown", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Settle(ctx, *g, settled("r3", journal.Unknown))
		}},
		{"block", 1, func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
			return j.Block(ctx, journal.Block{Account: "U1", Reason: "found 5", Time: at(4)})
		}},
		{"unblock", 1, func(ctx context.Context, j journal.Journal, _ *journal.Grant) error { return j.Unblock(ctx, unblock) }},
		{"kill", 1, func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
			return j.Kill(ctx, killOf("U1", 6))
		}},
		{"resume", 1, func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
			return j.Resume(ctx, killOf("U1", 7))
		}},
		{"approve", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Approve(ctx, journal.Approval{
				Account: "U1", Run: g.Run, Hash: "beef", Operator: "ada", Reason: "looked", Time: at(6), Expires: at(600),
			})
		}},
		{"finish", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			return j.Finish(ctx, *g, ending("completed"))
		}},
		{"begin with a fence", 1, func(ctx context.Context, j journal.Journal, g *journal.Grant) error {
			c := claimOf("e2")
			c.Fence = 7
			b, err := j.Begin(ctx, c)
			*g = b.Grant
			return err
		}},
		{"kill of all", 1, func(ctx context.Context, j journal.Journal, _ *journal.Grant) error {
			return j.Kill(ctx, killOf("", 8))
		}},
	}
}

// dump returns, as JSON, all that a journal shows of account U1.
func dump(tb testing.TB, j journal.Journal) string {
	tb.Helper()
	var all struct {
		Runs     []journal.Run
		Standing journal.Standing
	}
	var err error
	all.Standing, err = j.Account(tb.Context(), "U1")
	require.NoError(tb, err)
	s := &all.Standing // an empty list and none are the same
	s.Open = append([]journal.Intent(nil), s.Open...)
	s.Unfinished = append([]journal.RunID(nil), s.Unfinished...)
	s.Approvals = append([]journal.Approval(nil), s.Approvals...)
	for r, err := range j.Runs(tb.Context(), "") {
		require.NoError(tb, err)
		all.Runs = append(all.Runs, r)
	}
	data, err := json.MarshalIndent(all, "", " ")
	require.NoError(tb, err)
	return string(data)
}

// dumps returns what a journal in memory shows after each write of the story.
func dumps(t *testing.T) []string {
	t.Helper()
	m, g := journal.NewMemory(journal.MemoryOptions{}), journal.Grant{}
	var list []string
	for _, w := range story() {
		require.NoError(t, w.do(t.Context(), m, &g), w.name)
		list = append(list, dump(t, m))
	}
	return list
}

// tell does the writes of the story before the n-th.
func tell(tb testing.TB, j journal.Journal, g *journal.Grant, n int) {
	tb.Helper()
	for _, w := range story()[:n] {
		require.NoError(tb, w.do(tb.Context(), j, g), w.name)
	}
}

// journalAt opens a journal on a client of its own.
func journalAt(tb testing.TB, addr string, opts redisjournal.Options) *redisjournal.Journal {
	tb.Helper()
	return journalOn(tb, clientOf(addr), opts)
}

// journalOn opens a journal on a client, which it closes at the end.
func journalOn(tb testing.TB, client redis.UniversalClient, opts redisjournal.Options) *redisjournal.Journal {
	tb.Helper()
	j, err := redisjournal.New(client, opts)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, j.Close())
		require.NoError(tb, client.Close())
	})
	return j
}

// warm has a journal make the call that opens it.
func warm(tb testing.TB, j journal.Journal) {
	tb.Helper()
	_, err := j.Account(tb.Context(), "U1")
	require.NoError(tb, err)
}

// eachWrite runs a test for each write of the story.
func eachWrite(t *testing.T, test func(t *testing.T, n int, w write)) {
	t.Helper()
	for n, w := range story() {
		t.Run(fmt.Sprintf("%02d %s", n, w.name), func(t *testing.T) { test(t, n, w) })
	}
}
