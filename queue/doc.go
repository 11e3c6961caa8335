// Package queue is the contract of the event queue between those who ask for
// work ("rebalance account X") and the engine that does it.
//
// # What an implementation promises
//
// At least once. An accepted event is at every moment in exactly one state
// (see [State]) and stays until its outcome is stored. A worker that dies loses
// nothing: its lease runs out and the event is delivered again.
//
// One at a time per account. An account has at most one lease: while one of its
// events is leased, no other one is delivered.
//
// Order. The events of an account stand in a line, in the order in which they
// were accepted, and of those that may be delivered the first in the line is.
// While an event was delivered and waits for a retry or a deferral, no later
// event of the same account and command is delivered. Those of other commands go
// on: what resolves a wait must not be stuck behind it. An event keeps its place
// while it waits; once it is due again, it comes before all later ones. Events
// that were never delivered and whose NotBefore lies in the future hold up
// nothing, and neither do held ones.
//
// Fences. Each delivery carries a fence, a number that only ever goes up per
// account. Whoever writes on behalf of an account shows its fence, so that a
// holder that was paused past its lease is refused by the stores it writes to.
//
// Idempotent publishing. An event with a Key that was accepted before is not
// accepted again: the receipt names the first one, whatever else the second one
// says. Publishing with a Key may therefore be retried without harm. The same
// holds for an ID that the producer gave. A Key or ID that was accepted for
// another account or command is an error of the producer, [ErrInvalidEvent]:
// neither event may silently stand for the other. An implementation may forget
// Keys and IDs of events that ended long ago, and says when.
//
// Coalescing. An event that asks for the same as the last one of its account and
// command in the line (equal schema and payload, byte for byte) takes that one's
// place, if it was never delivered: the older one ends as [Superseded], naming
// its successor. The NotBefore of the newer one counts. An event that was
// delivered once is never superseded, nor one with another request of its command
// behind it, so that what was asked for last is done last; the newer one then
// follows.
//
// Poison. A delivery that ends by the running out of its lease is counted apart
// from attempts ([Delivery.Crashes]); otherwise the event is due again at once,
// at its place: no later event of the account comes before it. An event that has
// used up the allowed crash deliveries goes to the dead letters by itself.
//
// Settling. A delivery is settled once, by one verb of [Delivery]. Settling
// twice is [ErrSettled]; settling after the lease was lost is [ErrLeaseLost] and
// changes nothing. A lease that ran out is lost, also when nobody else took it.
//
// Newer events. An event of a newer schema than [Schema] is accepted, kept and
// delivered like any other; [DecodeEvent] keeps what it cannot read. The worker
// defers it to a newer one; only its own command waits with it.
//
// Limits. A queue bounds how many events it keeps and how long an account's line
// may be, and refuses more with [ErrFull]. An event that supersedes another one
// or repeats a Key is never refused for that. Dead events are kept until an
// operator drops them or asks for them again.
//
// History. What happened to an event is kept with it. A queue may forget older
// items, but keeps the newest 50 or more.
//
// Concurrency and blocking. All methods are safe for concurrent use.
// [EventQueue.Receive] blocks until an event is due or ctx ends; the rest
// return promptly. Nothing given is retained but by copy, and what is returned
// belongs to the caller.
//
// Package memqueue has the implementation in memory. To check another one, run
// the suite in package queuetest.
package queue
