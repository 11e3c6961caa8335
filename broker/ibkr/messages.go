package ibkr

import (
	"fmt"
	"strings"
	"time"

	"github.com/scmhub/ibsync"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// What the gateway says, in our words: exact numbers and no pointers into the
// library.

// contractKey is what reports say of a contract.
type contractKey struct {
	conID                           int64
	symbol, kind, currency, primary string
}

// orderReport is an open or a completed order.
type orderReport struct {
	order, client, perm   int64 // order and client are zero in a completed one
	account, ref          string
	contract              contractKey
	side, kind, tif       string
	quantity, limit       decimal.Decimal
	filled                decimal.NullDecimal
	status, reason        string
	completed, preview    bool
	initial, equity, fees decimal.NullDecimal // of a preview
}

// statusReport is a change of an order's status: a hint.
type statusReport struct {
	order, client, perm int64
	status, whyHeld     string
	filled              decimal.Decimal
}

// executionReport is one execution: the truth.
type executionReport struct {
	id                  string
	order, client, perm int64
	account, ref        string
	contract            contractKey
	side                broker.Side
	quantity, price     decimal.Decimal
	time                time.Time
}

// feeReport is what an execution cost.
type feeReport struct {
	execution string
	fee       decimal.Decimal
	currency  broker.Currency
}

func contractOf(c *ibsync.Contract) contractKey {
	if c == nil {
		return contractKey{}
	}
	return contractKey{conID: c.ConID, symbol: c.Symbol, kind: c.SecType, currency: c.Currency, primary: c.PrimaryExchange}
}

// orderReportOf reads an order. The numbers of an order of another program may be
// of kinds that we do not know; they are zero then.
func orderReportOf(c *ibsync.Contract, o *ibsync.Order, s *ibsync.OrderState) orderReport {
	quantity, _ := fromFixed(o.TotalQuantity)
	filled := optional(fromFixed(o.FilledQuantity))
	if quantity.IsZero() && filled.Valid {
		quantity = filled.Decimal // completed orders may tell only this
	}
	r := orderReport{
		order: o.OrderID, client: o.ClientID, perm: o.PermID, account: o.Account, ref: o.OrderRef, contract: contractOf(c),
		side: o.Action, kind: o.OrderType, tif: o.TIF, quantity: quantity, limit: price(o.LmtPrice).Decimal,
		filled: filled, preview: o.WhatIf,
	}
	if s == nil {
		return r
	}
	r.status = s.Status
	var words []string
	for _, w := range []string{s.RejectReason, s.CompletedStatus, s.WarningText} {
		if w = strings.TrimSpace(w); w != "" {
			words = append(words, w)
		}
	}
	r.reason = strings.Join(words, "; ")
	r.initial, r.equity = optional(fromText(s.InitMarginAfter)), optional(fromText(s.EquityWithLoanAfter))
	r.fees = optional(fromFloat(s.CommissionAndFees))
	return r
}

// executionReportOf reads an execution. What cannot be read but the time is an
// error: an execution must not be lost or made up.
func executionReportOf(c *ibsync.Contract, e *ibsync.Execution, now time.Time) (executionReport, error) {
	r := executionReport{
		id: e.ExecID, order: e.OrderID, client: e.ClientID, perm: e.PermID, account: e.AcctNumber, ref: e.OrderRef,
		contract: contractOf(c),
	}
	var err error
	if r.quantity, err = fromFixed(e.Shares); err != nil {
		return r, fmt.Errorf("ibkr: execution %.60q: quantity: %w", e.ExecID, err)
	}
	if r.price, err = fromFloat(e.Price); err != nil {
		return r, fmt.Errorf("ibkr: execution %.60q: price: %w", e.ExecID, err)
	}
	switch strings.ToUpper(e.Side) {
	case "BOT", "BUY":
		r.side = broker.Buy
	case "SLD", "SELL", "SSHORT":
		r.side = broker.Sell
	default:
		return r, fmt.Errorf("ibkr: execution %.60q: side %.20q", e.ExecID, e.Side)
	}
	if e.ExecID == "" {
		return r, fmt.Errorf("ibkr: execution of order %d has no id", e.PermID)
	}
	if r.time, err = parseTime(e.Time); err != nil {
		r.time = now // better the time at which it was heard of than no fill
	}
	return r, nil
}

// symbolID is the instrument that a gateway's symbol means: share classes are
// written with a space there, with a point here.
func symbolID(symbol string) (broker.InstrumentID, error) {
	return broker.ParseInstrumentID(strings.ReplaceAll(strings.TrimSpace(symbol), " ", "."))
}

// gatewaySymbol is how the gateway writes an instrument.
func gatewaySymbol(id broker.InstrumentID) string {
	return strings.ReplaceAll(string(id), ".", " ")
}
