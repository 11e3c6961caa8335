// Command crashtest runs the whole engine in real processes, on real stores, and
// kills them.
//
// The parent process hosts the exchange (the fake broker, served by package
// remotebroker) and lets worker processes run the engine with a durable queue and
// journal: one worker on files (bolt), or two or three at once on a Redis server, or
// on stores in the parent's memory. Then it does to them what the seed says:
//
//   - SIGKILL at a named point (before and after each call of the broker, each
//     write of the journal, each verb of the queue) or at any time;
//   - SIGSTOP beyond the lease, then SIGCONT, while another worker takes over;
//   - a stop in good order in the middle of a run;
//   - the link to the broker cut before or after a call took effect, its session
//     lost, an order that vanishes or arrives late;
//   - between engine and Redis: a lost reply, a lost or reset request, silence in
//     either direction, latency, closed and refused connections;
//   - Redis killed and restarted on its append-only file, stopped, without its
//     scripts, without memory, turned into a read-only replica, and replaced by a
//     replica that misses the last acknowledged writes.
//
// The engine's breakers of queue and journal work as they do in production. In most
// runs an operator closes them when the faults are over; in one of twenty they must
// find that by themselves, which takes half a minute if one opened.
//
// Events are published by the workers on request of the parent, each with a key;
// one that was not acknowledged is published again with the same key.
//
// # What is checked
//
// When the faults have stopped every event must end in bounded time. Then, against
// the ledger of the exchange: no accepted event is lost, each has one state and one
// result; each order arrived once, no two worked at one time for the same side of
// an instrument, no more was traded than in the undisturbed run; the orders of two
// runs of an account never mix; cash never fell below the reserve; each account
// ends where the undisturbed run leaves it; the journal has every order and says
// of it what happened; nothing is unknown and nobody is blocked.
//
// After a failover that loses acknowledged writes less is promised of what happened
// until then, and for the length of a lease after it, when an order that the old
// server acknowledged may still be under way: the journal may lack such an order, its
// reference may be used again (the exchange takes none twice), what it traded
// counts for the positions only, and runs that were over may be done again in turn. Everything else holds: each event has one state and
// a result, later orders are in the journal with what they traded, no two orders work
// at once, the reserve, a look at the account before its next order, and the targets
// in the end, if need be after an operator has unblocked the account; so more may be
// traded than in the undisturbed run. An operator may be needed as well when an order
// comes to light late.
//
// Not simulated is a pause between the last check of a send and its write: the
// exchange itself refuses an order after its SendBefore.
//
// # How to run it
//
//	go run ./internal/crashtest -runs 2000 -store both
//	go run ./internal/crashtest -store redis -only failover -runs 100
//	go run ./internal/crashtest -store bolt -seed 47 -runs 1 -v
//
// A seed fixes the accounts, the events and the faults, not the moment at which the
// processes get there: a run that failed may have to be repeated a few times. The
// first fault of seed n is the n-th of the catalogue, so that as many seeds as the
// catalogue is long have each fault at each point at least once.
//
// The tests of this package do the same for a few seconds on each kind of stores;
// EVENKEEL_CRASHTEST_RUNS says how many runs instead.
package main
