package web_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/client"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
)

func TestTheClientDoesAllVerbs(t *testing.T) {
	r := newRig(t)
	c, ctx := client.New(r.address(), token), t.Context()
	require.True(t, c.Alive(ctx, ""))
	require.True(t, c.Alive(ctx, "this-one"))
	require.False(t, c.Alive(ctx, "another"), "a daemon of another folder")
	s, err := c.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, nasty, s.Accounts[1].Block.Reason)
	require.Equal(t, "0.03", s.Accounts[0].Picture.Lines[0].Drift.String())

	receipt, err := c.Enqueue(ctx, ops.NewEvent{Account: "A", Command: "preview", Key: "k", Payload: json.RawMessage(`{"force":true}`)})
	require.NoError(t, err)
	again, err := c.Enqueue(ctx, ops.NewEvent{Account: "A", Command: "preview", Key: "k"})
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	e, err := c.Event(ctx, receipt.ID)
	require.NoError(t, err)
	require.JSONEq(t, `{"force":true}`, string(e.Payload))
	plan, err := c.Preview(ctx, "A")
	require.NoError(t, err)
	require.Equal(t, "h", plan.Hash)

	runs, err := c.Runs(ctx, "A", 5)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	run, err := c.Run(ctx, runs[0].ID)
	require.NoError(t, err)
	require.Equal(t, "201", run.Orders[1].Code)
	require.NotNil(t, run.Result)

	signed := ops.Signed{Operator: "Ada", Reason: "test"}
	dead, err := c.DeadLetters(ctx)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	require.Equal(t, nasty, dead[0].Why())
	_, err = c.Requeue(ctx, r.dead, signed)
	require.NoError(t, err)
	_, err = c.Requeue(ctx, r.dead, signed)
	require.ErrorIs(t, err, ops.ErrRefused)
	_, err = c.Drop(ctx, receipt.ID, signed)
	require.NoError(t, err)
	_, err = c.Release(ctx, receipt.ID, signed)
	require.ErrorIs(t, err, ops.ErrRefused, "it is not held")
	require.NoError(t, c.Kill(ctx, "", signed))
	require.NoError(t, c.Resume(ctx, "", signed))
	require.NoError(t, c.ForceBreaker(ctx, "broker", ops.BreakerForceOpen, signed))
	breakers, err := c.Breakers(ctx)
	require.NoError(t, err)
	require.Len(t, breakers, 2)
	require.WithinDuration(t, time.Now(), breakers[0].Since, time.Minute)
	breakers[0].Since = time.Time{}
	require.Equal(t, ops.Breaker{Name: "broker", State: "open", Mode: ops.BreakerForceOpen, Operator: "Ada", Reason: "test"}, breakers[0])
	require.Equal(t, ops.Breaker{Name: "prices", State: "open", Mode: ops.BreakerAuto}, breakers[1])
	s, err = c.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, ops.BreakerForceOpen, s.Breakers[0].Mode)
	require.NoError(t, c.Block(ctx, "A", signed))
	_, err = c.Unblock(ctx, "A", ops.Signed{Operator: "Ada", Reason: "looked", Force: true})
	require.NoError(t, err)
	_, err = c.Approve(ctx, ops.Approve{Account: "A", Hash: "h", Signed: signed})
	require.NoError(t, err)

	for _, c2 := range []struct {
		err  error
		want error
	}{
		{c.Block(ctx, "nobody", signed), ops.ErrNotFound},
		{c.Block(ctx, "A", ops.Signed{}), ops.ErrInvalid},
		{c.Kill(ctx, "", ops.Signed{Operator: "Ada"}), ops.ErrInvalid},
		{c.ForceBreaker(ctx, "moon", ops.BreakerAuto, signed), ops.ErrNotFound},
		{c.ForceBreaker(ctx, "broker", "ajar", signed), ops.ErrInvalid},
		{c.ForceBreaker(ctx, "broker", ops.BreakerForceOpen, ops.Signed{}), ops.ErrInvalid},
	} {
		require.ErrorIs(t, c2.err, c2.want)
	}
	_, err = c.Event(ctx, "none")
	require.ErrorIs(t, err, ops.ErrNotFound)
	_, err = c.Run(ctx, "no/1")
	require.ErrorIs(t, err, ops.ErrNotFound)
	_, err = c.Enqueue(ctx, ops.NewEvent{Account: "A", Command: "dance"})
	require.ErrorIs(t, err, ops.ErrInvalid)
	_, err = client.New(r.address(), "wrong").Status(ctx)
	require.ErrorIs(t, err, client.ErrUnauthorized)
	_, err = client.New("127.0.0.1:1", token).Status(ctx)
	require.ErrorIs(t, err, ops.ErrUnavailable)
}

func TestTheDocumentListsExactlyTheRoutes(t *testing.T) {
	data, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(data, &doc))
	documented := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			documented[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, route := range web.Routes(newRig(t).server) {
		require.True(t, documented[strings.ReplaceAll(route, "...", "")], "%s is not in openapi.json", route)
		delete(documented, strings.ReplaceAll(route, "...", ""))
	}
	for _, other := range []string{"GET /livez", "GET /readyz", "GET /healthz", "GET /metrics", "GET /openapi.json", "POST /hooks/events"} {
		require.True(t, documented[other], other)
		delete(documented, other)
	}
	require.Empty(t, documented, "documented and not there")
}
