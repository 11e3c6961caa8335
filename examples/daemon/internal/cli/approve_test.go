package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// guarded is an account whose plans need an approval beyond one order.
const guarded = `
allocations: {path: targets.json}
accounts:
  - id: P1
    strategy: core
    cash: 50000
    policy: {guards: {max_orders: 1}, reserve: {fraction: 0.02}}
timing: {settle: 2s, complete: 2s, acknowledge: 1s, sweep: 2s}
events: {recheck: 8s}
`

func (r *rig) targets(text string) {
	file := r.args[len(r.args)-1]
	require.NoError(r.t, os.WriteFile(filepath.Join(filepath.Dir(file), "targets.json"), []byte(text), 0o600))
}

const twoTargets = `{"schema":1,"strategies":{"core":{"targets":{"MTUM":"0.5","QUAL":"0.5"}}}}`

func TestApproveBlockKill(t *testing.T) {
	r := newRig(t, guarded)
	r.targets(twoTargets)
	r.start()
	require.Contains(t, r.do(7, "enqueue", "P1", "-wait"), "waits for an approval")
	run := read[[]ops.Run](r, "runs")[0]
	hash := read[ops.Run](r, "runs", "show", string(run.ID)).Held.Hash
	require.Contains(t, r.do(7, "approve", "P1", "another", "-reason", "looks right", "-wait"), "unknown_plan")
	require.Contains(t, r.do(0, "approve", "P1", hash, "-reason", "looks right", "-wait"), "completed")
	r.eventually("the approved plan is traded", func(*ops.Status) bool {
		return read[ops.Run](r, "runs", "show", string(run.ID)).Outcome == rebalance.Completed
	})

	r.do(0, "kill", "-reason", "a bad feeling")
	require.Contains(t, r.do(0, "status"), "KILLED: a bad feeling")
	r.targets(`{"schema":1,"strategies":{"core":{"targets":{"MTUM":"0.2","QUAL":"0.8"}}}}`)
	require.Contains(t, r.do(7, "enqueue", "P1", "-wait"), "the event is held: killed")
	r.do(0, "kill", "P1", "-reason", "this one more so")
	require.Contains(t, r.do(0, "resume", "-reason", "it is gone"), "P1: still killed by itself (this one more so)")
	require.NotContains(t, r.do(0, "resume", "P1", "-reason", "it is gone"), "still")
	held := read[ops.Status](r, "status").Waiting
	require.Len(t, held, 1)
	r.do(0, "deadletters", "release", held[0].ID, "-reason", "go on")
	r.eventually("its plan waits for an approval", func(s *ops.Status) bool { return s.Queue[queue.Held] == 1 })
	r.do(0, "block", "P1", "-reason", "the statement differs")
	require.Contains(t, r.do(0, "status"), "BLOCKED: by ada: the statement differs")
	require.Contains(t, r.do(7, "enqueue", "P1", "-wait"), "is blocked")
	require.Contains(t, r.do(7, "enqueue", "P1", "-wait"), "behind event")
	for _, e := range read[ops.Status](r, "status").Waiting {
		if e.State == queue.Queued || e.State == queue.Delayed {
			r.do(0, "deadletters", "drop", e.ID, "-reason", "not now")
		}
	}
	require.Contains(t, r.do(0, "unblock", "P1", "-reason", "compared, it is right", "-wait"), "completed")
	require.NotContains(t, r.do(0, "status"), "BLOCKED")

	// An open breaker lets no work begin, until it is handed back.
	r.do(2, "breakers", "force-open", "broker")
	r.do(2, "breakers", "ajar", "broker", "-reason", "x")
	require.Contains(t, r.do(4, "breakers", "force-open", "moon", "-reason", "x"), "allocations")
	require.Contains(t, r.do(0, "breakers", "force-open", "broker", "-reason", "maintenance"), "no new work begins")
	require.Contains(t, r.do(0, "status"), "breaker broker is open, force-open by ada since")
	require.Contains(t, r.do(0, "breakers"), "maintenance")
	r.do(0, "enqueue", "P1", "snapshot", "-key", "while-it-is-open")
	r.eventually("the event waits", func(s *ops.Status) bool {
		return slices.ContainsFunc(s.Waiting, func(e ops.Event) bool {
			return e.State == queue.Delayed && strings.Contains(e.Why(), "breaker broker was opened by an operator")
		})
	})
	require.Contains(t, r.do(0, "breakers", "auto", "broker", "-reason", "it is over"), "by the results")
	require.Equal(t, ops.BreakerAuto, read[[]ops.Breaker](r, "breakers", "list")[1].Mode)

	// An event that can never work becomes a dead letter.
	r.do(7, "enqueue", "P1", "rebalance", "-payload", `{"strategy":"unheard-of"}`, "-wait")
	dead := read[[]ops.Event](r, "deadletters")
	require.Len(t, dead, 2, "the approval of another plan is the first one")
	require.Contains(t, r.do(0, "deadletters", "show", dead[1].ID), "unheard-of")
	r.do(0, "deadletters", "requeue", dead[1].ID, "-reason", "once more")
	r.do(5, "deadletters", "requeue", dead[1].ID, "-reason", "and once more")
	r.eventually("it is dead again", func(s *ops.Status) bool { return s.Queue[queue.Dead] == 3 })
	for _, e := range read[[]ops.Event](r, "deadletters") {
		if e.Successor == "" {
			r.do(0, "deadletters", "drop", e.ID, "-reason", "a typing error")
		}
	}
	r.eventually("it is dropped", func(s *ops.Status) bool { return s.Queue[queue.Dead] == 1 })
}
