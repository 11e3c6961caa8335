package rebalance_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// lateUnblock holds an unblock up until the gate opens.
type lateUnblock struct {
	journal.Journal
	gate chan struct{}
}

func (j lateUnblock) Unblock(ctx context.Context, u journal.Unblock) error {
	<-j.gate
	return j.Journal.Unblock(ctx, u)
}

// TestALateUnblockAnswersForNothingNewer: an operator's word about one block arrives
// when the account is blocked again, with an order that is unknown.
func TestALateUnblockAnswersForNothingNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(sim *fake.Config, cfg *rebalance.Config) {
			sim.AllowMargin = true
			cfg.Accounts[0].Partial = rebalance.Partial{Then: rebalance.Halt}
		})
		r.broker.Inject(fake.RejectOrder{N: 2})
		require.Equal(t, rebalance.Blocked, r.run("e1").Outcome)
		cfg := r.cfg
		gate := make(chan struct{})
		cfg.Journal = lateUnblock{r.journal, gate}
		late, err := rebalance.New(cfg)
		require.NoError(t, err)
		by := rebalance.Arguments{Operator: "ann", Reason: "looked"}
		done := make(chan *rebalance.Result, 1)
		go func() {
			res, err := late.Rebalance(t.Context(), rebalance.Request{Account: account, Command: rebalance.CommandUnblock, Event: "u1", Arguments: by})
			if err != nil { // she lost the account meanwhile
				res = nil
			}
			done <- res
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		by.Operator = "bob"
		res := r.do(rebalance.Request{Account: account, Command: rebalance.CommandUnblock, Event: "u2", Arguments: by})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		time.Sleep(time.Minute)
		r.broker.Inject(fake.DelayOrder{N: 1, By: 10 * time.Minute})
		res = r.run("e2")
		require.Equal(t, rebalance.ReasonUnknownOutcome, res.Reason, res.Detail)
		before, err := r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Len(t, before.Open, 1)

		close(gate)
		if res := <-done; res != nil {
			require.Equal(t, rebalance.Rejected, res.Outcome, res.Detail)
		}
		after, err := r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Equal(t, before.Block, after.Block, "nobody has looked at it")
		require.Equal(t, before.Open, after.Open)
		require.Equal(t, rebalance.Blocked, r.run("e3").Outcome)

		by.Operator, by.Force = "ann", true // her event is delivered again
		res = r.do(rebalance.Request{Account: account, Command: rebalance.CommandUnblock, Event: "u1", Arguments: by})
		require.Equal(t, rebalance.Rejected, res.Outcome, res.Detail)
		after, err = r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Equal(t, before.Block, after.Block)
		res = r.do(rebalance.Request{Account: account, Command: rebalance.CommandUnblock, Event: "u3", Arguments: by})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
	})
}

// pausedSnapshot holds the second look at the account up until the gate opens.
type pausedSnapshot struct {
	broker.Broker
	gate  chan struct{}
	looks int
}

func (b *pausedSnapshot) Snapshot(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
	if b.looks++; b.looks == 2 {
		<-b.gate
	}
	return b.Broker.Snapshot(ctx, id)
}

func (b *pausedSnapshot) Unwrap() broker.Broker { return b.Broker }

// TestWhoLostTheAccountDoesNotBlockIt: a process that is paused between its sale and
// its buy wakes up when another one has finished the run.
func TestWhoLostTheAccountDoesNotBlockIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		cfg := r.cfg
		slow := &pausedSnapshot{Broker: r.broker, gate: make(chan struct{})}
		cfg.Broker = slow
		paused, err := rebalance.New(cfg)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := paused.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
			done <- err
		}()
		synctest.Wait()
		require.Equal(t, rebalance.Completed, r.run("e1").Outcome)
		close(slow.gate)
		require.ErrorIs(t, <-done, journal.ErrFenced)
		s, err := r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Nil(t, s.Block)
	})
}

// TestACorrectionAfterAnUnblockIsSeenWhateverTheClocks: the process's clock is ahead
// of the broker's, so the broker's correction seems to be older than the unblock.
func TestACorrectionAfterAnUnblockIsSeenWhateverTheClocks(t *testing.T) {
	for _, ahead := range []time.Duration{0, 5 * time.Minute} {
		t.Run(ahead.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
					cfg.Now = func() time.Time { return time.Now().Add(ahead) }
					cfg.Accounts[0].Partial.Then = rebalance.Halt
				})
				r.broker.Inject(fake.CorrectFill{N: 1, After: 2 * time.Minute, Quantity: num("300")}, fake.RejectOrder{N: 2})
				require.Equal(t, rebalance.Blocked, r.run("e1").Outcome)
				time.Sleep(time.Minute)
				res := r.do(rebalance.Request{
					Account: account, Command: rebalance.CommandUnblock, Event: "u",
					Arguments: rebalance.Arguments{Operator: "ann", Reason: "looked"},
				})
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				time.Sleep(2 * time.Minute)
				require.Equal(t, "700", r.held("A"), "corrected")
				res = r.run("e2")
				require.Equal(t, rebalance.ReasonCorrected, res.Reason, res.Detail)
			})
		})
	}
}

// TestALookStopsNoRun: commands that only look claim nothing.
func TestALookStopsNoRun(t *testing.T) {
	for _, c := range []rebalance.Command{rebalance.CommandPreview, rebalance.CommandSnapshot, rebalance.CommandHealth} {
		t.Run(string(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Delayed{By: 20 * time.Second} })
				done := make(chan error, 1)
				go func() {
					_, err := r.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "e1"})
					done <- err
				}()
				time.Sleep(5 * time.Second)
				before, err := r.journal.Account(t.Context(), account)
				require.NoError(t, err)
				res := r.do(rebalance.Request{Account: account, Command: c})
				after, err := r.journal.Account(t.Context(), account)
				require.NoError(t, err)
				require.NoError(t, <-done, "the run under way")
				require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
				require.Equal(t, before.Fence, after.Fence)
				require.Equal(t, "699", r.held("B"))
			})
		})
	}
}

// TestUnblockRestsOnAReconciliation blocks the account by an order that nobody
// can find, and lets an operator answer for it.
func TestUnblockRestsOnAReconciliation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.broker.Inject(fake.LoseOrder{N: 1}, fake.DoubtAbsence{N: 1}, fake.DoubtAbsence{N: 2}, fake.DoubtAbsence{N: 3}, fake.DoubtAbsence{N: 4})
		res := r.run("e1")
		require.Equal(t, rebalance.Blocked, res.Outcome)

		res = r.do(rebalance.Request{Account: account, Command: rebalance.CommandUnblock})
		require.Equal(t, rebalance.ReasonBadArguments, res.Reason, "who, and why?")

		res = r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandUnblock,
			Arguments: rebalance.Arguments{Operator: "ann", Reason: "the statement shows no such order"},
		})
		require.Equal(t, rebalance.Rejected, res.Outcome, "it may still come to light")
		require.Contains(t, res.Detail, "force")

		res = r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandUnblock,
			Arguments: rebalance.Arguments{Operator: "ann", Reason: "the statement shows no such order", Force: true},
		})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.NotEmpty(t, res.Findings)
		standing, err := r.journal.Account(t.Context(), account)
		require.NoError(t, err)
		require.Nil(t, standing.Block)
		require.Empty(t, standing.Open)
		require.NotEmpty(t, standing.LastUnblock.Evidence)

		res = r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, "the blocked run ends")
		require.Equal(t, rebalance.ReasonUnblocked, res.Reason)
		res = r.run("e2")
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.Equal(t, "600", r.held("A"))
	})
}

func TestAHeldPlanIsTradedWhenApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Accounts[0].Policy.Guards.MaxTurnover = decimal.NewNullDecimal(num("0.1"))
		})
		id := r.publish(queue.Event{})
		r.until(id, queue.Held)
		require.Zero(t, r.sent())
		hash := ""
		for run, err := range r.journal.Runs(t.Context(), account) {
			require.NoError(t, err)
			require.NotNil(t, run.Step("plan"))
			hash = between(string(run.Step("plan").Data), `"hash":"`, `"`)
		}

		res := r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandApprove,
			Arguments: rebalance.Arguments{Hash: "beef", Operator: "ann", Reason: "fine"},
		})
		require.Equal(t, rebalance.ReasonUnknownPlan, res.Reason)
		require.Contains(t, res.Detail, hash)

		res = r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandApprove,
			Arguments: rebalance.Arguments{Hash: hash, Operator: "ann", Reason: "fine"},
		})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		r.until(id, queue.Done)
		require.Equal(t, "600", r.held("A"))
		require.Equal(t, hash, r.run(id).PlanHash)
	})
}

func TestAnApprovalDoesNotOutliveTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *fake.Config, cfg *rebalance.Config) {
			cfg.Accounts[0].Policy.Guards.MaxTurnover = decimal.NewNullDecimal(num("0.1"))
		})
		held := r.run("e1")
		require.Equal(t, rebalance.Held, held.Outcome)
		res := r.do(rebalance.Request{
			Account: account, Command: rebalance.CommandApprove,
			Arguments: rebalance.Arguments{Hash: held.PlanHash, Operator: "ann", Reason: "fine"},
		})
		require.Equal(t, rebalance.Completed, res.Outcome, res.Detail)
		require.NoError(t, r.broker.TradeByHand(account, "B", broker.Sell, num("10")))
		res = r.run("e1")
		require.Equal(t, rebalance.Held, res.Outcome, "the account is not what was approved")
		require.NotEqual(t, held.PlanHash, res.PlanHash)
		require.Equal(t, 1, r.sent(), "only the trade by hand")
	})
}

// between is the text between two marks.
func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}
