package client_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/client"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = config.Secret("0123456789abcdef-token")

var by = ops.Signed{Operator: "ana", Reason: "a test"}

// rig is a daemon's server on stores in memory, and a client of it.
type rig struct {
	*client.Client
	address string
	local   *ops.Local
	queue   *memqueue.Queue
	journal *journal.Memory
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{queue: memqueue.New(memqueue.Options{}), journal: journal.NewMemory(journal.MemoryOptions{})}
	r.local = &ops.Local{Queue: r.queue, Journal: r.journal, Accounts: []rebalance.Account{{ID: "A/1%3F", Mode: "paper", Strategy: "core"}}}
	r.local.Plan = func(context.Context, rebalance.Request) (rebalance.Plan, error) {
		return rebalance.Plan{Hash: "h"}, nil
	}
	hub := web.NewHub()
	t.Cleanup(hub.Close)
	r.address = serve(t, web.New(web.Config{
		Verbs: r.local, Token: token, Instance: "this-one", Hub: hub, Logger: slog.New(slog.DiscardHandler),
		Health: func(context.Context) rebalance.Report { return rebalance.Report{} },
		Live:   func() bool { return false }, Ready: func() bool { return false },
		Metrics: http.NotFoundHandler(),
	}))
	r.Client = client.New(r.address, token)
	return r
}

// serve returns the address of a server.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

const account = broker.AccountID("A/1%3F")

// dead makes a dead letter of the next event.
func (r *rig) dead(t *testing.T) string {
	t.Helper()
	receipt, err := r.Enqueue(t.Context(), ops.NewEvent{Account: account})
	require.NoError(t, err)
	d, err := r.queue.Receive(t.Context())
	require.NoError(t, err)
	require.Equal(t, receipt.ID, d.Event.ID)
	require.NoError(t, d.Dead(t.Context(), queue.Note{Class: "rejected", Cause: "a test"}))
	return receipt.ID
}

func TestEventsOverHTTP(t *testing.T) {
	r := newRig(t)
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	receipt, err := r.Enqueue(t.Context(), ops.NewEvent{Account: account, Command: rebalance.CommandSnapshot, Key: "k/?#", NotBefore: at})
	require.NoError(t, err)
	e, err := r.Event(t.Context(), receipt.ID)
	require.NoError(t, err)
	require.Equal(t, queue.Delayed, e.State)
	require.Equal(t, account, e.Account)
	require.Equal(t, "k/?#", e.Key)
	require.True(t, at.Equal(e.Due))
	again, err := r.Enqueue(t.Context(), ops.NewEvent{Account: account, Command: rebalance.CommandSnapshot, Key: "k/?#", NotBefore: at})
	require.NoError(t, err)
	require.Equal(t, receipt.ID, again.ID, "the key is the same")
	require.True(t, again.Duplicate)
	_, err = r.Drop(t.Context(), receipt.ID, by)
	require.NoError(t, err)

	id := r.dead(t)
	letters, err := r.DeadLetters(t.Context())
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.Equal(t, "a test", letters[0].Why())
	anew, err := r.Requeue(t.Context(), id, by)
	require.NoError(t, err)
	require.NotEqual(t, id, anew.ID)
	_, err = r.Requeue(t.Context(), id, by)
	require.ErrorIs(t, err, ops.ErrRefused, "only once")
	letters, err = r.DeadLetters(t.Context())
	require.NoError(t, err)
	require.Equal(t, anew.ID, letters[0].Successor, "the letter names what became of it")
}

func TestAHeldEventIsReleasedOverHTTP(t *testing.T) {
	r := newRig(t)
	receipt, err := r.Enqueue(t.Context(), ops.NewEvent{Account: account})
	require.NoError(t, err)
	_, err = r.Release(t.Context(), receipt.ID, by)
	require.ErrorIs(t, err, ops.ErrRefused, "it is not held")
	d, err := r.queue.Receive(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.Hold(t.Context(), queue.Note{Cause: "a test"}))
	_, err = r.Release(t.Context(), receipt.ID, by)
	require.NoError(t, err)
	e, err := r.Event(t.Context(), receipt.ID)
	require.NoError(t, err)
	require.Equal(t, queue.Queued, e.State)
}

func TestRunsOverHTTP(t *testing.T) {
	r := newRig(t)
	begun, err := r.journal.Begin(t.Context(), journal.Claim{Event: "ev", Account: account, Command: "rebalance", Time: time.Now()})
	require.NoError(t, err)
	require.NoError(t, r.journal.Checkpoint(t.Context(), begun.Grant, journal.Step{Name: "snapshot", Data: json.RawMessage(`{}`), Time: time.Now()}))
	for _, id := range []broker.AccountID{"", account} {
		runs, err := r.Runs(t.Context(), id, 10)
		require.NoError(t, err)
		require.Len(t, runs, 1)
		require.Equal(t, ops.Unfinished, runs[0].Outcome)
		require.Empty(t, runs[0].Steps)
	}
	run, err := r.Run(t.Context(), "ev/1")
	require.NoError(t, err)
	require.Equal(t, "snapshot", run.Steps[0].Name)
	_, err = r.Runs(t.Context(), account, 0)
	require.ErrorIs(t, err, ops.ErrInvalid)
	s, err := r.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, []journal.RunID{"ev/1"}, s.Accounts[0].Unfinished)
	plan, err := r.Preview(t.Context(), account)
	require.NoError(t, err)
	require.Equal(t, "h", plan.Hash)
}

func TestStopsOverHTTP(t *testing.T) {
	r := newRig(t)
	for _, scope := range []broker.AccountID{"", account} {
		require.NoError(t, r.Kill(t.Context(), scope, by))
		s, err := r.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, "ana", s.Accounts[0].Kill.Operator)
		require.NoError(t, r.Resume(t.Context(), scope, by))
	}
	require.NoError(t, r.Block(t.Context(), account, by))
	s, err := r.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "by ana: a test", s.Accounts[0].Block.Reason)
	signed := by
	signed.Force = true
	receipt, err := r.Unblock(t.Context(), account, signed)
	require.NoError(t, err)
	e, err := r.Event(t.Context(), receipt.ID)
	require.NoError(t, err)
	require.JSONEq(t, `{"operator":"ana","reason":"a test","force":true}`, string(e.Payload))
	receipt, err = r.Approve(t.Context(), ops.Approve{Account: account, Hash: "abc", Signed: by})
	require.NoError(t, err)
	e, err = r.Event(t.Context(), receipt.ID)
	require.NoError(t, err)
	require.Equal(t, rebalance.CommandApprove, e.Command)
}

// TestTheDaemonsErrorsKeepTheirKindAndWords: what errors.Is says of an error of the
// daemon, it says of that of the client.
func TestTheDaemonsErrorsKeepTheirKindAndWords(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	for name, c := range map[string]struct {
		ask  func(ops.Verbs) error
		kind error
	}{
		"no account": {func(v ops.Verbs) error { _, err := v.Enqueue(ctx, ops.NewEvent{Account: "B"}); return err }, ops.ErrNotFound},
		"no command": {func(v ops.Verbs) error {
			_, err := v.Enqueue(ctx, ops.NewEvent{Account: account, Command: "x"})
			return err
		}, ops.ErrInvalid},
		"no event":     {func(v ops.Verbs) error { _, err := v.Event(ctx, "none/../?x=1#"); return err }, ops.ErrNotFound},
		"no run":       {func(v ops.Verbs) error { _, err := v.Run(ctx, "none/1"); return err }, ops.ErrNotFound},
		"a strange id": {func(v ops.Verbs) error { _, err := v.Run(ctx, "a b%2F?c#d/1"); return err }, ops.ErrNotFound},
		"no reason":    {func(v ops.Verbs) error { return v.Kill(ctx, "", ops.Signed{Operator: "ana"}) }, ops.ErrInvalid},
		"no hash": {func(v ops.Verbs) error {
			_, err := v.Approve(ctx, ops.Approve{Account: account, Signed: by})
			return err
		}, ops.ErrInvalid},
		"no breakers": {func(v ops.Verbs) error { _, err := v.Breakers(ctx); return err }, ops.ErrUnavailable},
	} {
		here, there := c.ask(r.local), c.ask(r.Client)
		require.ErrorIs(t, here, c.kind, name)
		require.ErrorIs(t, there, c.kind, name)
		require.Equal(t, here.Error(), there.Error(), name)
	}
}

func TestAWrongTokenIsNoOtherFault(t *testing.T) {
	r := newRig(t)
	_, err := client.New(r.address, "another").Status(t.Context())
	require.ErrorIs(t, err, client.ErrUnauthorized)
	require.NotErrorIs(t, err, ops.ErrUnavailable)
	require.NotContains(t, err.Error(), "another")
}

func TestAlive(t *testing.T) {
	r := newRig(t)
	require.True(t, r.Alive(t.Context(), ""), "whatever it says of its health")
	require.True(t, r.Alive(t.Context(), "this-one"))
	require.False(t, r.Alive(t.Context(), "another-one"))
	stranger := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	require.False(t, client.New(stranger, token).Alive(t.Context(), ""), "another program has the port")
	require.False(t, client.New("127.0.0.1:1", token).Alive(t.Context(), ""))
}

func TestStrangeAnswersAreUnavailable(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no JSON":       func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"no JSON error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"another code": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, `{"code":"new","error":"x"}`)
		},
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"time":`)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			for range 65 << 4 {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		},
	} {
		_, err := client.New(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(web.HeaderInstance, "this-one")
			h(w, r)
		})), token).Status(t.Context())
		require.ErrorIs(t, err, ops.ErrUnavailable, name)
		require.NotContains(t, err.Error(), token.Reveal())
	}
	_, err := client.New("127.0.0.1:1", token).Status(t.Context())
	require.ErrorIs(t, err, ops.ErrUnavailable)
}

// TestOnlyADaemonCanSayThatItIsDone: a kill that another program answers is none.
func TestOnlyADaemonCanSayThatItIsDone(t *testing.T) {
	stranger := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	err := client.New(stranger, token).Kill(t.Context(), "", by)
	require.ErrorIs(t, err, ops.ErrUnavailable)
	require.ErrorContains(t, err, "is no daemon")
}

func TestACallEndsWithItsContext(t *testing.T) {
	asked := make(chan struct{})
	address := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() }))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := client.New(address, token).Status(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// TestTheTokenGoesNowhereElse: a redirect does not take the token along, nor turn
// an order into a question.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	var told []string
	other := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told = append(told, r.Method+" "+r.Header.Get("Authorization"))
		io.WriteString(w, "{}")
	}))
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+other+"/", http.StatusFound)
	}))
	err := client.New(address, token).Kill(t.Context(), "", by)
	require.ErrorIs(t, err, ops.ErrUnavailable, "nothing was killed")
	require.Empty(t, told)
}
