// Package gatewaysim is an Interactive Brokers gateway in a process: a TCP
// server that speaks the server side of the TWS API well enough for real
// clients, in the text dialect and in protobuf, with an exchange, accounts and
// every trouble that a real gateway makes. Test against it what talks to a
// gateway.
//
//	g, err := gatewaysim.Start(gatewaysim.Config{
//		Accounts: []gatewaysim.Account{{ID: "DU1", Cash: map[string]decimal.Decimal{"USD": decimal.NewFromInt(10_000)}}},
//	})
//	defer g.Close()
//	client.Connect("127.0.0.1", g.Port(), 7)
//
// # The gateway and the exchange
//
// A [Gateway] is what clients connect to. Behind it is one [Exchange]: accounts,
// contracts, quotes, orders and fills, which live on when clients leave and when
// the gateway restarts. [Exchange.SetQuote] moves the market and fills what it
// crosses; the [FillModel] says whether orders fill at once, in parts over time,
// or only by [Exchange.Fill]. [Exchange.Orders], [Exchange.Fills] and
// [Exchange.Account] are the truth, whatever clients were told.
//
// # Versions
//
// Config.ServerVersion is from [OldestVersion] to [NewestVersion]; a client that
// knows only older ones is turned away. Up to 200 all is text. From 201 on,
// message after message moves to protobuf at the version at which the real one
// does; what comes in the wrong dialect is an error 320.
//
// # What it speaks
//
// Sessions: greeting, startApi, nextValidId, managedAccounts, current time, user
// info, ids; client ids are unique (326). Accounts: updates, summary, positions,
// and both multi forms, each with its end marker and live updates. Contracts:
// details, matching symbols. Market data: streams and snapshots of types 1 to 4,
// historical bars, with the errors of missing subscriptions and of pacing.
// Orders: MKT, LMT, MOC, LOC, what-if, modification; open, all open, completed,
// executions and commissions; cancel and global cancel. An order that is not
// transmitted is Inactive until its client sends it again with Transmit.
//
// It does not play: other order types and times in force than DAY and GTC,
// brackets, OCA groups, algorithms, combinations, market depth, tick by tick,
// real-time bars, bars that are kept up to date, PnL, scanners, news, options,
// advisors. Each of their requests is in the ledger and answered with 321 (300 if it
// is a cancel) and its own id, an unknown message with 505. Orders with a parent, an
// OCA group, an algorithm, conditions or a later start are refused (321), others of
// other types with 387; fields that only fine-tune an order are ignored.
//
// It is tried with clients that share no code with it, see the package interop.
//
// # Faults
//
// [Gateway.Inject] makes something go wrong: a [Fault] is data that says what,
// where, when, how often and with what chance. [FaultKinds] lists all kinds with the row of the
// catalogue of failures that each plays, and [Gateway.Faults] how often each
// struck.
//
// # The ledger
//
// [Gateway.Ledger] has every message in and out, every order, fill, cancel and
// fault, in order, up to the newest Config.LedgerSize.
//
// # Control port
//
// With Config.Control set, the same can be done over HTTP with JSON:
//
//	GET  /catalogue            all kinds of faults
//	GET  /faults               those injected, with how often each struck
//	POST /faults               inject a Fault; the answer has its id
//	DELETE /faults/{id}        lift it
//	GET  /orders /fills /accounts /clients
//	GET  /ledger?since=0&kind=order
//	POST /quotes               {"symbol": "AAPL", "bid": "99.9", "ask": "100"}
//	POST /fills                {"perm_id": 1, "quantity": "5", "price": "100"}
//	POST /corrections          {"exec_id": "…", "price": "100.01"}
//	POST /orders               a ForeignOrder
//	POST /cancels              {"perm_id": 1}
//
// # Time
//
// Config.Now says what time it is in the market; call [Exchange.Wake] after
// moving it. Delays and pacing are real time.
//
// # Concurrency
//
// All methods are safe for concurrent use. Close waits for every goroutine.
package gatewaysim
