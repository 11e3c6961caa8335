package redisjournal_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// reads are the reads of a journal, by name.
func reads(t *testing.T, j journal.Journal) map[string]error {
	t.Helper()
	errs := make(map[string]error)
	_, errs["account"] = j.Account(t.Context(), "U1")
	_, errs["run"] = j.Run(t.Context(), "e1/1")
	errs["runs"] = nil
	for _, err := range j.Runs(t.Context(), "U1") {
		errs["runs"] = err
	}
	return errs
}

func TestNewerSchemaChangesNothing(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	var g journal.Grant
	tell(t, j, &g, 4)
	m.HSet("{evenkeel}:meta", "schema", "2")
	before := m.Dump()
	for _, w := range story() {
		grant := g
		require.ErrorIs(t, w.do(t.Context(), j, &grant), journal.ErrNewerSchema, w.name)
	}
	for name, err := range reads(t, j) {
		require.ErrorIs(t, err, journal.ErrNewerSchema, name)
		require.ErrorContains(t, err, "schema 2", name)
	}
	require.Equal(t, before, m.Dump())
	m.HSet("{evenkeel}:meta", "schema", "none")
	require.ErrorIs(t, reads(t, j)["run"], redisjournal.ErrForeign)
}

func TestForeignMeta(t *testing.T) {
	m := redistest.Mini(t)
	m.HSet("{evenkeel}:meta", "who", "somebody else")
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	before := m.Dump()
	_, err := j.Begin(t.Context(), claimOf("e1"))
	require.ErrorIs(t, err, redisjournal.ErrForeign)
	require.ErrorContains(t, err, "{evenkeel}:meta")
	require.Equal(t, before, m.Dump())
}

// TestForeignKeys puts a foreign key in the place of each of the journal's. No
// call that would write it changes anything, and the error names it.
func TestForeignKeys(t *testing.T) {
	for _, key := range []string{
		"meta", "all", "refs", "runs", "begun", "acct:U1", "open:U1", "unknown:U1", "unfinished:U1", "finished:U1", "begun:U1", "approvals:U1", "run:e1/1", "ops:e1/1",
	} {
		t.Run(key, func(t *testing.T) {
			m := redistest.Mini(t)
			j := journalAt(t, m.Addr(), redisjournal.Options{})
			var g journal.Grant
			tell(t, j, &g, 5)
			name := "{evenkeel}:" + key
			m.Del(name)
			_, err := m.Push(name, "foreign")
			require.NoError(t, err)
			before := m.Dump()
			named := 0
			for _, w := range story() {
				grant := g
				err := w.do(t.Context(), j, &grant)
				if err == nil {
					break // a write that has nothing to do with the key
				}
				require.Equal(t, before, m.Dump(), w.name)
				if strings.Contains(err.Error(), name+" is a list") {
					require.ErrorIs(t, err, redisjournal.ErrForeign)
					named++
				}
			}
			require.Positive(t, named, "no error names the key")
		})
	}
}

func TestDamagedRecords(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	var g journal.Grant
	tell(t, j, &g, 5)
	for field, value := range map[string]string{
		"number": "x", "fence": "", "started": "yesterday", "event": "e9", "account": "two words", "s:plan": "1 {}", "i:r1": "3",
		"i:r2": "x {}", "z:r1": "1 0 {}", "outcome": "{}", "ended": "completed",
	} {
		was := m.HGet("{evenkeel}:run:e1/1", field)
		m.HSet("{evenkeel}:run:e1/1", field, value)
		_, err := j.Run(t.Context(), "e1/1")
		require.ErrorIs(t, err, redisjournal.ErrDamaged, field)
		m.HDel("{evenkeel}:run:e1/1", field)
		if was != "" {
			m.HSet("{evenkeel}:run:e1/1", field, was)
		}
	}
	_, err := j.Run(t.Context(), "e1/1")
	require.NoError(t, err)
}

func TestRetention(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{KeepRuns: 3})
	ctx := t.Context()
	var first journal.Grant
	for n := range 9 {
		b, err := j.Begin(ctx, claimOf(fmt.Sprintf("e%d", n)))
		require.NoError(t, err)
		ref := fmt.Sprintf("r%d", n)
		require.NoError(t, j.Checkpoint(ctx, b.Grant, journal.Step{Name: "plan", Time: at(1)}))
		require.True(t, m.Exists("{evenkeel}:ops:"+string(b.Grant.Run)))
		switch n {
		case 1: // stays unfinished, with an open intent
			require.NoError(t, j.Intend(ctx, b.Grant, intentOf(b.Grant, ref)))
			continue
		case 2: // an unknown outcome, answered for
			require.NoError(t, j.Intend(ctx, b.Grant, intentOf(b.Grant, ref)))
			require.NoError(t, j.Settle(ctx, b.Grant, settled(ref, journal.Unknown)))
			require.NoError(t, j.Unblock(ctx, journal.Unblock{Account: "U1", Operator: "ada", Reason: "looked", Time: at(5), Block: at(4), Refs: []broker.OrderID{"r1", "r2", "r3"}}))
		default:
			first = b.Grant
			require.NoError(t, j.Intend(ctx, b.Grant, intentOf(b.Grant, ref)))
			require.NoError(t, j.Settle(ctx, b.Grant, settled(ref, journal.Filled)))
		}
		require.NoError(t, j.Finish(ctx, b.Grant, ending("completed")))
	}
	var left []journal.RunID
	for r, err := range j.Runs(ctx, "U1") {
		require.NoError(t, err)
		left = append(left, r.ID)
	}
	require.Equal(t, []journal.RunID{"e8/1", "e7/1", "e2/1", "e1/1"}, left)
	_, err := j.Run(ctx, "e0/1")
	require.ErrorIs(t, err, journal.ErrForgotten)
	require.ErrorIs(t, err, journal.ErrUnknownRun)
	_, err = j.Begin(ctx, claimOf("e0"))
	require.ErrorIs(t, err, journal.ErrForgotten)
	require.ErrorIs(t, err, journal.ErrFinished)
	err = j.Approve(ctx, journal.Approval{Account: "U1", Run: "e0/1", Hash: "x", Operator: "ada", Reason: "x", Time: at(1), Expires: at(2)})
	require.ErrorIs(t, err, journal.ErrForgotten)
	b, err := j.Begin(ctx, claimOf("e10"))
	require.NoError(t, err)
	require.ErrorIs(t, j.Intend(ctx, b.Grant, intentOf(b.Grant, "r0")), journal.ErrRefTaken)
	err = j.Settle(ctx, b.Grant, settled("r0", journal.Filled))
	require.ErrorIs(t, err, journal.ErrUnknownRef)
	require.ErrorIs(t, err, journal.ErrForgotten)
	require.Equal(t, uint64(10), b.Grant.Fence)
	require.Len(t, b.Standing.Open, 1)
	require.Equal(t, []journal.RunID{"e1/1"}, b.Standing.Unfinished)
	require.False(t, m.Exists("{evenkeel}:ops:"+string(first.Run)), "tokens of finished runs are dropped")
}

// TestRetentionOfDoubts: where nothing but doubts could be dropped, nothing is,
// and not the run that just ended either.
func TestRetentionOfDoubts(t *testing.T) {
	j := journalAt(t, redistest.Mini(t).Addr(), redisjournal.Options{KeepRuns: 1})
	var g journal.Grant
	tell(t, j, &g, 13) // its r3 stays unknown
	b, err := j.Begin(t.Context(), claimOf("e2"))
	require.NoError(t, err)
	require.NoError(t, j.Finish(t.Context(), b.Grant, ending("completed")))
	for _, id := range []journal.RunID{"e1/1", "e2/1"} {
		_, err := j.Run(t.Context(), id)
		require.NoError(t, err)
	}
}

func TestLimits(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{MaxData: 10})
	b, err := j.Begin(t.Context(), claimOf("e1"))
	require.NoError(t, err)
	long := json.RawMessage(`"123456789"`)
	require.ErrorIs(t, j.Checkpoint(t.Context(), b.Grant, journal.Step{Name: "s", Time: at(1), Data: long}), journal.ErrInvalid)
	require.ErrorIs(t, j.Finish(t.Context(), b.Grant, journal.Outcome{Name: "s", Time: at(1), Result: long}), journal.ErrInvalid)
	require.ErrorIs(t, j.Block(t.Context(), journal.Block{Account: "U1", Reason: "r", Time: at(1), Evidence: long}), journal.ErrInvalid)
	require.NoError(t, j.Checkpoint(t.Context(), b.Grant, journal.Step{Name: "s", Time: at(1), Data: json.RawMessage(`12345678`)}))
}

func TestOptions(t *testing.T) {
	client := clientOf("127.0.0.1:1")
	defer client.Close()
	for what, opts := range map[string]redisjournal.Options{
		"Prefix":   {Prefix: "a{b}"},
		"MaxData":  {MaxData: -1},
		"Replicas": {Replicas: -1},
		"Timeout":  {Replicas: 1, BarrierTimeout: time.Minute},
	} {
		_, err := redisjournal.New(client, opts)
		require.ErrorContains(t, err, what)
	}
	repeating := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer repeating.Close()
	_, err := redisjournal.New(repeating, redisjournal.Options{})
	require.ErrorContains(t, err, "MaxRetries")
	_, err = redisjournal.Open(t.Context(), "http://x", redisjournal.Options{})
	require.Error(t, err)
}

func TestOpen(t *testing.T) {
	s := redistest.Single(t, redistest.Options{})
	j, err := redisjournal.Open(t.Context(), "redis://"+s.Addr, redisjournal.Options{Prefix: s.Prefix})
	require.NoError(t, err)
	var g journal.Grant
	tell(t, j, &g, len(story()))
	require.NoError(t, j.Close())
	require.NoError(t, j.Close())
	_, err = j.Account(t.Context(), "U1")
	require.Error(t, err)
	j, err = redisjournal.Open(t.Context(), "redis://"+s.Addr, redisjournal.Options{Prefix: s.Prefix})
	require.NoError(t, err)
	require.JSONEq(t, dumps(t)[len(story())-1], dump(t, j))
	require.NoError(t, j.Close())
}
