// Package paper is a paper account without any service: the fake broker, on a
// market that plays real closing prices, one trading day after the other.
//
// The broker outlives the process exactly: what the accounts hold, their orders
// and fills are in a file that is replaced as a whole, and the broker tells
// nothing that the file does not have. So a process that is killed at any instant
// has said nothing that the next one does not know. Orders that rest go on
// resting. What happened and was never told may be lost with the process: it has
// not happened then.
//
// Of orders that ended, the newest 500 at least are kept; of the older ones only
// that they were received. The processes that use one file must not run at the
// same time.
package paper
