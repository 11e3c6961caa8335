package service

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

// metrics are what Prometheus reads: those of the engine by OpenTelemetry, and
// those of the daemon itself.
type metrics struct {
	provider *metric.MeterProvider
	tracker  *otel.Tracker
	handler  http.Handler
	events   *prometheus.GaugeVec
	outbox   prometheus.Gauge
}

func newMetrics() (*metrics, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry))
	if err != nil {
		return nil, fmt.Errorf("service: metrics: %w", err)
	}
	m := &metrics{
		provider: metric.NewMeterProvider(metric.WithReader(exporter)),
		events: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "evenkeel_queue_events", Help: "Events in the queue by state, as of the last look.",
		}, []string{"state"}),
		outbox: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "evenkeel_outbox_messages", Help: "Notifications that wait to be sent, as of the last look.",
		}),
	}
	if m.tracker, err = otel.New(otel.Options{MeterProvider: m.provider}); err != nil {
		return nil, fmt.Errorf("service: metrics: %w", err)
	}
	registry.MustRegister(m.events, m.outbox, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m, nil
}

// count shows how many events and notifications wait.
func (m *metrics) count(stats queue.Stats, outbox int) {
	for _, state := range queue.States() {
		m.events.WithLabelValues(string(state)).Set(float64(stats.Counts[state]))
	}
	m.outbox.Set(float64(outbox))
}
