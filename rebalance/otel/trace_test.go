package otel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

func TestARunIsATree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, s, nil)
		ctx, caller := s.tracer.Tracer("caller").Start(t.Context(), "caller")
		result, err := r.Rebalance(ctx, rebalance.Request{Account: account, Event: "monthly"})
		caller.End()
		require.NoError(t, err)
		require.Equal(t, rebalance.Completed, result.Outcome)

		run := s.one("evenkeel.run")
		require.Equal(t, caller.SpanContext().SpanID(), run.Parent().SpanID())
		require.True(t, result.Started.Equal(run.StartTime()))
		require.True(t, result.Finished.Equal(run.EndTime()))
		require.Equal(t, codes.Unset, run.Status().Code)
		require.Equal(t, map[string]string{
			"evenkeel.run.id": "monthly/1", "evenkeel.event.id": "monthly", "evenkeel.command": "rebalance",
			"evenkeel.outcome": "completed", "evenkeel.strategy": "core", "evenkeel.order.count": "2",
		}, attributes(run.Attributes()))

		var steps []string
		end := run.StartTime()
		for _, span := range s.ended("") {
			if span.Name() == "caller" || span.Name() == "evenkeel.run" {
				continue
			}
			steps = append(steps, strings.TrimPrefix(span.Name(), "evenkeel."))
			require.Equal(t, run.SpanContext().SpanID(), span.Parent().SpanID(), span.Name())
			require.Equal(t, end, span.StartTime(), "%s begins where the one before ends", span.Name())
			end = span.EndTime()
		}
		require.Equal(t, run.EndTime(), end)
		require.Equal(t, []string{
			"ready", "resolve", "allocation", "instruments", "snapshot", "cancel", "prices", "plan", "sell", "settle", "buy", "verify", "finish",
		}, steps)
	})
}

func TestOrdersAreEventsOfTheirStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, s, nil)
		r.broker.Inject(fake.RejectOrder{N: 2})
		got := r.run("monthly", rebalance.CommandRebalance)
		require.Equal(t, rebalance.CompletedAdjusted, got.Outcome)

		var story []string
		for _, step := range []string{"evenkeel.sell", "evenkeel.buy"} {
			for _, e := range s.one(step).Events() {
				a := attributes(e.Attributes)
				story = append(story, strings.TrimSpace(fmt.Sprint(step, " ", e.Name, " ", a["evenkeel.order.side"], " ",
					a["evenkeel.order.outcome"], " ", a["evenkeel.order.code"])))
				require.NotEmpty(t, a["evenkeel.order.ref"])
			}
		}
		require.Equal(t, []string{
			"evenkeel.sell evenkeel.order.sent SELL",
			"evenkeel.sell evenkeel.order.ended SELL filled",
			"evenkeel.buy evenkeel.order.sent BUY",
			"evenkeel.buy evenkeel.order.ended BUY rejected 201",
		}, story)
		require.Equal(t, map[string]int64{
			"evenkeel.order.outcome=filled,evenkeel.order.side=SELL":  1,
			"evenkeel.order.outcome=rejected,evenkeel.order.side=BUY": 1,
		}, s.values("evenkeel.orders"))
	})
}

func TestStatusOfEachOutcome(t *testing.T) {
	for outcome, code := range map[rebalance.Outcome]codes.Code{
		rebalance.NoTrade: codes.Unset, rebalance.Completed: codes.Unset, rebalance.CompletedAdjusted: codes.Unset,
		rebalance.Deferred: codes.Unset, rebalance.Held: codes.Unset, rebalance.Cancelled: codes.Unset,
		rebalance.Rejected: codes.Error, rebalance.Failed: codes.Error, rebalance.Blocked: codes.Error,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			s := newSeen(t, otel.Options{})
			tell(s, script(time.Unix(1, 0), "e", enter(rebalance.StepClaim), enter(rebalance.StepReady), enter(rebalance.StepSell),
				result(outcome, rebalance.ReasonOrders)))
			for _, name := range []string{"evenkeel.run", "evenkeel.sell"} {
				span := s.one(name)
				require.Equal(t, code, span.Status().Code, name)
				if code == codes.Error {
					require.Equal(t, "orders_incomplete", span.Status().Description)
					require.Equal(t, "orders_incomplete", attributes(span.Attributes())["error.type"])
				}
			}
			require.Equal(t, codes.Unset, s.one("evenkeel.ready").Status().Code, "that step went well")
			require.Equal(t, "orders_incomplete", attributes(s.one("evenkeel.run").Attributes())["evenkeel.reason"])
		})
	}
}

func TestBlockedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, s, nil)
		r.broker.Inject(fake.LoseOrder{N: 1}, fake.DoubtAbsence{N: 1}, fake.DoubtAbsence{N: 2}, fake.DoubtAbsence{N: 3})
		got := r.run("monthly", rebalance.CommandRebalance)
		require.Equal(t, rebalance.Blocked, got.Outcome)
		require.Equal(t, codes.Error, s.one("evenkeel.sell").Status().Code)
		require.Equal(t, "unknown_outcome", s.one("evenkeel.run").Status().Description)
		require.Equal(t, map[string]int64{"evenkeel.order.outcome=unknown,evenkeel.order.side=SELL": 1}, s.values("evenkeel.orders"))
	})
}

func TestRefusedRequestIsOneSpan(t *testing.T) {
	s := newSeen(t, otel.Options{})
	r := newRig(t, s, nil)
	got, err := r.Rebalance(t.Context(), rebalance.Request{Account: "nobody", Event: "e"})
	require.NoError(t, err)
	require.Equal(t, rebalance.Rejected, got.Outcome)
	run := s.one("evenkeel.run")
	require.Len(t, s.ended(""), 1)
	require.Equal(t, got.Started.UTC(), run.StartTime().UTC())
	require.Equal(t, "unknown_account", run.Status().Description)
	require.NotContains(t, attributes(run.Attributes()), "evenkeel.run.id")
}

func TestOtherCommandsOnlyFinish(t *testing.T) {
	s := newSeen(t, otel.Options{})
	r := newRig(t, s, nil)
	require.Equal(t, rebalance.Completed, r.run("find", rebalance.CommandReconcile).Outcome)
	require.Len(t, s.ended(""), 2) // the run and its finish
	require.Equal(t, "reconcile", attributes(s.one("evenkeel.run").Attributes())["evenkeel.command"])
	require.Equal(t, rebalance.Completed, r.run("look", rebalance.CommandSnapshot).Outcome)
	require.Len(t, s.ended(""), 3) // what claims nothing has nothing to finish
}

func TestReplayIsNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, s, nil)
		r.run("monthly", rebalance.CommandRebalance)
		before := len(s.ended(""))
		r.run("monthly", rebalance.CommandRebalance)
		require.Len(t, s.ended(""), before)
	})
}

func TestTimesAreTheEngines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		market := time.Date(1987, 10, 19, 14, 30, 0, 0, time.UTC)
		s := newSeen(t, otel.Options{})
		tell(s, script(market, "e", enter(rebalance.StepClaim), enter(rebalance.StepReady),
			rebalance.Progress{Order: &rebalance.OrderResult{}}, result(rebalance.Completed, "")))
		require.Equal(t, market, s.one("evenkeel.run").StartTime())
		require.Equal(t, market.Add(time.Second), s.one("evenkeel.ready").StartTime())
		require.Equal(t, market.Add(2*time.Second), s.one("evenkeel.ready").Events()[0].Time)
		require.Equal(t, market.Add(3*time.Second), s.one("evenkeel.ready").EndTime())
		require.Equal(t, market.Add(3*time.Second), s.one("evenkeel.run").EndTime())
	})
}

// TestPrivacy looks for what is secret in all that leaves.
func TestPrivacy(t *testing.T) {
	dump := func(t *testing.T, opts otel.Options) string {
		var all strings.Builder
		synctest.Test(t, func(t *testing.T) {
			s := newSeen(t, opts)
			r := newRig(t, s, nil)
			r.broker.Inject(fake.RejectOrder{N: 2, Reason: "account DU4711 has no cash for 190 BETA"})
			got := r.run("DU4711-monthly", rebalance.CommandRebalance)
			require.Len(t, got.Orders, 2)
			_, err := r.Rebalance(t.Context(), rebalance.Request{Account: account, Event: "DU4711-x", Command: "DU4711!"})
			require.NoError(t, err)
			for _, span := range s.ended("") {
				fmt.Fprintln(&all, span.Name(), attributes(span.Attributes()), span.Status())
				for _, e := range span.Events() {
					fmt.Fprintln(&all, e.Name, attributes(e.Attributes))
				}
			}
			fmt.Fprintln(&all, s.values("evenkeel.runs"), s.values("evenkeel.orders"), s.durations("evenkeel.run.duration"))
			for _, o := range got.Orders {
				require.NotContains(t, all.String(), o.Planned.String())
			}
		})
		return all.String()
	}
	hidden := dump(t, otel.Options{})
	require.NotContains(t, hidden, "DU4711")
	require.NotContains(t, hidden, "ALFA")
	require.NotContains(t, hidden, "BETA")
	require.Contains(t, hidden, "evenkeel.run.id:*-monthly/1")

	shown := dump(t, otel.Options{ShowAccount: true, ShowSymbols: true})
	require.Contains(t, shown, "evenkeel.account.id:DU4711")
	require.Contains(t, shown, "evenkeel.run.id:DU4711-monthly/1")
	require.Contains(t, shown, "evenkeel.order.symbol:ALFA")
	require.NotContains(t, shown, "no cash", "free text is never shown")
}

func TestInterruptedRunIsTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeen(t, otel.Options{})
		r := newRig(t, s, func(sim *fake.Config, _ *rebalance.Config) { sim.Fill = fake.Delayed{By: time.Minute} })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := r.Rebalance(ctx, rebalance.Request{Account: account, Event: "monthly"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, s.ended("evenkeel.run"), "its end was not told")

		time.Sleep(time.Hour)
		again := time.Now()
		require.NotNil(t, r.run("monthly", rebalance.CommandRebalance))
		runs := s.ended("evenkeel.run")
		require.Len(t, runs, 2)
		require.Equal(t, "interrupted", attributes(runs[0].Attributes())["evenkeel.outcome"])
		require.True(t, runs[0].EndTime().Before(again), "it ends where it was last heard of")
		require.True(t, runs[1].StartTime().Equal(again))
		require.Equal(t, "monthly/1", attributes(runs[1].Attributes())["evenkeel.run.id"])
		require.NotEqual(t, runs[0].SpanContext().TraceID(), runs[1].SpanContext().TraceID())
		require.Empty(t, runs[1].Links())
		require.EqualValues(t, 1, s.values("evenkeel.runs")["evenkeel.outcome=interrupted"])
		require.Len(t, s.spans.Started(), len(s.ended("")), "all spans ended")
	})
}
