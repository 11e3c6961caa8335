package otel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = broker.AccountID("DU4711")

// seen is a tracker with an SDK behind it that keeps all in memory.
type seen struct {
	*otel.Tracker
	tb     testing.TB
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	meters *sdkmetric.MeterProvider
	tracer *sdktrace.TracerProvider
}

// newSeen makes a tracker; its options need no providers.
func newSeen(tb testing.TB, opts otel.Options) *seen {
	tb.Helper()
	s := &seen{tb: tb, spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	s.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans))
	s.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.reader))
	opts.TracerProvider, opts.MeterProvider = s.tracer, s.meters
	var err error
	s.Tracker, err = otel.New(opts)
	require.NoError(tb, err)
	return s
}

// ended are the spans that ended, those of one name if it is given.
func (s *seen) ended(name string) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(s.spans.Ended(), func(span sdktrace.ReadOnlySpan) bool { return name != "" && span.Name() != name })
}

// one is the only span of a name.
func (s *seen) one(name string) sdktrace.ReadOnlySpan {
	s.tb.Helper()
	spans := s.ended(name)
	require.Len(s.tb, spans, 1, name)
	return spans[0]
}

// metric collects, and returns the data of one instrument, nil if it has none.
func (s *seen) metric(name string) metricdata.Aggregation {
	s.tb.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(s.tb, s.reader.Collect(context.Background(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name {
				return m.Data
			}
		}
	}
	return nil
}

// values are the values of a counter or gauge by their attributes.
func (s *seen) values(name string) map[string]int64 {
	s.tb.Helper()
	var points []metricdata.DataPoint[int64]
	switch data := s.metric(name).(type) {
	case nil:
	case metricdata.Sum[int64]:
		require.True(s.tb, data.IsMonotonic)
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	default:
		require.Failf(s.tb, "no counter or gauge", "%s is %T", name, data)
	}
	values := map[string]int64{}
	for _, p := range points {
		values[p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
	}
	return values
}

// durations are the count and the sum in seconds of a histogram.
func (s *seen) durations(name string) map[string][2]float64 {
	s.tb.Helper()
	values := map[string][2]float64{}
	data := s.metric(name)
	if data == nil {
		return values
	}
	require.IsType(s.tb, metricdata.Histogram[float64]{}, data)
	for _, p := range data.(metricdata.Histogram[float64]).DataPoints {
		values[p.Attributes.Encoded(attribute.DefaultEncoder())] = [2]float64{float64(p.Count), p.Sum}
	}
	return values
}

// attributes are those of a span or an event, as text.
func attributes(kv []attribute.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range kv {
		m[string(a.Key)] = a.Value.String()
	}
	return m
}

// rig is an engine on a fake broker. The account holds 1,000 ALFA at 50 and 500
// BETA at 100; the targets are 30 % and 70 %: it sells ALFA and buys BETA.
type rig struct {
	*rebalance.Engine
	tb     testing.TB
	broker *fake.Broker
	cfg    rebalance.Config
}

// newRig makes the rig; change may alter what it is made of.
func newRig(tb testing.TB, tracker rebalance.Tracker, change func(*fake.Config, *rebalance.Config)) *rig {
	tb.Helper()
	num := func(n int64) decimal.Decimal { return decimal.NewFromInt(n) }
	sim := fake.Config{
		Accounts: []fake.Account{{
			ID: account, Cash: map[broker.Currency]decimal.Decimal{"USD": num(1000)},
			Positions: map[broker.InstrumentID]decimal.Decimal{"ALFA": num(1000), "BETA": num(500)},
		}},
		Instruments: []broker.Instrument{{ID: "ALFA"}, {ID: "BETA"}},
		Quotes: map[broker.InstrumentID]marketdata.Quote{
			"ALFA": {Last: decimal.NewNullDecimal(num(50))}, "BETA": {Last: decimal.NewNullDecimal(num(100))},
		},
	}
	alfa, err := allocation.NewTarget("ALFA", "0.3")
	require.NoError(tb, err)
	beta, err := allocation.NewTarget("BETA", "0.7")
	require.NoError(tb, err)
	models, err := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{
		Schema: allocation.Schema, Strategy: "core", Targets: []allocation.Target{alfa, beta},
	})
	require.NoError(tb, err)
	policy := rebalance.DefaultPolicy()
	policy.Slippage = decimal.Zero
	r := &rig{tb: tb, cfg: rebalance.Config{
		Allocations: models, Journal: journal.NewMemory(journal.MemoryOptions{}), Tracker: tracker,
		Accounts: []rebalance.Account{{ID: account, Mode: broker.Simulated, Strategy: "core", Policy: &policy}},
	}}
	if change != nil {
		change(&sim, &r.cfg)
	}
	r.broker, err = fake.New(sim)
	require.NoError(tb, err)
	r.cfg.Broker, r.cfg.Prices = r.broker, r.broker
	r.Engine, err = rebalance.New(r.cfg)
	require.NoError(tb, err)
	return r
}

// run asks for one command and expects a result.
func (r *rig) run(event string, c rebalance.Command) *rebalance.Result {
	r.tb.Helper()
	result, err := r.Rebalance(context.Background(), rebalance.Request{Account: account, Event: event, Command: c})
	require.NoError(r.tb, err)
	return result
}

// script is what a run tells, by hand: a message a second from a time on.
func script(at time.Time, id string, messages ...rebalance.Progress) []rebalance.Progress {
	for i := range messages {
		m := &messages[i]
		m.Time, m.Account, m.Event = at.Add(time.Duration(i)*time.Second), account, id
		m.Run = journal.RunID(id + "/1")
	}
	return messages
}

// tell tells a tracker all of it.
func tell(tracker rebalance.Tracker, messages []rebalance.Progress) {
	for _, m := range messages {
		tracker.Track(context.Background(), m)
	}
}

// enter is the message that a run enters a step.
func enter(s rebalance.Step) rebalance.Progress { return rebalance.Progress{Step: s} }

// result is the message of a result.
func result(o rebalance.Outcome, reason rebalance.Reason) rebalance.Progress {
	return rebalance.Progress{Result: &rebalance.Result{Command: rebalance.CommandRebalance, Outcome: o, Reason: reason}}
}
