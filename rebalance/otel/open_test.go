package otel_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

func TestOpenRunsAreBounded(t *testing.T) {
	s := newSeen(t, otel.Options{MaxOpen: 3})
	at := time.Unix(1_000_000, 0)
	for i := range 10 {
		tell(s, script(at.Add(time.Duration(i)*time.Minute), strconv.Itoa(i), enter(rebalance.StepClaim), enter(rebalance.StepReady)))
		// The first one is the oldest, but never silent.
		tell(s, script(at.Add(time.Duration(i)*time.Minute+30*time.Second), "0", enter(rebalance.StepSell))[:1])
	}
	var gone []string
	for _, run := range s.ended("evenkeel.run") {
		a := attributes(run.Attributes())
		require.Equal(t, "interrupted", a["evenkeel.outcome"])
		gone = append(gone, a["evenkeel.event.id"])
	}
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7"}, gone)
	require.EqualValues(t, 7, s.values("evenkeel.runs")["evenkeel.outcome=interrupted"])
	require.NotContains(t, s.durations("evenkeel.step.duration"), "evenkeel.step=ready,", "of what was interrupted nobody knows")
}

func TestCloseEndsWhatIsOpen(t *testing.T) {
	s := newSeen(t, otel.Options{})
	tell(s, script(time.Unix(10, 0), "a", enter(rebalance.StepClaim), enter(rebalance.StepReady)))
	s.Close()
	require.Equal(t, time.Unix(11, 0).UTC(), s.one("evenkeel.run").EndTime().UTC())
	require.Len(t, s.ended(""), 2)
	s.Close()
	require.Len(t, s.ended(""), 2)

	tell(s, script(time.Unix(20, 0), "a", enter(rebalance.StepSell), result(rebalance.Completed, "")))
	require.Len(t, s.ended("evenkeel.run"), 2, "a message after it opens its run anew")
	require.Len(t, s.ended("evenkeel.sell"), 1)
}

func TestAttachedLate(t *testing.T) {
	for name, messages := range map[string][]rebalance.Progress{
		"step":   {enter(rebalance.StepSell), result(rebalance.Completed, "")},
		"order":  {{Order: &rebalance.OrderResult{}}, result(rebalance.Completed, "")},
		"result": {result(rebalance.Completed, "")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSeen(t, otel.Options{})
			tell(s, script(time.Unix(10, 0), "a", messages...))
			require.Equal(t, time.Unix(10, 0).UTC(), s.one("evenkeel.run").StartTime().UTC())
			require.Len(t, s.spans.Started(), len(s.ended("")))
		})
	}
}

func TestEmptyMessageIsNothing(t *testing.T) {
	s := newSeen(t, otel.Options{})
	tell(s, script(time.Unix(10, 0), "a", rebalance.Progress{}))
	s.Close()
	require.Empty(t, s.spans.Started())
}

// TestConcurrentRuns has many runs at once, some under the same ID, while others
// are given up and closed: each span ends, and ends once.
func TestConcurrentRuns(t *testing.T) {
	s := newSeen(t, otel.Options{MaxOpen: 4})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 100 {
				id := strconv.Itoa((worker/2)*1000 + i) // two workers have each ID
				tell(s, script(time.Unix(int64(i), 0), id, enter(rebalance.StepClaim), enter(rebalance.StepReady), enter(rebalance.StepSell),
					rebalance.Progress{Order: &rebalance.OrderResult{Outcome: "filled"}}, result(rebalance.Completed, "")))
				if i%20 == 0 {
					s.Close()
				}
			}
		})
	}
	all.Wait()
	s.Close()
	require.NotEmpty(t, s.ended(""))
	require.Len(t, s.spans.Started(), len(s.ended("")))
	require.EqualValues(t, 800, s.values("evenkeel.runs")["evenkeel.command=rebalance,evenkeel.outcome=completed"])
	require.EqualValues(t, 800, s.values("evenkeel.orders")["evenkeel.order.outcome=filled,evenkeel.order.side="])
}

func TestNew(t *testing.T) {
	_, err := otel.New(otel.Options{MaxOpen: -1})
	require.ErrorContains(t, err, "MaxOpen is -1")

	tracker, err := otel.New(otel.Options{})
	require.NoError(t, err)
	tell(tracker, script(time.Unix(1, 0), "a", enter(rebalance.StepClaim), enter(rebalance.StepSell), result(rebalance.Failed, "x")))
	tell(tracker, script(time.Unix(1, 0), "b", enter(rebalance.StepClaim)))
	tracker.Close()
}
