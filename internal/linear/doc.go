// Package linear checks event queues for linearizability: many clients publish,
// receive, extend and settle at the same time, and every answer that they got
// must fit one order of the operations, each of which took effect at one instant
// between its call and its return.
//
// The search for that order is porcupine's; the model of a queue is ours. It
// knows one account: its line of events in the order of publication, one lease
// at a time, fences that rise, leases that may run out, but not before their
// time, settlements that can be repeated, the newest eight of an event even after
// later ones. An answer that never came may or may
// not have taken effect.
package linear
