package otel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/evenkeel/evenkeel/rebalance"
)

// metrics are the instruments of a tracker.
type metrics struct {
	runs   metric.Int64Counter
	orders metric.Int64Counter
	runFor metric.Float64Histogram
	inStep metric.Float64Histogram
}

// newMetrics makes the instruments.
func newMetrics(m metric.Meter) (metrics, error) {
	// From a step that only computes to a run that waits out all its limits.
	bounds := metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600)
	var i metrics
	var faults [4]error
	i.runs, faults[0] = m.Int64Counter("evenkeel.runs", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that ended."))
	i.orders, faults[1] = m.Int64Counter("evenkeel.orders", metric.WithUnit("{order}"),
		metric.WithDescription("Orders whose end was found out."))
	i.runFor, faults[2] = m.Float64Histogram("evenkeel.run.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("Duration of runs that ended with a result."))
	i.inStep, faults[3] = m.Float64Histogram("evenkeel.step.duration", metric.WithUnit("s"), bounds,
		metric.WithDescription("Duration of the steps of runs."))
	return i, errors.Join(faults[:]...)
}

// ended counts a run that has a result.
func (m *metrics) ended(ctx context.Context, res *rebalance.Result, d time.Duration) {
	if !m.runs.Enabled(ctx) && !m.runFor.Enabled(ctx) {
		return
	}
	labels := metric.WithAttributes(resultLabels(res)...)
	m.runs.Add(ctx, 1, labels)
	m.runFor.Record(ctx, max(d, 0).Seconds(), labels) // a clock may be set back
}

// interrupted counts a run that has none.
func (m *metrics) interrupted(ctx context.Context) {
	m.runs.Add(ctx, 1, metric.WithAttributes(attribute.String(keyOutcome, interrupted)))
}

// stepped measures a step.
func (m *metrics) stepped(ctx context.Context, step rebalance.Step, d time.Duration) {
	if m.inStep.Enabled(ctx) {
		m.inStep.Record(ctx, max(d, 0).Seconds(), metric.WithAttributes(attribute.String("evenkeel.step", string(step))))
	}
}

// ordered counts an order that ended.
func (m *metrics) ordered(ctx context.Context, o *rebalance.OrderResult) {
	if m.orders.Enabled(ctx) {
		m.orders.Add(ctx, 1, metric.WithAttributes(orderLabels(o)...))
	}
}
