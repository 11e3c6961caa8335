// Package ibkr connects to Interactive Brokers through a TWS or IB Gateway.
//
// A [Broker] fills all roles of package broker, the optional ones included, and
// is a [marketdata.PriceSource]:
//
//	b, err := ibkr.Open(ctx, ibkr.Config{
//		Address: "127.0.0.1:4002", ClientID: 17,
//		Accounts: []ibkr.Account{{ID: "DU1234567", Mode: broker.Paper, Type: broker.Margin}},
//	})
//
// # Before the first order
//
// README.md beside this package says how to set up the gateway and what its codes
// mean. It must listen on the loopback, have 'Read-Only API' off, and run a
// server version of 176 or later. Give all processes that may trade an account
// the same ClientID: the gateway lets in one of them at a time, and the others
// wait (code 326). That is the only fence which holds at the broker itself. No
// other program may use that id, and 0 is refused.
//
// An account's name must fit its configured mode: D… is paper, anything else is
// live. An account that the gateway does not manage ends [Open].
//
// # What is known of an order
//
// Identity is the caller's reference, IBKR's permanent id, account and contract.
// The numeric order ids of the API are used again after a restart of the gateway
// and never identify anything alone; ours always go up.
//
// The order book is fed by every report of open and completed orders, statuses,
// executions and fees, in whatever order they come. Executions are the truth:
// each is counted once, in its newest revision. A status is a hint; terminal ones
// stay, but an order is not reported as cancelled or refused as long as more of it
// has filled, as the gateway says, than there are executions of. An order that was
// open and that a complete look does not show any more is left out of
// [Broker.Orders], as its outcome is not known.
//
// [Broker.Place] writes an order once, and knows whether it did: messages pass a
// relay of this package which hands them to the gateway's socket itself. What
// must be true at the write (the session and its epoch, the account,
// [broker.Order.SendBefore], the context, no restart ahead) is checked right
// before the first byte. If the write failed half-way, or the session ended
// before the gateway's word, the error is [broker.ErrIndeterminate].
//
// [Broker.ProveAbsent] is true only under conditions that its comment lists; they
// rest on what a gateway is known to do, which should be tried on a paper account
// before anybody relies on it.
//
// # Sessions
//
// A connection goes from connecting to handshaken (accounts told), synchronised
// (next id, open orders, executions, completed orders and positions read, each to
// its end marker) and ready (and answered once more). That is an epoch. When the
// gateway loses IBKR (1100) it is frozen: nothing is sent or read. When IBKR is
// back (1101, 1102) everything is read anew, in a new epoch. A gateway that does
// not answer two heartbeats, breaks off, or sends what cannot be decoded ends the
// session, and a new connection is made, with growing pauses.
//
// Within [Config.Restart] no order is sent. Within it and [Config.Login] a missing
// gateway is expected: calls fail with [broker.KindWait] and the end of the window.
//
// # Reads
//
// Every read ends with its context and after [Timing.Answer] at the latest. An
// answer without its end marker is an error. A snapshot during which something
// filled is read again. A missing, unset or unreadable value is an error.
//
// IBKR does not say whether an account is a cash account: see [Account.Type]. Of
// settled cash it tells one figure; what is not settled is taken off every
// currency.
//
// # Symbols
//
// A symbol is the one stock with that very name in [Config.Currency]; none or
// several are errors that say how to pin one, and so is a second name for a
// contract. Share classes are written with a point (BRK.B). A held contract whose symbol means another one, or that is no
// stock, is named with its contract number (TWIN@502), and such a name can be
// resolved. Quantities are whole shares unless [Config.Fractional] is set.
//
// # Prices
//
// [Broker.Quotes] asks for live, frozen, delayed and delayed frozen prices and at
// last for closing prices from history, each only for what the one before did not
// have. A quote says its tier; while a market is closed none is live.
//
// # Limits
//
// Messages are paced below [Config.MessagesPerSecond] in any second: cancels and
// heartbeats go first, then what resolves doubts, orders, prices, and the rest. Prices keep
// below [Config.MarketDataLines], history below 60 requests in ten minutes.
//
// # The client library
//
// Messages are encoded and decoded by [github.com/scmhub/ibapi], contracts and
// orders are made by the constructors of [github.com/scmhub/ibsync]. The library
// dials again when a write fails and sends on without a handshake; it gets a
// connection to a port of the loopback that accepts once and never again, so that
// this fails. It uses one logger for the process and sets zerolog's global level:
// this package undoes both when it is linked and hands the library's lines to
// [Config.Logger] at debug level. The library prints a malformed integer of the
// text dialect to standard output before it gives up the connection; that cannot
// be prevented.
package ibkr
