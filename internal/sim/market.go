package sim

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/marketdata"
)

// market moves prices while the exchange is open, and does what the world does
// to accounts behind the engine's back.
type market struct {
	w       *world
	a       *actor
	foreign []foreignOrder
}

// foreignOrder is a working order of somebody else's.
type foreignOrder struct {
	account broker.AccountID
	id      string
}

// session is the session that is open at t, or the next one.
func (w *world) session(t time.Time) broker.Session {
	i := broker.Instrument{ID: w.instruments[0]}
	for _, s := range w.hours.Sessions(&i, t, t.Add(8*24*time.Hour)) {
		if s.Close.After(t) {
			return s
		}
	}
	return broker.Session{}
}

// run is the market until ctx ends.
func (m *market) run(ctx context.Context) {
	m.a.sleep(0)
	for ctx.Err() == nil {
		now := time.Now()
		if s := m.w.session(now); now.Before(s.Open) {
			m.a.wait(ctx, s.Open.Sub(now), nil)
			continue
		}
		m.tick()
		m.a.wait(ctx, m.a.between(30*time.Second, 3*time.Minute), nil)
	}
}

// tick is one move of all prices, and perhaps something worse.
func (m *market) tick() {
	quotes := map[broker.InstrumentID]marketdata.Quote{}
	now := time.Now()
	m.w.mu.Lock()
	for _, id := range m.w.instruments {
		p := m.w.prices[id]
		p = p.Mul(decimal.New(int64(9970+m.a.rng.IntN(61)), -4)).Round(2)
		m.w.prices[id] = decimal.Max(p, decimal.New(1, 0))
		if now.After(m.w.halted[id]) {
			quotes[id] = quote(m.w.prices[id])
		}
	}
	m.w.mu.Unlock()
	m.must("quotes", m.w.broker.SetQuotes(quotes))
	m.disturb()
}

// must notes what the market did. The fake refusing it would be a mistake here.
func (m *market) must(what string, err error) { m.w.note(m.a, "market: "+what, "", err) }

// disturb gives one of the disturbances its chance.
func (m *market) disturb() {
	w, a := m.w, m.a
	account, id := pick(a.rng, w.accounts).ID, pick(a.rng, w.instruments)
	what := pick(a.rng, []Fault{
		PriceJump, Halt, ManualTrade, ForeignOrder, Deposit, Withdrawal, Split, NewAllocation, WildAllocation,
		QueueOutage, JournalOutage, fake.FaultCutSession,
	})
	if what == fake.FaultCutSession {
		if w.chance[what] > 0 && !w.isQuiet() && a.odds(w.chance[what]) {
			w.broker.Inject(fake.CutSession{For: a.between(0, 10*time.Minute)}) // the fake counts it
			m.must("session cut", nil)
		}
		return
	}
	if !w.strikes(a, what) {
		return
	}
	switch what {
	case PriceJump:
		m.scale(id, decimal.New(int64(pick(a.rng, []int{85, 92, 94, 107, 112})), -2))
	case Halt:
		w.mu.Lock()
		w.halted[id] = time.Now().Add(a.between(time.Minute, 20*time.Minute))
		w.mu.Unlock()
		m.must("halt "+string(id), w.broker.ClearQuote(id))
	case ManualTrade:
		m.trade(account, id)
	case ForeignOrder:
		m.order(account, id)
	case Deposit:
		m.cash(account, 1)
	case Withdrawal:
		m.cash(account, -1)
	case Split:
		m.split(id)
	case NewAllocation, WildAllocation:
		w.models.change(a, what == WildAllocation)
		m.must(string(what), nil)
	case QueueOutage, JournalOutage:
		m.outage(what)
	}
}

// scale multiplies a price.
func (m *market) scale(id broker.InstrumentID, by decimal.Decimal) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.w.prices[id] = decimal.Max(m.w.prices[id].Mul(by).Round(2), decimal.New(1, 0))
}

// trade is somebody trading by hand: a sale of what is held, or a small buy.
func (m *market) trade(account broker.AccountID, id broker.InstrumentID) {
	held, _, err := m.w.broker.Holdings(account)
	side, quantity := broker.Buy, decimal.New(int64(1+m.a.rng.IntN(20)), 0)
	if have := held[id]; err == nil && have.GreaterThanOrEqual(quantity) && m.a.odds(700) {
		side = broker.Sell
	}
	err = m.w.broker.TradeByHand(account, id, side, quantity)
	m.w.check.outside(account)
	m.must("trade by hand", err)
}

// order is somebody's order far from the market, which works.
func (m *market) order(account broker.AccountID, id broker.InstrumentID) {
	m.w.mu.Lock()
	limit := decimal.Max(m.w.prices[id].Mul(decimal.New(7, -1)).Round(2), decimal.New(1, -2))
	m.w.mu.Unlock()
	brokerID, err := m.w.broker.PlaceByHand(broker.Order{
		Account: account, Instrument: id, Side: broker.Buy, Quantity: decimal.New(1, 0), Type: broker.Limit, Limit: limit, TIF: broker.Day,
	})
	m.w.check.outside(account)
	m.must("foreign order", err)
	if err == nil {
		m.w.mu.Lock()
		m.foreign = append(m.foreign, foreignOrder{account, brokerID})
		m.w.mu.Unlock()
	}
}

// cash is a deposit or a withdrawal of some of the cash.
func (m *market) cash(account broker.AccountID, sign int64) {
	amount := decimal.New(sign*int64(100+m.a.rng.IntN(5000)), 0)
	err := m.w.broker.Deposit(account, broker.Money{Amount: amount, Currency: "USD"})
	m.w.check.outside(account)
	m.must("deposit "+amount.String(), err)
}

// split doubles the shares of an instrument at half the price.
func (m *market) split(id broker.InstrumentID) {
	m.must("split "+string(id), m.w.broker.Split(id, decimal.New(2, 0)))
	m.scale(id, decimal.New(5, -1))
	for i := range m.w.accounts {
		m.w.check.outside(m.w.accounts[i].ID)
	}
}

// outage lets a store not answer for a while.
func (m *market) outage(what Fault) {
	until := time.Now().Add(m.a.between(5*time.Second, 4*time.Minute))
	m.w.mu.Lock()
	if what == QueueOutage {
		m.w.down.queue = until
	} else {
		m.w.down.journal = until
	}
	m.w.ring()
	m.w.mu.Unlock()
	m.must(string(what), nil)
}

// cancelForeign takes somebody else's orders away, as their owner would.
func (m *market) cancelForeign(a *actor, account broker.AccountID) {
	m.w.mu.Lock()
	orders := m.foreign
	m.foreign = nil
	m.w.mu.Unlock()
	for _, o := range orders {
		if o.account != account {
			m.w.mu.Lock()
			m.foreign = append(m.foreign, o)
			m.w.mu.Unlock()
			continue
		}
		err := m.w.broker.CancelByHand(o.account, o.id) // it may be over
		m.w.note(a, "cancel foreign order", string(account), err)
	}
}

// flat takes the spread out of all quotes.
func (m *market) flat(a *actor) {
	quotes := map[broker.InstrumentID]marketdata.Quote{}
	m.w.mu.Lock()
	for id, price := range m.w.prices {
		p := decimal.NewNullDecimal(price)
		quotes[id] = marketdata.Quote{Bid: p, Ask: p, Last: p}
	}
	m.w.mu.Unlock()
	m.w.note(a, "market: stands still", "", m.w.broker.SetQuotes(quotes))
}

// heal gives every halted instrument its quote back and stops all surprises.
func (m *market) heal(a *actor) {
	m.w.mu.Lock()
	clear(m.w.halted)
	quotes := map[broker.InstrumentID]marketdata.Quote{}
	for _, id := range m.w.instruments {
		quotes[id] = quote(m.w.prices[id])
	}
	m.w.mu.Unlock()
	m.w.note(a, "market: healed", "", m.w.broker.SetQuotes(quotes))
}
