// Package remotebroker puts a broker into another process: a [Server] serves an
// exchange on a listener, a [Client] is the same exchange elsewhere, as a
// broker.Broker with all optional roles and as a marketdata.PriceSource. Tests
// kill the process of a client while the exchange and its ledger live on.
//
// # What a connection that breaks means
//
// A call has one connection to itself; idle ones are used again. If no
// connection can be made, or not one byte of the request was written, a Place is
// provably not sent. From the first byte on until the answer is complete, it is
// of [broker.KindIndeterminate]. All other calls are then of
// [broker.KindTransient]. An idle connection that the server closed in the
// meantime is found out by using it.
//
// A call ends with its context: the client closes the connection, and the server
// ends what it did for it, a waiting Await above all.
//
// # Guards of the send
//
// [broker.Order.Epoch] and [broker.Order.SendBefore] travel with the order and
// are checked by the exchange. So an order of a process that was paused between
// its last check and its write is refused, as it would not be by a broker that
// does not know the guard.
//
// # Hooks
//
// [Hooks] run in the process of the server before a call has any effect and after
// it had it, each time before the client hears of anything. A hook may kill the
// client's process, or cut the connection by an error.
package remotebroker
