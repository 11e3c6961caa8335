// Package boltjournal is the journal in a file: durable, for one process at a
// time, without any server. It keeps the whole contract of package journal, so it
// may stand behind real orders.
//
// # Durability
//
// A write is on the disk (synced) when its method returns nil; a process that is
// killed at any moment loses nothing that was acknowledged. Writes that come in
// while a commit is under way share the next one; nobody waits for company. Reads
// see only what is on the disk.
//
// An error of the disk leaves open whether a write was stored: repeat it, which
// never does harm. After one that may have lost more ([ErrUnusable]) the journal
// takes nothing until it is opened again, and neither does a queue in the same
// file, whichever noticed; so does one that was removed or replaced while it was
// open.
//
// # The file
//
// [Open] makes the file or opens it with care; whatever is wrong with it, it is
// left as it was and the error says what to do ([ErrInUse], [ErrDamaged],
// [ErrForeign], [ErrNewerSchema], [ErrDiskFull]). While it is open, no other
// process can open it. [New] puts the journal into a bbolt database that is open
// already, such as that of a queue: one file for both.
//
// # Retention
//
// Of each account the newest Options.KeepRuns finished runs are kept, unless they
// ended Options.Retain before the newest one. Dropped are never: unfinished runs, runs with
// an intent whose outcome is unknown (also if an operator answered for it), the
// run that ended last, fences, blocks, kills and who lifted them, the memo,
// approvals of unfinished runs. Of a dropped run its ID and its references are
// kept, exactly and for ever, some 100 bytes each. Space that became free is used
// again; [Compact] gives it back.
package boltjournal
