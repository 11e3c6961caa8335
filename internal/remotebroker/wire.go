package remotebroker

import (
	"bytes"
	"encoding/gob"
	"net"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// The methods as calls and errors name them.
const (
	MethodAccounts    = "accounts"
	MethodSnapshot    = "snapshot"
	MethodResolve     = "resolve"
	MethodPlace       = "place"
	MethodCancel      = "cancel"
	MethodOrders      = "orders"
	MethodAwait       = "await"
	MethodSessions    = "sessions"
	MethodWhatIf      = "what_if"
	MethodProbe       = "probe"
	MethodProveAbsent = "prove_absent"
	MethodQuotes      = "quotes"
)

// request is one call. Which fields count depends on the method.
type request struct {
	Method   string
	Client   string // its name
	Account  broker.AccountID
	ID       broker.OrderID
	Order    broker.Order
	Symbols  []broker.InstrumentID
	Query    broker.OrderQuery
	After    broker.Cursor
	From, To time.Time
}

// response is what a call returned.
type response struct {
	Err *wireError

	Accounts    []broker.Account
	Snapshot    broker.Snapshot
	NoneSettled bool // Snapshot.SettledCash is there, and empty
	Instruments map[broker.InstrumentID]broker.Instrument
	State       broker.OrderState
	States      []broker.OrderState
	Cursor      broker.Cursor
	Sessions    map[broker.InstrumentID][]broker.Session
	WhatIf      broker.WhatIf
	Probe       broker.Probe
	Absent      bool
	Quotes      marketdata.Quotes
}

// conn sends and receives values, each in one write.
type conn struct {
	net.Conn
	out bytes.Buffer
	enc *gob.Encoder
	dec *gob.Decoder
}

func newConn(c net.Conn) *conn {
	w := &conn{Conn: c, dec: gob.NewDecoder(c)}
	w.enc = gob.NewEncoder(&w.out)
	return w
}

// send writes a value. It reports whether any byte of it may have left.
func (c *conn) send(v any) (left bool, err error) {
	c.out.Reset()
	if err := c.enc.Encode(v); err != nil {
		return false, err
	}
	n, err := c.Write(c.out.Bytes())
	return n > 0, err
}
