// Package rebalance is the engine of evenkeel: it brings accounts to their
// target allocation and says what became of every order.
//
// # What it promises
//
// A run belongs to one event and has one result; asking again with the same
// event continues an unfinished run and repeats the answer of a finished one. An
// order is written to the journal before its first byte leaves the process, and
// sent once. What became of it is found out by looking: by news, by its
// reference, by positions. It is sent again only when it is proven not to be at
// the broker. What cannot be found out is unknown, and blocks the account until
// an operator has looked ([CommandUnblock]).
//
// Nothing is planned from a partial picture: a snapshot, a set of prices or an
// allocation that is not complete ends the run before anything is sent. Sells
// come before buys; buys are paid from the cash that is really there and leave
// the reserve untouched. Each order is checked once more against the account
// just before it is sent, and against what the account sent that day.
//
// What an order was settled as stays. If its fills change after that, the next
// run that finds the positions changed blocks the account; other differences are
// in its result. A run whose orders filled while nobody looked is followed by
// one that waits until the positions show the fills.
//
// # How to use it
//
// [New] composes an [Engine] from a broker, a journal, a source of targets and a
// source of prices. [Engine.Rebalance] is one run of one account, synchronous
// and without a goroutine. [Engine.Run] is the service loop on a queue: workers,
// leases, retries, deferrals, dead letters, drain. [Engine.Plan] previews.
// [Engine.Recover] reconciles what an earlier process left open, [Engine.Kill]
// stops all sends, [Engine.Health] looks at every dependency.
//
// # How to read it
//
// In the order of one event: engine.go, consume.go, command.go, rebalance.go,
// observe.go, caughtup.go, corrected.go, resolve.go, freeze.go, daylimit.go,
// trade.go, execute.go, verify.go, result.go, settle.go. The planner (plan*.go) is pure; PLANNER.md specifies it.
//
// # Concurrency
//
// An Engine is safe for concurrent use. Runs of one account must not overlap;
// the queue's lease sees to that, and the journal's fence enforces it: of two,
// the later one goes on and the earlier one is refused at its next write.
package rebalance
