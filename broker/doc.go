// Package broker is the vocabulary of evenkeel (instruments, money, account
// snapshots, orders, fills) and the contract between the engine and whatever
// holds the account.
//
// # What an implementation promises
//
// Completeness. A read is complete or an error. An answer that may be partial
// (a list without its end marker, a session that changed half-way, a missing
// net liquidation value) is an error of [KindTransient] or [KindSession],
// never a shorter list and never a zero. Empty means: the broker said, to the
// end, that there is nothing.
//
// Identity. The caller chooses [Order.ID]. It is at most 32 ASCII characters,
// unique for ever, and the broker carries it on the order, its fills and its
// completed record. Placing an ID that the broker already knows sends nothing
// and returns that order's state.
//
// Single send. [OrderPlacer.Place] writes to the broker at most once and does
// not retry. Its error says which side of the write it failed on: with
// [KindIndeterminate] the order may or may not be at the broker, with every
// other kind it provably is not. A refusal by the broker is a state
// ([StatusRejected]), not an error.
//
// Truth. Fills, by [Fill.ID], are the truth about an order; its status is a
// hint that may arrive late, twice, out of order or never. A status never goes
// back from a terminal one, but a fill may still arrive after it.
//
// Sessions. Each synchronised session with the broker is an [Epoch]. Snapshots
// and cursors carry it; an [Order] that names another epoch than the current
// one is refused before anything is written.
//
// Units. Every amount, price and quantity is an exact decimal. Prices are per
// unit in the instrument's currency; quantities are units (shares), negative
// in a position that is short and never negative in an order.
//
// Concurrency and blocking. All methods are safe for concurrent use, take a
// context first, end when it ends, and retain nothing that they were given.
// Values that they return belong to the caller.
//
// # Roles
//
// The contract is split into small roles; [Broker] is their union and what the
// engine asks for. What only some brokers can do is an optional role
// ([Calendar], [WhatIfer], [Prober], [AbsenceProver]), found through
// wrappers by [As].
//
// To check an implementation, run the suite in package brokertest.
package broker
