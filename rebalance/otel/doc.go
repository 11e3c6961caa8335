// Package otel shows the runs of an engine to OpenTelemetry: [Tracker] makes
// traces and metrics of what a run tells, [Watch] makes gauges of the engine's
// health. It uses the OpenTelemetry API alone. Which SDK and which exporter
// there are, the program decides that hands in the providers; nothing global is
// read or set. A program that does not import this package links nothing of
// OpenTelemetry.
//
// # Traces
//
// A run is one span, evenkeel.run, from its claim to its end, with a child span
// for each step after the claim, evenkeel.ready to evenkeel.finish. It is a child
// of the span in the context given to Engine.Rebalance, if there is one. Times
// are the engine's, so a backtest's spans lie in the time it plays.
//
// The span of a run has the attributes evenkeel.run.id, evenkeel.event.id and, at
// its end, evenkeel.command, evenkeel.outcome, evenkeel.strategy,
// evenkeel.order.count and evenkeel.reason. Blocked, rejected and failed runs
// have the status Error, error.type, and the reason as description; so has the
// step in which that happened. An order is an event of its step:
// evenkeel.order.sent, and evenkeel.order.ended once its end is known, with
// evenkeel.order.ref, evenkeel.order.side, evenkeel.order.outcome and
// evenkeel.order.code.
//
// A run that ends without a result (the process drains, another worker took
// over, a panic) is not told of its end. Its span ends with the outcome
// interrupted at the time of the last message, once the run is claimed again,
// once [Options].MaxOpen newer runs are open, or in [Tracker.Close]. A run that
// is taken up again is a new span with the same evenkeel.run.id.
//
// # Metrics
//
//	evenkeel.runs                  counter    {run}    evenkeel.outcome, evenkeel.command
//	evenkeel.orders                counter    {order}  evenkeel.order.outcome, evenkeel.order.side
//	evenkeel.run.duration          histogram  s        evenkeel.outcome, evenkeel.command
//	evenkeel.step.duration         histogram  s        evenkeel.step
//	evenkeel.breaker.state         gauge      {state}  evenkeel.dependency; 0 closed, 1 half open, 2 open
//	evenkeel.live                  gauge      {engine} 1 or 0
//	evenkeel.ready                 gauge      {engine} 1 or 0
//	evenkeel.health.check          gauge      {check}  evenkeel.check, evenkeel.check.needed; 1 passed, 0 failed
//	evenkeel.health.check.duration gauge      s        evenkeel.check
//
// Durations are of this process: what a run did before it was taken up again is
// not in them, and of what was interrupted there is none. Interrupted runs have
// no command. A command that the engine does not know counts as _OTHER. An order
// whose outcome stays unknown is counted each time it was looked for in vain.
//
// # Privacy
//
// By default nothing says whose money it is or what it is in. The ID of the
// account is shown only with [Options].ShowAccount, and without it is cut out of
// the IDs of events and runs as well; symbols are shown only with
// [Options].ShowSymbols. Quantities, prices, money, holdings and the free text of
// results and rejections are never shown: the journal has them, under the IDs of
// the span.
package otel
