package ibkr

import (
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/broker"
)

// meaning is what a code of the gateway does to what it is about.
type meaning uint8

// The meanings. What a code says in words is only ever shown, never decided by.
const (
	unlisted meaning = iota // on an order: no conclusion; on a request: it failed, try again
	info                    // changes nothing
	// Codes of the connection, whatever they are about.
	freeze      // the gateway lost IBKR: nothing is sent until it is back
	resync      // it is back: everything is read anew
	hangUp      // this connection is of no use any more
	clientTaken // the client id is in use: wait, with the same one
	slower      // too many messages: the rate is halved
	// Codes of a data farm.
	farmDown
	farmUp
	// Codes of a request.
	requestFailed  // transient
	requestRefused // permanent
	noContract     // permanent, unless the farm of contracts is down
	noPrice        // no price of this tier
	noPriceNow     // the same, because somebody else is logged in
	// Codes of an order.
	orderRefused // it is not at the broker and never will be
	orderEnded   // it is cancelled
	orderDoubt   // says nothing about the outcome
	idTaken      // the numeric id was used before: no conclusion, but higher ids from now on
	cancelAnswer // answers a request to cancel, and tells nothing of how the order ends
	orderNote    // the order goes on
)

// codeRule is one line of the table.
type codeRule struct {
	meaning meaning
	refusal broker.Refusal
	late    bool   // a refusal that may come after the order was acknowledged
	hint    string // what the user can do
}

const (
	hintReadOnly = "if it says read-only: untick 'Read-Only API' in the gateway's API settings"
	hintData     = "the user has no market data subscription for it"
	hintUpgrade  = "upgrade the gateway"
)

// codes is the table of all codes that mean something to this package.
var codes = map[int]codeRule{
	1100: {meaning: freeze}, 2110: {meaning: freeze},
	1101: {meaning: resync}, 1102: {meaning: resync},
	1300: {meaning: hangUp, hint: "the gateway's port was changed: adapt Config.Address"},
	326:  {meaning: clientTaken, hint: "another program holds this client id; it is waited for, another id would be blind to our orders"},
	501:  {meaning: hangUp}, 502: {meaning: hangUp}, 503: {meaning: hangUp, hint: hintUpgrade}, 504: {meaning: hangUp},
	505: {meaning: hangUp}, 506: {meaning: hangUp, hint: hintUpgrade}, 507: {meaning: hangUp}, 512: {meaning: hangUp},
	100: {meaning: slower},

	2103: {meaning: farmDown}, 2105: {meaning: farmDown}, 2157: {meaning: farmDown},
	2104: {meaning: farmUp}, 2106: {meaning: farmUp}, 2158: {meaning: farmUp},
	508:  {meaning: info}, // the library's word for a message that it does not know
	2107: {meaning: info}, 2108: {meaning: info}, 2119: {meaning: info}, 10167: {meaning: info},

	101: {meaning: requestFailed}, 322: {meaning: requestFailed}, 420: {meaning: requestFailed}, 10182: {meaning: requestFailed},
	162: {meaning: noPrice}, 366: {meaning: noPrice},
	354: {meaning: noPrice, hint: hintData}, 10089: {meaning: noPrice, hint: hintData}, 10090: {meaning: noPrice, hint: hintData},
	10168: {meaning: noPrice, hint: "delayed data is not switched on"}, 10186: {meaning: noPrice, hint: hintData},
	10197: {meaning: noPriceNow, hint: "the user is logged in elsewhere: log out there"},
	200:   {meaning: noContract, hint: "check the symbol, or pin it in Config.Instruments"},

	103: {meaning: idTaken}, 104: {meaning: orderDoubt}, 105: {meaning: orderDoubt}, 106: {meaning: orderDoubt},
	110: {meaning: orderRefused, refusal: broker.RefusedPrice}, 111: {meaning: orderRefused}, 113: {meaning: orderRefused},
	382: {meaning: orderRefused}, 383: {meaning: orderRefused, hint: "raise the size limit in the gateway's order presets"},
	434: {meaning: orderRefused}, 463: {meaning: orderRefused, refusal: broker.RefusedPrice},
	201: {meaning: orderRefused, late: true}, 203: {meaning: orderRefused, late: true, refusal: broker.RefusedPermission},
	460: {meaning: orderRefused, late: true, refusal: broker.RefusedPermission},
	321: {meaning: orderRefused, hint: hintReadOnly}, 10243: {meaning: orderRefused, hint: "fractional quantities are not allowed over the API for this account"},
	435: {meaning: orderRefused, hint: "the gateway manages several accounts and wants each order to name one"},
	202: {meaning: orderEnded},
	135: {meaning: cancelAnswer}, 136: {meaning: cancelAnswer}, 161: {meaning: cancelAnswer},
	10147: {meaning: cancelAnswer}, 10148: {meaning: cancelAnswer}, 10149: {meaning: cancelAnswer},
	399: {meaning: orderNote}, 404: {meaning: orderNote}, 10349: {meaning: orderNote}, 2109: {meaning: orderNote}, 2148: {meaning: orderNote},
}

// codeOf returns the rule of a code.
func codeOf(code int) codeRule { return codes[code] }

// farms says which farm a code is about.
var farms = map[int]string{2103: "market", 2104: "market", 2105: "history", 2106: "history", 2157: "contracts", 2158: "contracts"}

// asOrder is what a code that names an order does to it.
func asOrder(code int) codeRule {
	rule := codeOf(code)
	switch rule.meaning {
	case orderRefused, orderEnded, orderDoubt, idTaken, cancelAnswer, orderNote, info:
		return rule
	case noContract:
		rule.meaning = orderRefused
		return rule
	default:
		return codeRule{meaning: orderDoubt, hint: rule.hint}
	}
}

// asRequest is what a code that names a request does to it.
func asRequest(code int) codeRule {
	rule := codeOf(code)
	switch rule.meaning {
	case requestFailed, noContract, noPrice, noPriceNow, info:
		return rule
	case orderRefused: // 321 and its like: the request itself is wrong
		rule.meaning = requestRefused
		return rule
	case unlisted:
		return codeRule{meaning: requestFailed}
	default: // about something else
		return codeRule{meaning: info, hint: rule.hint}
	}
}

// explain is a code's text, with what the user can do.
func explain(code int, text string) string {
	text = strings.TrimSpace(text)
	const most = 300
	if len(text) > most {
		text = text[:most] + "…"
	}
	if hint := codeOf(code).hint; hint != "" {
		text += ": " + hint
	}
	return text
}

// refusalKind is the kind of a rejection. Code 201 is used for most of them;
// that its words name margin or a day trade is only a hint for the caller, who
// treats an unknown kind the same but for one smaller attempt.
func refusalKind(code int, text string) broker.Refusal {
	if kind := codeOf(code).refusal; kind != "" || code != 201 {
		return kind
	}
	low := strings.ToLower(text)
	switch {
	case strings.Contains(low, "margin") || strings.Contains(low, "insufficient") || strings.Contains(low, "settled cash"):
		return broker.RefusedMargin
	case strings.Contains(low, "day trad") || strings.Contains(low, "day-trad"):
		return broker.RefusedDayTrade
	case strings.Contains(low, "permission"):
		return broker.RefusedPermission
	}
	return ""
}

// codeText is a code as errors and states carry it.
func codeText(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
