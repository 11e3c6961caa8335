package gatewaysim_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/scmhub/ibapi"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestMain(m *testing.M) {
	ibapi.SetLogger(zerolog.Nop())
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// versions are the server versions that every story runs at.
var versions = []int{163, 176, 178, 200, 201, 203, 204, 205, 206, 207, 208, 213, 225}

func eachVersion(t *testing.T, story func(t *testing.T, version int)) {
	t.Helper()
	for _, v := range versions {
		t.Run(fmt.Sprint(v), func(t *testing.T) { story(t, v) })
	}
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// config is a gateway with two accounts and two quotes.
func config(version int) gatewaysim.Config {
	return gatewaysim.Config{
		ServerVersion: version,
		Accounts: []gatewaysim.Account{
			{ID: "DU1", Cash: map[string]decimal.Decimal{"USD": dec("10000")}, Holdings: []gatewaysim.Holding{{Symbol: "GLD", Quantity: dec("50"), AverageCost: dec("180.5")}}},
			{ID: "DU2", Cash: map[string]decimal.Decimal{"USD": dec("5000.25")}},
		},
		Quotes: map[string]gatewaysim.Quote{
			"AAPL": {Bid: dec("99.9"), Ask: dec("100"), Last: dec("99.95"), Close: dec("98"), BidSize: dec("300"), AskSize: dec("200"), Volume: dec("12345")},
			"GLD":  {Bid: dec("200"), Ask: dec("200.1"), Last: dec("200"), Close: dec("199")},
		},
	}
}

func start(t *testing.T, cfg gatewaysim.Config) *gatewaysim.Gateway {
	t.Helper()
	g, err := gatewaysim.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// client is a real ibapi client that writes down all it hears.
type client struct {
	*ibapi.EClient
	id       int64
	heard    *recorder
	halfOpen bool // nothing will be answered any more
}

// connect connects a client and waits until its session stands.
func connect(t *testing.T, g *gatewaysim.Gateway, id int64) *client {
	t.Helper()
	c := dial(t, g, id)
	c.await(t, "nextValidId")
	c.settle(t)
	return c
}

// settle makes a round trip. Without one, and without another at the end, ibapi
// resets fields at the end that its Connect and its calls still touch, as the
// race detector sees it.
func (c *client) settle(t *testing.T) {
	t.Helper()
	c.ReqCurrentTime()
	c.await(t, "currentTime")
}

// newClient makes a client that is not connected.
func newClient(id int64) *client {
	r := &recorder{news: make(chan struct{}, 1)}
	return &client{EClient: ibapi.NewEClient(r), id: id, heard: r}
}

// gone waits for the end of the connection.
func (c *client) gone(t *testing.T) {
	t.Helper()
	c.await(t, "connectionClosed")
	c.heard.add("connectionClosed", "") // for the end of the test
}

// dial connects a client and waits for nothing.
func dial(t *testing.T, g *gatewaysim.Gateway, id int64) *client {
	t.Helper()
	c := newClient(id)
	require.NoError(t, c.Connect("127.0.0.1", g.Port(), id))
	c.endWith(t, g)
	return c
}

// endWith lets the gateway end the connection with the test: ibapi races with
// itself when its user does it.
func (c *client) endWith(t *testing.T, g *gatewaysim.Gateway) {
	t.Helper()
	t.Cleanup(func() {
		if c.count("connectionClosed") == 0 && c.count("nextValidId") > 0 && !c.halfOpen {
			c.settle(t)
		}
		g.Disconnect(int(c.id))
		c.await(t, "connectionClosed")
	})
}

// await waits for an event that was not awaited yet, with a name and all texts,
// and returns it.
func (c *client) await(t *testing.T, name string, texts ...string) string {
	t.Helper()
	timeout := time.NewTimer(5 * time.Second)
	defer timeout.Stop()
	for {
		if line, ok := c.heard.take(name, texts); ok {
			return line
		}
		select {
		case <-c.heard.news:
		case <-timeout.C:
			require.FailNow(t, "never heard "+name, "texts %q, heard:\n%s", texts, strings.Join(c.heard.all(), "\n"))
		}
	}
}

// count returns how many events with a name and all texts were heard.
func (c *client) count(name string, texts ...string) int {
	n := 0
	for _, line := range c.heard.all() {
		if matches(line, name, texts) {
			n++
		}
	}
	return n
}

// recorder is a wrapper that writes each callback in one line.
type recorder struct {
	ibapi.Wrapper
	mu    sync.Mutex
	lines []string
	taken []bool
	news  chan struct{}
}

func (r *recorder) add(name, format string, args ...any) {
	r.mu.Lock()
	r.lines = append(r.lines, name+" "+fmt.Sprintf(format, args...))
	r.taken = append(r.taken, false)
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *recorder) take(name string, texts []string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, line := range r.lines {
		if !r.taken[i] && matches(line, name, texts) {
			r.taken[i] = true
			return line, true
		}
	}
	return "", false
}

func matches(line, name string, texts []string) bool {
	if !strings.HasPrefix(line, name+" ") {
		return false
	}
	for _, text := range texts {
		if !strings.Contains(line+" ", " "+text+" ") {
			return false
		}
	}
	return true
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

func (r *recorder) NextValidID(id int64) { r.add("nextValidId", "%d", id) }
func (r *recorder) ManagedAccounts(ids []string) {
	r.add("managedAccounts", "%s", strings.Join(ids, ","))
}
func (r *recorder) ConnectionClosed()                 { r.add("connectionClosed", "") }
func (r *recorder) CurrentTime(t int64)               { r.add("currentTime", "%d", t) }
func (r *recorder) CurrentTimeInMillis(t int64)       { r.add("currentTimeInMillis", "%d", t) }
func (r *recorder) UserInfo(id int64, brand string)   { r.add("userInfo", "%d %s", id, brand) }
func (r *recorder) OpenOrderEnd()                     { r.add("openOrderEnd", "") }
func (r *recorder) CompletedOrdersEnd()               { r.add("completedOrdersEnd", "") }
func (r *recorder) ExecDetailsEnd(id int64)           { r.add("execDetailsEnd", "%d", id) }
func (r *recorder) PositionEnd()                      { r.add("positionEnd", "") }
func (r *recorder) PositionMultiEnd(id int64)         { r.add("positionMultiEnd", "%d", id) }
func (r *recorder) AccountUpdateMultiEnd(id int64)    { r.add("accountUpdateMultiEnd", "%d", id) }
func (r *recorder) AccountDownloadEnd(account string) { r.add("accountDownloadEnd", "%s", account) }
func (r *recorder) AccountSummaryEnd(id int64)        { r.add("accountSummaryEnd", "%d", id) }
func (r *recorder) ContractDetailsEnd(id int64)       { r.add("contractDetailsEnd", "%d", id) }
func (r *recorder) TickSnapshotEnd(id int64)          { r.add("tickSnapshotEnd", "%d", id) }
func (r *recorder) UpdateAccountTime(at string)       { r.add("updateAccountTime", "%s", at) }

func (r *recorder) Error(id int64, _ int64, code int64, text string, _ string) {
	r.add("error", "%d %d %s", id, code, text)
}

func (r *recorder) OrderStatus(id int64, status string, filled, remaining ibapi.Decimal, avg float64, perm, _ int64, last float64, client int64, held string, _ float64) {
	r.add("orderStatus", "%d %s filled=%s remaining=%s avg=%v perm=%t last=%v client=%d %s", id, status, filled, remaining, avg, perm > 0, last, client, held)
}

func (r *recorder) OpenOrder(id int64, c *ibapi.Contract, o *ibapi.Order, s *ibapi.OrderState) {
	r.add("openOrder", "%d %s conId=%d %s %s %s lmt=%v tif=%s account=%s ref=%s client=%d whatIf=%t outside=%t status=%s initMargin=%s equity=%s fee=%v",
		id, c.Symbol, c.ConID, o.Action, o.TotalQuantity, o.OrderType, show(o.LmtPrice), o.TIF, o.Account, o.OrderRef, o.ClientID, o.WhatIf,
		o.OutsideRTH, s.Status, s.InitMarginAfter, s.EquityWithLoanAfter, show(s.CommissionAndFees))
}

func (r *recorder) CompletedOrder(c *ibapi.Contract, o *ibapi.Order, s *ibapi.OrderState) {
	r.add("completedOrder", "%s %s %s ref=%s perm=%t filled=%s status=%s done=%s account=%s", c.Symbol, o.Action, o.TotalQuantity, o.OrderRef, o.PermID > 0,
		o.FilledQuantity, s.Status, strings.ReplaceAll(s.CompletedStatus, " ", "_"), o.Account)
}

func (r *recorder) ExecDetails(id int64, c *ibapi.Contract, x *ibapi.Execution) {
	r.add("execDetails", "%d %s %s %s at=%v order=%d client=%d account=%s ref=%s cum=%s avg=%v exec=%s time=%s", id, c.Symbol, x.Side, x.Shares, x.Price,
		x.OrderID, x.ClientID, x.AcctNumber, x.OrderRef, x.CumQty, x.AvgPrice, x.ExecID, strings.ReplaceAll(x.Time, " ", "_"))
}

func (r *recorder) CommissionAndFeesReport(f ibapi.CommissionAndFeesReport) {
	r.add("commission", "exec=%s fee=%v %s pnl=%v", f.ExecID, show(f.CommissionAndFees), f.Currency, show(f.RealizedPNL))
}

func (r *recorder) UpdateAccountValue(tag, value, currency, account string) {
	r.add("accountValue", "%s %s %s=%s", account, currency, tag, value)
}

func (r *recorder) UpdatePortfolio(c *ibapi.Contract, position ibapi.Decimal, price, value, cost, unrealized, realized float64, account string) {
	r.add("portfolio", "%s %s %s price=%v value=%v cost=%v pnl=%v/%v", account, c.Symbol, position, price, value, cost, unrealized, realized)
}

func (r *recorder) AccountSummary(id int64, account, tag, value, currency string) {
	r.add("summary", "%d %s %s=%s %s", id, account, tag, value, currency)
}

func (r *recorder) Position(account string, c *ibapi.Contract, position ibapi.Decimal, cost float64) {
	r.add("position", "%s %s conId=%d %s cost=%v", account, c.Symbol, c.ConID, position, cost)
}

func (r *recorder) PositionMulti(id int64, account, _ string, c *ibapi.Contract, position ibapi.Decimal, cost float64) {
	r.add("positionMulti", "%d %s %s %s cost=%v", id, account, c.Symbol, position, cost)
}

func (r *recorder) AccountUpdateMulti(id int64, account, _, key, value, currency string) {
	r.add("accountUpdateMulti", "%d %s %s=%s %s", id, account, key, value, currency)
}

func (r *recorder) ContractDetails(id int64, d *ibapi.ContractDetails) {
	r.add("contractDetails", "%d %s conId=%d tick=%v zone=%s hours=%s liquid=%s primary=%s exchange=%s type=%s size=%s", id, d.Contract.Symbol, d.Contract.ConID,
		d.MinTick, d.TimeZoneID, d.TradingHours, d.LiquidHours, d.Contract.PrimaryExchange, d.Contract.Exchange, d.StockType, d.MinSize)
}

func (r *recorder) SymbolSamples(id int64, all []ibapi.ContractDescription) {
	var names []string
	for _, d := range all {
		names = append(names, d.Contract.Symbol)
	}
	r.add("symbolSamples", "%d %s", id, strings.Join(names, ","))
}

func (r *recorder) TickPrice(id int64, kind ibapi.TickType, price float64, _ ibapi.TickAttrib) {
	r.add("tickPrice", "%d %d=%v", id, kind, price)
}

func (r *recorder) TickSize(id int64, kind ibapi.TickType, size ibapi.Decimal) {
	r.add("tickSize", "%d %d=%s", id, kind, size)
}

func (r *recorder) TickString(id int64, kind ibapi.TickType, value string) {
	r.add("tickString", "%d %d=%s", id, kind, value)
}

func (r *recorder) TickReqParams(id int64, tick float64, _ string, _ int64) {
	r.add("tickReqParams", "%d %v", id, tick)
}

func (r *recorder) MarketDataType(id, kind int64) { r.add("marketDataType", "%d %d", id, kind) }

func (r *recorder) HistoricalData(id int64, b *ibapi.Bar) {
	r.add("bar", "%d %s %v/%v/%v/%v vol=%s", id, strings.ReplaceAll(b.Date, " ", "_"), b.Open, b.High, b.Low, b.Close, b.Volume)
}

func (r *recorder) HistoricalDataEnd(id int64, from, to string) {
	r.add("barsEnd", "%d %s", id, strings.ReplaceAll(from+"-"+to, " ", "_"))
}

// show writes a number that may be unset.
func show(f float64) string {
	if f == ibapi.UNSET_FLOAT {
		return "unset"
	}
	return fmt.Sprint(f)
}

func stock(symbol string) *ibapi.Contract {
	c := ibapi.NewContract()
	c.Symbol, c.SecType, c.Exchange, c.Currency = symbol, "STK", "SMART", "USD"
	return c
}

func newOrder(action, quantity, kind, limit, account, ref string) *ibapi.Order {
	o := ibapi.NewOrder()
	o.Action, o.OrderType, o.Account, o.OrderRef, o.TIF = action, kind, account, ref, "DAY"
	o.TotalQuantity = ibapi.StringToDecimal(quantity)
	if limit != "" {
		o.LmtPrice = dec(limit).InexactFloat64()
	}
	return o
}
