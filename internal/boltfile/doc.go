// Package boltfile is what the durable queue and the durable journal share about
// their files: opening one with care, its lock, the version of what is stored,
// commits that several writers share, and errors that name the file.
//
// # Opening
//
// A file that cannot be used is an error that names it and says what to do, and
// the file stays as it was, to the last byte. [Open] looks at it read-only under
// a shared lock first: both meta pages must be whole (bbolt itself is content
// with one, and would quietly go back to the transaction before the last), the
// file must not be shorter than they say, and a file of up to [Options.CheckLimit]
// bytes is walked through. Only then is it opened for writing. A new file is made
// under another name and gets its own when it is complete, so that an empty file
// is never one of ours.
//
// # Writing
//
// Every commit is synced to the disk before anyone hears of it. Writers that wait
// while a commit is under way share the next one; nobody waits for company. A
// commit whose write or sync failed leaves open what the disk holds: the file
// then takes nothing more until it is opened again. That holds for all stores that
// share the database, whichever of them noticed: they commit one after the other,
// and none begins before it is known how the last one ended.
//
// A page that cannot be right makes bbolt panic, and a file that shrinks makes
// the memory map fault: both come out as [ErrDamaged].
//
// # Stored form
//
// The bucket "evenkeel" has one key for each kind of content, "queue" or
// "journal", with the version of its form as a decimal number. The content is in
// the bucket "evenkeel/" with the kind.
package boltfile
