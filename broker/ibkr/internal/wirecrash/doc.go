// Package wirecrash has tests only: the engine runs in child processes, on a
// durable journal and queue in files, against a simulated gateway in the test's
// process, over TCP. The children are killed (SIGKILL) between any two steps,
// each write of the journal and each call of the broker among them, and at any
// time while the gateway has troubles of its own. Then a child finishes the work,
// and the journal is held against the gateway's ledger: no order was sent twice,
// each order ended as the journal says, no two worked at once for one side of an
// instrument, and the account is at its targets.
//
// EVENKEEL_WIRECRASH_RUNS says how many random kills there are; with it, each
// step is tried, and not a sample.
package wirecrash
