package ibkr

import (
	"sync"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/scmhub/ibsync"

	"github.com/evenkeel/evenkeel/broker"
)

// wrapper receives the library's callbacks, all from one goroutine of it, turns
// them into our words and hands them to its session. It never blocks. What it
// does not override is of no interest; the library logs it.
type wrapper struct {
	ibapi.Wrapper
	s *session

	once   sync.Once
	closed chan struct{} // closed when the library has let go of the connection
	// flushed is closed when the marker has come through.
	flush   sync.Once
	flushed chan struct{}
}

var _ ibapi.EWrapper = (*wrapper)(nil)

// mark is the time of the marker frame; no gateway's clock shows it.
const mark = -8_675_309

func newWrapper(s *session) *wrapper {
	return &wrapper{s: s, closed: make(chan struct{}), flushed: make(chan struct{})}
}

func (w *wrapper) ConnectAck() {}

func (w *wrapper) ConnectionClosed() { w.once.Do(func() { close(w.closed) }) }

func (w *wrapper) NextValidID(id int64) { w.s.onNextID(id) }

func (w *wrapper) ManagedAccounts(list []string) { w.s.onAccounts(list) }

func (w *wrapper) CurrentTime(t int64) {
	if t == mark {
		w.flush.Do(func() { close(w.flushed) })
		return
	}
	w.s.row(askTime, time.Unix(t, 0))
	w.s.finish(askTime, nil)
}

func (w *wrapper) Error(id, _, code int64, text, _ string) { w.s.onCode(id, int(code), text) }

// Orders.

func (w *wrapper) OpenOrder(id int64, c *ibsync.Contract, o *ibsync.Order, state *ibsync.OrderState) {
	r := orderReportOf(c, o, state)
	r.order = id
	w.s.onOrder(&r)
}

func (w *wrapper) OpenOrderEnd() { w.s.finish(askOpen, nil) }

func (w *wrapper) OrderStatus(id int64, status string, filled, _ ibsync.Decimal, _ float64, perm, _ int64, _ float64, client int64, whyHeld string, _ float64) {
	w.s.onStatus(&statusReport{
		order: id, client: client, perm: perm, status: status, whyHeld: whyHeld, filled: optional(fromFixed(filled)).Decimal,
	})
}

func (w *wrapper) CompletedOrder(c *ibsync.Contract, o *ibsync.Order, state *ibsync.OrderState) {
	r := orderReportOf(c, o, state)
	r.completed = true
	w.s.onOrder(&r)
}

func (w *wrapper) CompletedOrdersEnd() { w.s.finish(askCompleted, nil) }

func (w *wrapper) OrderBound(int64, int64, int64) {}

func (w *wrapper) ExecDetails(_ int64, c *ibsync.Contract, e *ibsync.Execution) {
	r, err := executionReportOf(c, e, w.s.b.cfg.Now())
	switch {
	case err == nil:
	case r.account != "" && w.s.b.account(broker.AccountID(r.account)) == nil:
		w.s.b.log.Debug("an execution of another account cannot be read", "err", err)
		return
	default:
		w.s.end(err) // a fill that cannot be read is a doubt about everything
		return
	}
	w.s.onExecution(&r)
}

func (w *wrapper) ExecDetailsEnd(id int64) { w.s.finish(id, nil) }

func (w *wrapper) CommissionAndFeesReport(r ibsync.CommissionAndFeesReport) {
	fee, err := fromFloat(r.CommissionAndFees)
	if err != nil || fee.Equal(minusOne) {
		return // not known yet
	}
	w.s.onFee(&feeReport{execution: r.ExecID, fee: fee, currency: broker.Currency(r.Currency)})
}

// Accounts.

// positionRow is one position of an account.
type positionRow struct {
	account, model string
	contract       contractKey
	quantity       ibsync.Decimal
}

// valueRow is one value of an account.
type valueRow struct{ account, key, value, currency string }

func (w *wrapper) PositionMulti(id int64, account, model string, c *ibsync.Contract, quantity ibsync.Decimal, _ float64) {
	w.s.row(id, positionRow{account, model, contractOf(c), quantity})
}

func (w *wrapper) PositionMultiEnd(id int64) { w.s.finish(id, nil) }

func (w *wrapper) AccountUpdateMulti(id int64, account, _, key, value, currency string) {
	w.s.row(id, valueRow{account, key, value, currency})
}

func (w *wrapper) AccountUpdateMultiEnd(id int64) { w.s.finish(id, nil) }

// Contracts.

func (w *wrapper) ContractDetails(id int64, d *ibsync.ContractDetails) {
	if d != nil {
		w.s.row(id, *d)
	}
}

func (w *wrapper) BondContractDetails(id int64, d *ibsync.ContractDetails) { w.ContractDetails(id, d) }

func (w *wrapper) ContractDetailsEnd(id int64) { w.s.finish(id, nil) }

// Prices.

// tickRow is a price, the time of the last trade, or the type of the data.
type tickRow struct {
	kind     int64
	price    float64
	text     string
	dataType int64
}

func (w *wrapper) TickPrice(id int64, kind ibsync.TickType, price float64, _ ibsync.TickAttrib) {
	w.s.row(id, tickRow{kind: kind, price: price})
}

func (w *wrapper) TickSize(int64, ibsync.TickType, ibsync.Decimal) {}

func (w *wrapper) TickGeneric(int64, ibsync.TickType, float64) {}

func (w *wrapper) TickReqParams(int64, float64, string, int64) {}

func (w *wrapper) TickString(id int64, kind ibsync.TickType, text string) {
	w.s.row(id, tickRow{kind: kind, text: text})
}

func (w *wrapper) MarketDataType(id, dataType int64) { w.s.row(id, tickRow{dataType: dataType}) }

func (w *wrapper) TickSnapshotEnd(id int64) { w.s.finish(id, nil) }

// barRow is one bar of history.
type barRow struct {
	date  string
	close float64
}

func (w *wrapper) HistoricalData(id int64, b *ibsync.Bar) {
	if b != nil {
		w.s.row(id, barRow{b.Date, b.Close})
	}
}

func (w *wrapper) HistoricalDataEnd(id int64, _, _ string) { w.s.finish(id, nil) }

// Subscriptions that are never made.

func (w *wrapper) UpdateAccountValue(string, string, string, string) {}
func (w *wrapper) UpdateAccountTime(string)                          {}
func (w *wrapper) AccountDownloadEnd(string)                         {}
