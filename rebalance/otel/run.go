package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/rebalance"
)

// runKey tells runs apart.
type runKey struct {
	account broker.AccountID
	run     journal.RunID
}

func keyOf(p *rebalance.Progress) runKey { return runKey{p.Account, p.Run} }

// run is a run under way. What changes in it is guarded by Tracker.mu.
type run struct {
	span  trace.Span
	began time.Time

	heard time.Time // the last message
	at    stage     // the step it is in, none at first
	over  bool      // no longer in Tracker.open: what begins now ends at once
}

// stage is a step under way.
type stage struct {
	step  rebalance.Step
	span  trace.Span // nil for none
	began time.Time
}

// begin opens a run. One that is open under the same ID was taken up again.
func (t *Tracker) begin(ctx context.Context, p *rebalance.Progress) *run {
	r := t.start(ctx, p, p.Time)
	t.mu.Lock()
	earlier := t.open[keyOf(p)]
	delete(t.open, keyOf(p))
	if earlier == nil && len(t.open) >= t.opts.MaxOpen {
		earlier = t.dropSilent()
	}
	t.open[keyOf(p)] = r
	t.mu.Unlock()

	if earlier != nil {
		t.interrupt(ctx, earlier)
	}
	return r
}

// start begins the span of a run.
func (t *Tracker) start(ctx context.Context, p *rebalance.Progress, began time.Time) *run {
	_, span := t.tracer.Start(ctx, "evenkeel.run", trace.WithTimestamp(began))
	if span.IsRecording() {
		span.SetAttributes(t.identity(p)...)
	}
	return &run{span: span, began: began, heard: p.Time}
}

// dropSilent takes out the run that was silent for the longest. The caller holds
// mu.
func (t *Tracker) dropSilent() *run {
	var silent *run
	var key runKey
	for k, r := range t.open {
		if silent == nil || r.heard.Before(silent.heard) {
			silent, key = r, k
		}
	}
	delete(t.open, key)
	return silent
}

// hear returns the run that a message is of. One whose begin was not seen, or
// which was given up, begins now.
func (t *Tracker) hear(ctx context.Context, p *rebalance.Progress) *run {
	t.mu.Lock()
	r := t.open[keyOf(p)]
	if r != nil {
		r.heard = p.Time
	}
	t.mu.Unlock()
	if r == nil {
		return t.begin(ctx, p)
	}
	return r
}

// step ends the step before and begins the next one.
func (t *Tracker) step(ctx context.Context, p *rebalance.Progress) {
	r := t.hear(ctx, p)
	inRun := trace.ContextWithSpan(ctx, r.span)
	_, span := t.tracer.Start(inRun, "evenkeel."+string(p.Step), trace.WithTimestamp(p.Time))

	t.mu.Lock()
	before := r.at
	r.at = stage{p.Step, span, p.Time}
	over := r.over
	t.mu.Unlock()

	t.leave(inRun, before, p.Time)
	if over {
		span.End(trace.WithTimestamp(p.Time))
	}
}

// leave ends a step that ran to its end.
func (t *Tracker) leave(ctx context.Context, s stage, now time.Time) {
	if s.span == nil {
		return
	}
	t.metrics.stepped(trace.ContextWithSpan(ctx, s.span), s.step, now.Sub(s.began))
	s.span.End(trace.WithTimestamp(now))
}

// order notes an order on the step that it belongs to.
func (t *Tracker) order(ctx context.Context, p *rebalance.Progress) {
	r := t.hear(ctx, p)
	t.mu.Lock()
	span := r.at.span
	t.mu.Unlock()
	if span == nil {
		span = r.span
	}
	name := "evenkeel.order.sent"
	if p.Order.Outcome != "" {
		name = "evenkeel.order.ended"
		t.metrics.ordered(trace.ContextWithSpan(ctx, span), p.Order)
	}
	if span.IsRecording() {
		span.AddEvent(name, trace.WithTimestamp(p.Time), trace.WithAttributes(t.orderAttributes(p.Order)...))
	}
}

// finish ends a run with its result.
func (t *Tracker) finish(ctx context.Context, p *rebalance.Progress) {
	r, last := t.take(keyOf(p))
	if r == nil { // it was refused before it became a run, or it was given up
		began := p.Time
		if p.Run == "" {
			began = p.Result.Started
		}
		r = t.start(ctx, p, began)
	}
	inRun := trace.ContextWithSpan(ctx, r.span)
	if last.span != nil {
		fail(last.span, p.Result)
		t.leave(inRun, last, p.Time)
	}
	fail(r.span, p.Result)
	if r.span.IsRecording() {
		r.span.SetAttributes(resultAttributes(p.Result)...)
	}
	t.metrics.ended(inRun, p.Result, p.Time.Sub(r.began))
	r.span.End(trace.WithTimestamp(p.Time))
}

// take closes an open run for further messages and returns it with the step that
// it was in.
func (t *Tracker) take(key runKey) (*run, stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.open[key]
	if r == nil {
		return nil, stage{}
	}
	delete(t.open, key)
	return r, r.shut()
}

// shut marks a run as over and returns the step that it was in. The caller holds
// Tracker.mu.
func (r *run) shut() stage {
	last := r.at
	r.at, r.over = stage{}, true
	return last
}

// interrupt ends a run whose end was not told, at the time of its last message.
func (t *Tracker) interrupt(ctx context.Context, r *run) {
	t.mu.Lock()
	last, heard := r.shut(), r.heard
	t.mu.Unlock()
	if last.span != nil {
		last.span.End(trace.WithTimestamp(heard))
	}
	r.span.SetAttributes(attribute.String(keyOutcome, interrupted))
	r.span.End(trace.WithTimestamp(heard))
	t.metrics.interrupted(trace.ContextWithSpan(ctx, r.span))
}

// fail gives a span the status of a run that ended in an error.
func fail(span trace.Span, res *rebalance.Result) {
	switch res.Outcome {
	case rebalance.Blocked, rebalance.Rejected, rebalance.Failed:
		span.SetStatus(codes.Error, string(res.Reason))
		span.SetAttributes(attribute.String("error.type", string(res.Reason)))
	default:
	}
}
