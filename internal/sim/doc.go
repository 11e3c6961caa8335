// Package sim runs the whole engine against seeded faults and checks what it
// promises.
//
// One seed is one world: a fake brokerage with accounts and prices, a queue, a
// journal, several processes that each run an engine with workers, producers of
// events, operators, a market, and a subset of the faults that [Faults] lists. The
// world lives in a bubble of testing/synctest, so all timers, leases, retries and
// nights pass in virtual time, and product code knows nothing of it.
//
// # How a run is the same each time
//
// Goroutines that could run at one virtual instant would race. So none do: each
// actor (a worker, the keeper of its lease, the market, the operator, …) touches
// shared things only at instants of its own class, which are those with its own
// remainder modulo a millisecond. Everything that the engine waits for is a whole
// number of milliseconds, so it stays in its class; whoever is woken by somebody
// else sleeps until its own next instant before it touches anything. Running a
// seed twice and comparing the hashes of the traces proves it.
//
// # What is checked
//
// Each promise of the design (I-1 to I-22) is checked against the ledger of the
// fake brokerage, at every step that can break it; see the files checker*.go.
package sim
