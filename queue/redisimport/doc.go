// Package redisimport moves the waiting events of a Python rebalancing event
// processor, which keeps them in plain Redis keys, into an evenkeel queue.
//
// That system has four keys: rebalance_queue, a list that is popped from its
// right end; rebalance_retry_set, a sorted set whose scores say when an event
// failed; delayed_execution_set, a sorted set whose scores say when an event may
// run; and active_events_set, whose members "account:command" are queued or in
// work. It takes an event off the list before it works on it: one whose worker
// died leaves nothing but a member of that last set. Such members are reported as
// lost, and published anew only if [Options.Lost] says so.
//
// # How to move
//
// Stop the old processor and what feeds it. Look at [Read], which changes
// nothing. Then call [Import]. It publishes the events in the order in which the
// old system would have run them, each with a Key that is made from its event_id,
// so that importing again publishes nothing twice; in case the queue forgot the
// keys since, each imported event is also noted in a hash beside the old ones
// ([Options.Marks]). The old keys are only read: delete them when the new system
// runs. After a rehearsal into another queue, give that one another
// [Options.Target].
//
// # What is carried over
//
// The account, the command under its new name, and the time before which it must
// not run (an event for later says so in its reason, so that it does not coalesce
// with one for now). The old arguments have no meaning to the engine, which has policies
// per account: a row says so in [Row.LeftOut] and keeps the whole text in
// [Row.Raw].
//
// An event that cannot be read, or whose command is not known, is a fault. Then
// Import publishes nothing at all and names every fault at once, unless
// [Options.SkipFaults] is set; skipped events stay where they are.
package redisimport
