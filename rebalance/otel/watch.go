package otel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/evenkeel/evenkeel/rebalance"
)

// WatchOptions says how often [Watch] asks.
type WatchOptions struct {
	// Every is the pause between two rounds of health checks. Each round asks
	// every dependency. Negative: no checks, only breakers and liveness, which
	// cost nothing. Default: 1 min.
	Every time.Duration
}

// Watch shows the health of an engine as gauges until ctx ends; it blocks so
// long, and then returns nil. Breakers and liveness are looked at whenever a
// reader collects. The checks talk to dependencies and may take long, so Watch
// makes them itself, and readers see the last round: collecting never waits for
// a broker. The gauges go away with Watch, so none tells of a state that nobody
// looks at any more. Two engines need meter providers with different resources, or
// they show the same gauges. Watch returns an error at once if there is no engine or meter
// provider, or if the meter refuses an instrument.
func Watch(ctx context.Context, engine *rebalance.Engine, meters metric.MeterProvider, opts WatchOptions) error {
	if engine == nil || meters == nil {
		return errors.New("otel: watch: the engine or the meter provider is nil: give both")
	}
	w := &watch{engine: engine}
	if err := w.instruments(meters.Meter(scope)); err != nil {
		return fmt.Errorf("otel: watch: %w", err)
	}
	registration, err := meters.Meter(scope).RegisterCallback(w.observe, w.state, w.live, w.ready, w.check, w.took)
	if err != nil {
		return fmt.Errorf("otel: watch: %w", err)
	}
	w.look(ctx, cmp.Or(opts.Every, time.Minute))
	if err := registration.Unregister(); err != nil {
		return fmt.Errorf("otel: watch: end: %w", err)
	}
	return nil
}

// watch is what the gauges show.
type watch struct {
	engine *rebalance.Engine
	report atomic.Pointer[rebalance.Report] // nil before the first round

	state, live, ready, check metric.Int64ObservableGauge
	took                      metric.Float64ObservableGauge
}

// instruments makes the gauges.
func (w *watch) instruments(m metric.Meter) error {
	var faults [5]error
	w.state, faults[0] = m.Int64ObservableGauge("evenkeel.breaker.state", metric.WithUnit("{state}"),
		metric.WithDescription("State of a dependency's breaker: 0 closed, 1 half open, 2 open."))
	w.live, faults[1] = m.Int64ObservableGauge("evenkeel.live", metric.WithUnit("{engine}"),
		metric.WithDescription("1 if the service loop moves, or does not run."))
	w.ready, faults[2] = m.Int64ObservableGauge("evenkeel.ready", metric.WithUnit("{engine}"),
		metric.WithDescription("1 if every needed check passed."))
	w.check, faults[3] = m.Int64ObservableGauge("evenkeel.health.check", metric.WithUnit("{check}"),
		metric.WithDescription("1 if the check passed."))
	w.took, faults[4] = m.Float64ObservableGauge("evenkeel.health.check.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of the check."))
	return errors.Join(faults[:]...)
}

// look makes the checks again and again until ctx ends.
func (w *watch) look(ctx context.Context, every time.Duration) {
	if every < 0 {
		<-ctx.Done()
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		report := w.engine.Health(ctx)
		if ctx.Err() != nil {
			return // its checks failed because they were broken off
		}
		w.report.Store(&report)
		timer.Reset(every)
	}
}

// observe hands the gauges to a reader.
func (w *watch) observe(_ context.Context, o metric.Observer) error {
	for name, state := range w.engine.Breakers() {
		o.ObserveInt64(w.state, int64(state), metric.WithAttributes(attribute.String("evenkeel.dependency", name)))
	}
	o.ObserveInt64(w.live, one(w.engine.Live()))
	report := w.report.Load()
	if report == nil {
		return nil
	}
	o.ObserveInt64(w.ready, one(report.Ready))
	for i := range report.Checks {
		c := &report.Checks[i]
		name := attribute.String("evenkeel.check", c.Name)
		o.ObserveInt64(w.check, one(c.OK), metric.WithAttributes(name, attribute.Bool("evenkeel.check.needed", c.Needed)))
		o.ObserveFloat64(w.took, c.Latency.Seconds(), metric.WithAttributes(name))
	}
	return nil
}

// one is 1 for yes.
func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
