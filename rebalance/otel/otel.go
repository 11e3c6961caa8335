package otel

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/metric"
	nometric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	notrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/evenkeel/evenkeel/rebalance"
)

// scope names this package to OpenTelemetry.
const scope = "github.com/evenkeel/evenkeel/rebalance/otel"

// Options says where a [Tracker] sends what it sees, and how much that is.
type Options struct {
	// TracerProvider makes the spans. It should process them in batches: a span
	// ends in the goroutine of its run. Default: no spans.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Default: no metrics.
	MeterProvider metric.MeterProvider
	// ShowAccount puts the account's ID on the span of a run, as
	// evenkeel.account.id. Metrics never have it. Default: false.
	ShowAccount bool
	// ShowSymbols puts the symbol of an order on its events, as
	// evenkeel.order.symbol. Default: false.
	ShowSymbols bool
	// MaxOpen bounds the runs whose end is waited for. One more, and the run that
	// was silent for the longest is given up as interrupted. Default: 1024.
	MaxOpen int
}

// Tracker is a [rebalance.Tracker] that makes traces and metrics. Make it with
// [New]. Safe for concurrent use, also by several engines whose events have
// different IDs. It does no I/O of its own and holds no lock while it calls a
// provider.
type Tracker struct {
	opts    Options
	tracer  trace.Tracer
	metrics metrics

	mu   sync.Mutex
	open map[runKey]*run
}

var _ rebalance.Tracker = (*Tracker)(nil)

// New returns a tracker, or an error if MaxOpen is negative or the meter refuses
// an instrument.
func New(opts Options) (*Tracker, error) {
	if opts.MaxOpen < 0 {
		return nil, fmt.Errorf("otel: new: MaxOpen is %d: it must be positive, or zero for the default", opts.MaxOpen)
	}
	opts.MaxOpen = cmp.Or(opts.MaxOpen, 1024)
	if opts.TracerProvider == nil {
		opts.TracerProvider = notrace.NewTracerProvider()
	}
	if opts.MeterProvider == nil {
		opts.MeterProvider = nometric.NewMeterProvider()
	}
	m, err := newMetrics(opts.MeterProvider.Meter(scope))
	if err != nil {
		return nil, fmt.Errorf("otel: new: %w", err)
	}
	return &Tracker{opts: opts, tracer: opts.TracerProvider.Tracer(scope), metrics: m, open: map[runKey]*run{}}, nil
}

// Track notes what happened in a run.
func (t *Tracker) Track(ctx context.Context, p rebalance.Progress) {
	switch {
	case p.Result != nil:
		t.finish(ctx, &p)
	case p.Order != nil:
		t.order(ctx, &p)
	case p.Step == rebalance.StepClaim:
		t.begin(ctx, &p)
	case p.Step != "":
		t.step(ctx, &p)
	}
}

// Close ends the spans of the runs whose end is not known, as interrupted. Call
// it when the engine has stopped and before the tracer provider is shut down. It
// does not block. A message after it opens its run anew.
func (t *Tracker) Close() {
	t.mu.Lock()
	left := t.open
	t.open = map[runKey]*run{}
	t.mu.Unlock()
	for _, r := range left {
		t.interrupt(context.Background(), r)
	}
}
