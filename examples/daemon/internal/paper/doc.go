// Package paper is a paper account without any service: the fake broker, on a
// market that plays real closing prices, one trading day after the other.
//
// What the accounts hold outlives the process, in a file that is replaced as a
// whole. The orders do not: after a restart the broker says of an earlier order
// neither that it exists nor that it never did, and the engine finds out by the
// positions, as it does with a real broker that forgot the order.
package paper
