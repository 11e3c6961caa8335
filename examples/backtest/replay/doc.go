// Package replay runs the engine over a history of prices: a backtest. Nothing
// is imitated. Each trading day's close is an event for a real rebalance.Engine,
// with its trigger, its planner, its guards and its journal (in memory), on the
// fake broker, in virtual time.
//
// # One day
//
// The clock stands at the close, and orders fill at it. First money goes in or
// out: cash is raised by an event of mode raise_cash before a withdrawal leaves.
// Then an automatic event asks for a rebalance, and the trigger decides whether
// it is due. What a deposit brought and no rebalance spent is invested by an event
// of mode invest_cash. The day's value is that after all this.
//
// A [Strategy] sees the closes up to the day before, so that nothing trades at a
// price that decided the trade, unless [Config.SameClose] says so.
//
// # Faults
//
// A backtest has no operator who looks at a held run, and no next day on which a
// price comes late. Every run that is not over with a sound outcome (no_trade,
// completed, completed_adjusted) ends the backtest with an error that says the
// day, the outcome and why. Missing prices are found before the first day.
//
// # Money and statistics
//
// Money, prices, quantities and weights are exact decimals. Only [Statistics], and
// what [View.Returns] gives to a strategy, are floating point numbers.
//
// # Memory
//
// Nothing grows with the number of days but a few bytes a run in the journal and
// an order at the broker: the engine's journal keeps the newest run, the broker the
// last few hundred orders.
package replay
