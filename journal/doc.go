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
// Fences. [RunLog.Begin] raises the fence of an account atomically. Every later
// write shows its fence in a [Grant] and fails with [ErrFenced] when a higher
// one was granted. Fences never go down.
//
// Intents. An [Intent] is written before the first byte of its order leaves the
// process. From that moment until it is settled the order may be at the broker.
// A reference is used once, for ever. An intent is refused while the account is
// blocked ([ErrBlocked]) or trading is stopped ([ErrKilled]); the check and the
// write are one step. A settled intent stays settled, with one exception:
// unknown may become any other outcome when evidence is found.
//
// Runs. A run belongs to one event and one account. It is unfinished until
// [RunLog.Finish] stores its result, which is refused ([ErrOpenIntents]) while
// an intent of the run is open. Finishing again keeps the first result. Begin
// for an event whose run is unfinished returns that run, to be continued; for a
// finished one it returns the stored result.
//
// Blocks and the kill switch. A blocked account stays blocked until an operator
// unblocks it. A kill, of one account or of all, stays until it is lifted.
//
// Time. Instants in records are given by the caller; the journal has no clock.
//
// Concurrency and blocking. All methods are safe for concurrent use and return
// promptly or with ctx. Values belong to the caller; nothing given is retained
// but by copy, except [json.RawMessage] data, which must not be changed after it
// was handed over.
//
// [Memory] is the implementation in memory. To check another one, run the suite
// in package journaltest.
package journal
