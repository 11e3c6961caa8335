// Package redisqueue is the event queue in Redis: durable, and shared by many
// producers and workers on many machines. It keeps the whole contract of package
// queue.
//
// It needs Redis 6.2 or newer (one server, one master behind sentinels, or a
// cluster) with maxmemory-policy noeviction and an append-only file; [Open]
// looks and tells.
//
// # One script, one step
//
// Every transition is one Lua script, so an event is always in one state. The
// scripts take the time from the server: the clocks of the workers do not
// matter. Every script may be repeated: a repetition gets the first answer, also
// when the first try arrives late. So a call whose reply was lost is repeated by
// itself, see Options.Retry. What an outage outlasts is a transient error.
//
// Calls made at the same time travel in one round trip. Receivers that wait
// share one claim; a claim takes at most one event for each of them, and what a
// receiver that has left no longer wants is given back at once, without counting
// as a crash.
//
// A waiting receiver does not poll. It is woken by a message of the server, by
// the time at which something becomes due, and once a second in any case, should
// a message be lost.
//
// The channel of the messages is the key wake below: a user whose ACL forbids it may
// wait that second each time, and [Open] warns of it.
//
// # Clock
//
// The queue has a clock of its own: the server's, which goes on by itself when that
// is set. If it is set back, ours goes on from where it was. If it is set forward by
// more than 10 s, ours goes on by what has passed indeed: each call says how late it
// is at least, as its process has measured. So no lease runs out early and nothing
// waits for hours. A step forward of less is taken for time that has passed. [Open]
// waits a few seconds if nobody has used the queue for 10 s or the clock was set, so
// that a process that knows can speak first; without one the time is taken to have
// passed. What is to happen at an instant happens after the time that was left until
// then by the server's clock when the queue was asked for it. The times in a
// [queue.Entry] are those of the queue's clock.
//
// # Keys
//
// All keys of a queue begin with "evenkeel:{evenkeel:NAME}:queue:". The part in
// braces is the hash tag: the whole queue has one slot of a cluster, so that
// each script can be one step. Work that is too much for one server is spread
// over several queues.
//
//	ctl          text: kind and schema of the key space, counters, whether a receiver sleeps,
//	             epoch, server and least fence, clock
//	accts        set of all accounts ever seen
//	acct:A       text: a line with fence, number of rows, a time at which all of them are
//	             due, scores in ready and wait, and the current lease; then the row
//	             of the first event of the account's line
//	line:A       text: the rows of its other events, while it has some
//	ev:ID        text: a line with what never changes about an event, then + and its payload,
//	             or the event as JSON if it says more than that
//	st:ID        text, once a delivery has ended: a line with state, due time, attempt,
//	             crashes, fence and the last settlements, then the history
//	keys         hash: producer's key → ID
//	ready, wait  sorted sets: account → due time of its head, next change of its line
//	lease        sorted set: account → when its lease runs out
//	later        sorted set: account and ID → when an event that was put off is due
//	held, dead, superseded, again   sorted sets: ID → number of acceptance
//	ended        list of the events that ended, when, and their keys, oldest first
//	acts, acts:at  tokens of operators and their receipts
//	op:INSTANCE  number of the last claim of a process, for an hour
//	wake         channel for sleeping receivers
//
// The rows and lines are separated by spaces and line feeds; the files in lua
// name their parts. An event that was never settled is in its account's line and
// nowhere else, so that it costs two texts and an entry of an index.
//
// A key that holds something of another type is an error that names it. The script
// that needs the key does nothing then; other events are not disturbed.
//
// A key space of a newer schema than this release knows is left alone: every
// call fails with [queue.ErrNewerSchema].
//
// # Limits
//
// A full queue, a full line and a server without memory are [queue.ErrFull].
// Events can be settled and leases extended also while the server is out of
// memory. The newest Options.KeepDone events that ended are kept, and all that
// ended within Options.KeyWindow, and with them their Keys and IDs; of the tokens of
// operators the newest KeepDone, but at most for 30 days. Plan the server's memory
// for that: about 1 KB for each event that ends within the window.
// An account leaves behind its fence for ever.
//
// [Queue.Stats] looks for the oldest due event in ready, and in 1,000 lines each of
// those that are leased, wait, or have an event that was put off. [Queue.Entries]
// of the queued reads all accounts, page by page.
//
// # Failover
//
// Redis may forget acknowledged writes when a replica takes over.
// Options.Barrier makes it less likely, Options.OnFailover and [Queue.Changes]
// tell that another server answers: every account must then be reconciled before
// its next order. A lease names the run_id of the server that granted it. Another
// one accepts no Ack and no Dead for it, because it may have lost what was done
// under it: that is [queue.ErrLeaseLost], and the event is delivered again at
// once, without counting as a crash. So it is after a restart, too. A settlement
// that the new server knows stays settled. The fences that another server gives
// begin above all that any server before it gave, also those that it has never heard
// of: at the number of microseconds since 1970. So two workers never hold the same
// fence, if the servers' clocks differ by less than a failover takes; what is left is
// healed by queue.Verdict.MinFence. When the key space itself is gone, or a new one
// is in its place, all calls fail with [ErrLost].
package redisqueue
