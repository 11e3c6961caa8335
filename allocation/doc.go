// Package allocation is the contract of whatever says which share of an account
// each instrument should have.
//
// # What a source promises
//
// An [Allocation] is complete or the answer is an error. An empty list, a
// missing field, a truncated body, a body of another form are errors, never an
// allocation without targets: an empty allocation would mean to sell
// everything. Whoever wants that asks for it by the command, not by a list.
//
// Weights are exact decimals, fractions of what is investable (0.25 is 25 %),
// each from 0 to 1 (a sum may be off by what [Rules] allow). Symbols are trimmed and upper-cased once; two that are then
// equal are an error. What a valid allocation is, [Rules] says, and every source
// in this module applies them; the planner checks again.
//
// Version and AsOf tell allocations apart: with a version older than the one
// last executed nothing is traded. The engine freezes one allocation per run.
//
// Errors carry a [Kind]: transient (try again), wait (at a time), permanent
// (the answer or the question is at fault). When ctx ended, the error matches
// ctx.Err() instead and has no kind.
//
// Sources are safe for concurrent use and block no longer than ctx. The
// allocation belongs to the caller.
//
// To check a source, run the suite in package allocationtest.
package allocation
