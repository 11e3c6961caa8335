// Package fake is a small exchange and brokerage in memory. Tests, backtests
// and demonstrations run the engine on it. It is not a mock: it has accounts in
// several currencies, an order book of its own orders, trading hours, fees, and
// it checks every order as a broker does. It also lies on request, as brokers
// do: see [Broker.Inject].
//
// # Quotes and fills
//
// Prices come from [Broker.SetQuote] or from [Config.Prices]. A marketable
// order fills at the quote: a buy at the ask and never above its limit, a sell
// at the bid and never below. Other limit orders rest until a quote crosses
// them. How much fills when is the [FillModel]'s to say, what it costs that of
// [Slippage] and [Fees]. Closed markets hold orders until they open; what is
// left of an order at the close is cancelled.
//
// # Time
//
// The fake has no goroutine. What is due (a delayed fill, an opening, a close)
// happens when the fake is next called, dated with the instant at which it was
// due. [Broker.Await] waits for it with a timer, so the fake lives in real time
// and in a bubble of testing/synctest.
//
// With [Config.Clock] set, time is virtual and nothing ever sleeps: an Await
// without news moves the clock to the next thing that is due, or to the end of
// its context, whichever is first. So a backtest of years takes seconds, and
// runs the same each time.
//
// # The ledger
//
// [Broker.Ledger] is the truth: every order as it was received, every fill,
// cancel and refusal, whatever the fake made its caller believe. Check
// invariants against it.
//
// # Another process
//
// [Broker.Books] are the accounts with all that became of their orders, and a
// broker that begins from them ([Config.Books]) goes on as the one before would
// have. So a paper account outlives its process. Write the books down before you
// tell anybody what they say, or a crash makes a liar of the broker.
//
// # Concurrency
//
// All methods are safe for concurrent use. Fill models, slippage, fees and
// hours are called with the fake's lock held: they must be quick and must not
// call the fake.
package fake
