package faultproxy

import "bytes"

// Fault is something that the proxy does to a link.
type Fault string

// The faults. The first four are tied to a request, see [Rule].
const (
	// LoseReply forwards the request, waits for the first byte of the answer,
	// swallows the answer and closes the connection: the request took effect and
	// its client cannot know.
	LoseReply Fault = "lose reply"
	// HideReply forwards the request and swallows all that comes back. The
	// connection stays open and says nothing more.
	HideReply Fault = "hide reply"
	// LoseRequest closes the connection without forwarding the request.
	LoseRequest Fault = "lose request"
	// ResetRequest resets the connection (RST) without forwarding the request.
	ResetRequest Fault = "reset request"

	Stalled  Fault = "stalled"   // bytes held back by [Proxy.Stall], counted by the piece
	Delayed  Fault = "delayed"   // bytes delayed by [Proxy.Delay], counted by the piece
	Refused  Fault = "refused"   // connections refused by [Proxy.Refuse]
	CutOff   Fault = "cut off"   // connections closed by [Proxy.Cut]
	ResetOff Fault = "reset off" // connections reset by [Proxy.Reset]
)

// Direction is a way through the proxy.
type Direction int

// The directions.
const (
	ToServer Direction = iota + 1
	ToClient
	Both
)

// covers reports whether d covers the one direction.
func (d Direction) covers(one Direction) bool { return d == Both || d == one }

// Rule ties a fault to a request.
type Rule struct {
	// Match is what the request must contain, as bytes on the wire. It is found
	// also where it is split over several reads. Default: any bytes match, and
	// each piece that is read counts as one request.
	Match string
	// Nth is which match gets the fault, from 1, counted over all connections
	// from the call of [Proxy.On] on. Default: 1.
	Nth int
	// Fault is one of those that are tied to a request. Required.
	Fault Fault
	// Then is called once the fault took place: for [LoseReply] when the answer
	// has arrived at the proxy and was swallowed, for [HideReply] when the request
	// was forwarded, for the others before the connection is closed. It must not
	// call methods of the proxy that wait. Default: nothing is called.
	Then func()
}

// Armed is a rule in force. It takes effect once.
type Armed struct {
	rule Rule
	seen int // matches so far, under the proxy's lock
	done chan struct{}
}

// Done is closed once the fault took place.
func (a *Armed) Done() <-chan struct{} { return a.done }

// fired tells that the fault took place.
func (a *Armed) fired() {
	if a.rule.Then != nil {
		a.rule.Then()
	}
	close(a.done)
}

// matches counts the matches in a piece, given the end of what came before it,
// and returns what to keep of the piece.
func (a *Armed) matches(tail, piece []byte) (n int, keep []byte) {
	m := len(a.rule.Match)
	if m == 0 {
		return 1, nil
	}
	all := append(bytes.Clone(tail), piece...)
	return bytes.Count(all, []byte(a.rule.Match)), all[max(0, len(all)-m+1):]
}
