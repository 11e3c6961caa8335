package main

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/marketdata"
)

// The names of checks that others refer to.
const (
	nameConnect = "connect"
	nameCleanUp = "clean up"
)

// checks are all checks, in the order in which they build on each other.
func checks() []check {
	return slices.Concat(sessionChecks(), readChecks(), priceChecks(), openReadChecks(), orderChecks(), rawOrderChecks(), fillChecks(), lastChecks())
}

func sessionChecks() []check {
	return []check{
		{
			name: nameConnect, run: connect,
			means: "Without a connection nothing works: the message says what to set in the gateway.",
		},
		{
			name: "account and mode", run: accountAndMode,
			means: "A fail means that the gateway is logged in to something else than you think. Do not go on.",
		},
		{
			name: "server version", run: serverVersion,
			means: "176 is the least. From 201 on messages are protobuf, group by group; both dialects are supported.",
		},
		{
			name: "clock skew", run: clockSkew,
			means: "More than 5 s: set this machine's clock (NTP). Deadlines of orders and market hours use it.",
		},
		{
			name: "client id is a fence", run: clientIDTaken,
			means: "A second program with the same client id must be told to wait (326). A fail means that two processes could trade at once: do not run two.",
		},
	}
}

func readChecks() []check {
	return []check{
		{name: "snapshot", run: snapshot, means: "Cash, value and positions were read in one session, each to its end."},
		{name: "positions", run: positions, means: "What is no stock is never planned; the engine wants Account.IgnoreOther if there is any."},
		{name: "orders of the day", run: openOrders, means: "Orders that somebody else placed make the engine wait or refuse, as its policy says."},
		{name: "contract", run: contract, means: "The symbol must mean one contract. If it does not, pin it with Config.Instruments."},
		{name: "hours", run: hours, means: "No order is sent for a closed market. A fail means that the hours could not be read."},
		{name: "what-if", run: whatIf, means: "A refusal with 321 means that 'Read-Only API' is on: untick it before you trade."},
	}
}

func priceChecks() []check {
	list := []check{{name: "price", run: anyPrice, means: "Without any price nothing is traded. The reasons name the missing permission."}}
	for _, tier := range []marketdata.Tier{
		marketdata.TierLive, marketdata.TierFrozen, marketdata.TierDelayed, marketdata.TierDelayedFrozen, marketdata.TierHistorical,
	} {
		list = append(list, check{
			name: "price: " + string(tier), run: tierPrice(tier),
			means: "The policy says which tiers are good enough. 354 and 10089: no market data subscription for the API; 10197: the user is logged in elsewhere.",
		})
	}
	return list
}

func openReadChecks() []check {
	return []check{
		{
			name: "what-if and order ids", open: true, run: whatIfIDs,
			means: "Whether a preview uses up an order id. Either is all right: ids only ever go up.",
		},
		{
			name: "summary subscriptions", open: true, run: summaries,
			means: "How many account summaries may be subscribed at once. The adapter subscribes none of them; others that you run may.",
		},
		{
			name: "day trades", open: true, run: dayTrades,
			means: "What the account says of its day trades. The engine learns of one too many by the refusal of an order (201).",
		},
		{
			name: "executions reach back", open: true, run: executionsReach,
			means: "Executions are told until some midnight. The adapter trusts a missing order only within one New York day; a fill of an earlier day shows that it could trust longer.",
		},
		{
			name: "order ids after a restart", open: true, level: restart, run: idsAfterRestart,
			means: "Whether the gateway remembers its order ids. If the ids fell back, keep Config.LastOrderID.",
		},
		{
			name: "orders in the restart minute", open: true, run: func(context.Context, *world) (verdict, string) {
				return unclear, "not tried: the adapter sends nothing within Config.Restart"
			},
			means: "What becomes of an order that is sent while the gateway restarts is not known. Set Config.Restart to the gateway's own time, and nothing is sent then.",
		},
	}
}

func orderChecks() []check {
	return []check{
		{
			name: "place", level: trades, run: place,
			means: "An order for one lot, far below the market, was sent and acknowledged.",
		},
		{
			name: "presets", open: true, level: trades, run: presets,
			means: "The gateway's order presets must not change orders (10349). If they do: Configuration, Presets, reset them, and untick what overrides the time in force.",
		},
		{
			name: "reference of an open order", open: true, level: trades, run: refOfOpen,
			means: "A new session must find the order by its reference of 32 characters. A fail means that an order could not be found after a crash: do not trade.",
		},
		{name: "cancel", level: trades, run: cancel, means: "The order was cancelled, and the gateway confirmed it."},
		{name: "gone", level: trades, run: gone, means: "No open order of this program is left."},
		{
			name: "reference of a completed order", open: true, level: trades, run: refOfCompleted,
			means: "A new session must find the cancelled order by its reference. A fail means that the end of an order that nobody saw stays unknown, and the account is blocked until an operator answers.",
		},
	}
}

func rawOrderChecks() []check {
	return []check{
		{
			name: "low order id", open: true, level: trades, run: lowOrderID,
			means: "An order id below the last one must be refused (103), so that late bytes of a dead process do nothing. A fail means that only the wait after connecting (Timing.Settle) protects: never run two programs with one client id.",
		},
		{
			name: "bytes of a closed connection", open: true, level: trades, run: closedSocket,
			means: "How long after its connection closed an order can still come to light. It must be less than Timing.Settle (5 s): raise that if it is not.",
		},
	}
}

func fillChecks() []check {
	return []check{
		{name: "buy one lot", level: fills, run: buyOne, means: "A marketable limit order was filled, and each execution told."},
		{
			name: "position lag", open: true, level: fills, run: positionLag,
			means: "How long positions lag behind fills. The engine waits for them: Timing.Settle, 30 s by default. Raise it if the figure is near.",
		},
		{
			name: "reference of an execution", open: true, level: fills, run: refOfExecution,
			means: "A new session must find the executions by the order's reference. A fail means that fills after a crash could not be attributed: do not trade.",
		},
		{name: "fee", level: fills, run: fee, means: "The commission of the execution was told."},
		{
			name: "sell it, with a cancel at once", open: true, level: fills, run: sellRace,
			means: "A cancel that races with the fill: whatever wins, the end and the fills must agree.",
		},
	}
}

func lastChecks() []check {
	return []check{{
		name: nameCleanUp, level: trades, run: cleanUp,
		means: "No order of this program may be left. Cancel what is named here by hand.",
	}}
}
