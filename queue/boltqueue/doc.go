// Package boltqueue is the event queue in a file: durable, for one process at a
// time, without any server. It keeps the whole contract of package queue.
//
// # Durability
//
// What a method reports is on the disk (synced) before it returns. A process that
// is killed at any moment loses nothing that was acknowledged. Calls that come in
// while a commit is under way share the next one, so many publishers are far
// faster than one; nobody waits for company.
//
// On a disk of about 2,800 syncs a second (each commit of bbolt writes and syncs
// twice) one publisher stores 470 events a second, 8 at once 3,500, 64 at once 10,500:
//
//	go test ./queue/boltqueue -run '^$' -bench Publish -benchtime 1s
//
// shows that and the ratio to what the disk syncs in the same run.
//
// An error of the disk leaves open whether a write was stored: repeat it. After
// one that may have lost more ([ErrUnusable]) the queue takes nothing until it is
// opened again, and neither does a journal in the same file, whichever noticed.
//
// Of the settlements of an event the newest nine are known: repeating one of them
// returns what it did first.
//
// # The file
//
// [Open] makes the file or opens it with care; whatever is wrong with it, it is
// left as it was and the error says what to do ([ErrInUse], [ErrDamaged],
// [ErrForeign], [ErrNewerSchema], [ErrDiskFull]). While it is open, no other
// process can open it. [New] puts the queue into a bbolt database that is open
// already, such as that of a journal: one file for both.
//
// # Leases
//
// Leases are stored and outlive the process. After a restart an account whose
// event was leased stays leased until that lease ends: at most Options.Lease from
// the restart on, wherever the clock was set meanwhile. Then it counts as a crash.
// So a holder that was handed its delivery by an earlier Queue of the same
// process, or whose shutdown still runs, is not overtaken (but for a clock that was
// set forward meanwhile; then its fence gives way), and a delivery may be settled
// by way of a queue that was opened anew. While a queue is open its leases run on
// the monotonic clock of the process.
//
// # Clocks that are set
//
// What waits for an instant (NotBefore, a deferral) goes by Options.Now, right or
// wrong: a clock that is set back makes it wait, one that is set forward lets it
// come, and the worker decides again. A retry waits for a span: when the clock was
// set back, by more than a second, it waits for that span once more at most, from
// the next call or from the opening on, and a waiting receiver notices within a
// minute. A clock that is set forward makes it due early. Ages (Retain, KeyWindow)
// grow no faster than the process's own clock while the queue is open, so that no
// jump makes it forget a Key. What happened to the clock while nobody had the file
// open cannot be told from time that passed: have KeyWindow be longer than a wrong
// clock may be ahead.
//
// # Order and time
//
// Among the events that may be delivered, the one that has been due longest goes
// first. Options.Now says what time it is for NotBefore, retries, deferrals, the
// history and retention. Receive neither polls nor scans: it is woken by what
// happens, and sleeps until the next event is due or the next lease ends (a minute
// at most, so that a clock that was set is noticed).
//
// # Retention
//
// Events that ended (done, superseded, dead ones that were asked for again) are
// forgotten when they ended Options.Retain ago; or, if there are more than
// Options.KeepDone of them, Options.KeyWindow ago, the oldest first. A Key or an
// ID is known for as long as its event is kept, so at least for KeyWindow after
// its end. Dead events are kept until an operator acts, unless Options.RetainDead
// says otherwise. Never forgotten are: events that did not end, held ones
// included, and the fences of accounts. Space that became free is used again; [Compact] gives
// it back.
package boltqueue
