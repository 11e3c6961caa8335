// Package journal is the contract of the write-ahead record of runs: what was
// decided, what may have been sent, and who may send.
//
// # What an implementation promises
//
// Durability. A write is durable when its method returns nil. A write whose
// result is not known (an error of class transient or indeterminate) may be
// repeated: every write is idempotent, and repeating one that took effect
// returns nil.
//
// Refusals. A write that is refused changes nothing. Every write checks its
// fields first: [ErrInvalid] names each fault (see [Claim.Check] and its like,
// [CheckIntents], [CheckSettlements]).
//
// Fences. [RunLog.Begin] raises the fence of an account atomically. Every later
// write shows its fence in a [Grant] and fails with [ErrFenced] when a higher
// one was granted. Fences never go down, and a fence belongs to one run. Only
// the holder's own repetitions count as such: one that was fenced off is
// refused whatever it repeats.
//
// Intents. An [Intent] is written before the first byte of its order leaves the
// process. From that moment until it is settled the order may be at the broker.
// A reference is used once, for ever and in all accounts. An intent is refused
// while the account is blocked or has an unknown outcome ([ErrBlocked]), or
// while trading is stopped ([ErrKilled]); the check and the write are one step.
// A settled intent stays settled, with one exception: unknown may become any
// other outcome when evidence is found.
//
// Unknown outcomes. An intent that is settled as unknown stands open and stops
// its account, until it is settled with evidence, or until an operator unblocks
// the account: what was unknown by then is answered for ([Intent.Answered]).
// What counts is the order of the records, not their times. An unblock names the
// block and the unknown intents that the operator looked at; while the account is
// stopped by another one, it is refused ([ErrOtherBlock]), so that a word that
// arrives late answers for nothing newer.
//
// Runs. A run belongs to one event and one account. It is unfinished until
// [RunLog.Finish] stores its result, which is refused ([ErrOpenIntents]) while
// an intent of the run is open. Finishing again keeps the first result. Begin
// for an event whose run is unfinished returns that run, to be continued; for a
// finished one it returns the stored result. A finished run takes no further
// write ([ErrFinished]). An implementation may drop the records of finished
// runs when there are many, as it documents; it never forgets that they
// finished ([ErrForgotten]) and which references they used.
//
// Memos and approvals. A run may leave a memo to the next runs of its account:
// the newest finished run's counts, and is kept however many runs are dropped.
// An approval lets a held plan be traded; it is kept as long as its run is
// unfinished, and whether it still counts is for the caller to decide.
//
// Blocks and the kill switch. A blocked account stays blocked until an operator
// unblocks it. A kill, of one account or of all, stays until it is lifted. They
// stop new intents; everything else goes on, so that what is under way can be
// seen to its end.
//
// Records. Instants are given by the caller; the journal has no clock. They come
// back as the same instant in UTC, decimals as the same number, JSON as the same
// value. Accounts, events, commands, steps and outcomes have names of 1 to 128
// printable ASCII characters without spaces. [EncodeRecord] is the form in which
// records are stored.
//
// Concurrency and blocking. All methods are safe for concurrent use and return
// promptly or with ctx; after ctx ended they do nothing. Values belong to the
// caller; nothing given is retained but by copy, except [json.RawMessage] data,
// which neither side may change once it was handed over.
//
// [Memory] is the implementation in memory. To check another one, run the suite
// in package journaltest.
package journal
