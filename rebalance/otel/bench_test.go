package otel_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

// BenchmarkRun is all that a run of two orders tells: a claim, 12 steps, 4 order
// messages, a result.
func BenchmarkRun(b *testing.B) {
	sent := rebalance.Progress{Order: &rebalance.OrderResult{Ref: "ek1.AAAAAAAAAA.1.0.1", Side: broker.Sell}}
	ended := rebalance.Progress{Order: &rebalance.OrderResult{Ref: "ek1.AAAAAAAAAA.1.0.1", Side: broker.Sell, Outcome: "filled"}}
	messages := script(time.Unix(1_000_000, 0), "monthly", enter(rebalance.StepClaim), enter(rebalance.StepReady),
		enter(rebalance.StepResolve), enter(rebalance.StepAllocation), enter(rebalance.StepInstruments), enter(rebalance.StepSnapshot),
		enter(rebalance.StepCancel), enter(rebalance.StepPrices), enter(rebalance.StepPlan), enter(rebalance.StepSell), sent, ended,
		enter(rebalance.StepSettle), enter(rebalance.StepBuy), sent, ended, enter(rebalance.StepVerify), result(rebalance.Completed, ""))
	run := func(name string, opts otel.Options) {
		b.Run(name, func(b *testing.B) {
			tracker, err := otel.New(opts)
			require.NoError(b, err)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				for i := range messages {
					tracker.Track(ctx, messages[i])
				}
			}
		})
	}
	run("no-op", otel.Options{})
	run("sdk", otel.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(tracetest.NewNoopExporter())),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
	})
}
