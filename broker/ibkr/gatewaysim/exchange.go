package gatewaysim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// Exchange is what lives on when clients leave and the gateway restarts: the
// accounts, the contracts and their quotes, the orders and their fills. All
// methods are safe for concurrent use.
type Exchange struct {
	cfg     Config
	zone    *time.Location
	gateway *Gateway
	wakeup  chan struct{}

	mu        sync.Mutex // guards all below, and the sessions
	accounts  []*account
	contracts []*Contract
	quotes    map[int]Quote // by conId
	bars      map[int][]Bar
	orders    []*order
	byKey     map[orderKey]*order // the newest order of a client's id
	lastID    map[int]int         // highest order id that a client used
	perm      int64
	execs     int
	byHand    int // last id of an order without one
	tasks     []task

	sessions []*tcpSession
	joined   int
	linkDown bool
	withheld []func() // what the gateway could not hear while the link was down

	faults    []*armed
	faultSeq  int
	rand      *rand.Rand
	ledger    []Entry
	recorded  int         // entries ever written to the ledger
	historyAt []time.Time // historical requests in the last ten minutes
}

func newExchange(cfg Config) *Exchange {
	zone, err := time.LoadLocation(cfg.TimeZone)
	if err != nil { // validated
		zone = time.UTC
	}
	e := &Exchange{
		cfg: cfg, zone: zone, wakeup: make(chan struct{}, 1), quotes: map[int]Quote{}, bars: map[int][]Bar{},
		byKey: map[orderKey]*order{}, lastID: map[int]int{}, perm: cfg.Now().Unix() % 1_000_000_000,
		rand: rand.New(rand.NewPCG(cfg.Seed, 0)),
	}
	for _, c := range cfg.Contracts {
		c = c.withDefaults()
		e.contracts = append(e.contracts, &c)
	}
	for symbol, q := range cfg.Quotes {
		e.quotes[e.contract(symbol).ConID] = q
	}
	for _, a := range cfg.Accounts {
		e.accounts = append(e.accounts, e.newAccount(a))
	}
	return e
}

func (e *Exchange) now() time.Time { return e.cfg.Now() }

// contract returns the first contract with a symbol, nil if there is none.
func (e *Exchange) contract(symbol string) *Contract {
	for _, c := range e.contracts {
		if c.Symbol == symbol {
			return c
		}
	}
	return nil
}

// mustContract is contract with an error for callers from outside.
func (e *Exchange) mustContract(symbol string) (*Contract, error) {
	c := e.contract(symbol)
	if c == nil {
		return nil, fmt.Errorf("gatewaysim: no contract %q: list it in Config.Contracts", symbol)
	}
	return c, nil
}

// account returns an account, nil if the gateway does not manage it.
func (e *Exchange) account(id string) *account {
	for _, a := range e.accounts {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// join admits a connection, or returns nil if there are too many.
func (e *Exchange) join(conn net.Conn) *tcpSession {
	e.mu.Lock()
	defer e.mu.Unlock()
	open := 0
	for _, s := range e.sessions {
		if !s.gone {
			open++
		}
	}
	if limit := e.cfg.Limits.Clients; limit >= 0 && open >= limit {
		return nil
	}
	e.joined++
	s := &tcpSession{
		ex: e, conn: conn, number: e.joined, dataType: 1, streams: map[int32]*Contract{}, summaries: map[int32]summary{},
		posMulti: map[int32]string{}, updMulti: map[int32]string{}, out: queue{wake: make(chan struct{}, 1), stop: make(chan struct{})},
	}
	e.sessions = append(e.sessions, s)
	e.record(s, Entry{Kind: KindConnected})
	e.cfg.Logger.Debug("connected", "session", s.number)
	return s
}

// leave removes a connection.
func (e *Exchange) leave(s *tcpSession, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.gone = true
	e.sessions = slices.DeleteFunc(e.sessions, func(other *tcpSession) bool { return other == s })
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	e.record(s, Entry{Kind: KindDisconnected, Detail: detail})
	e.cfg.Logger.Debug("disconnected", "session", s.number, "client", s.client, "err", err)
}

// hangUpAll cuts all connections.
func (e *Exchange) hangUpAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.sessions {
		s.cut()
	}
}

// restart lets order ids fall back. The lock is held.
func (e *Exchange) restart(idRollback int) {
	e.record(nil, Entry{Kind: KindRestart, Detail: fmt.Sprintf("ids fall back by %d", idRollback)})
	for client, last := range e.lastID {
		e.lastID[client] = max(last-idRollback, 0)
	}
	e.linkDown = false
	e.flushWithheld()
}

// nextID is the next valid order id of a client. The lock is held.
func (e *Exchange) nextID(client int) int {
	return max(e.lastID[client]+1, e.cfg.FirstOrderID)
}

// owners calls f for the sessions that hear of an order. The lock is held.
func (e *Exchange) owners(client int, f func(*tcpSession)) {
	for _, s := range e.sessions {
		if s.started && (s.client == client || e.cfg.MasterClient != 0 && s.client == e.cfg.MasterClient) {
			f(s)
		}
	}
}

// tell sends answers to the owner of an order, later if the link is down.
func (e *Exchange) tell(client int, answers ...proto.Message) {
	if e.linkDown {
		e.withheld = append(e.withheld, func() { e.tellNow(client, answers...) })
		return
	}
	e.tellNow(client, answers...)
}

func (e *Exchange) tellNow(client int, answers ...proto.Message) {
	e.owners(client, func(s *tcpSession) {
		for _, m := range answers {
			if x, ok := m.(*liveExecution); ok {
				m = e.executionFor(s, x.fill, -1)
			}
			s.send(m)
		}
	})
}

// tellError sends an error about an order to its owner.
func (e *Exchange) tellError(client, id, code int, format string, args ...any) {
	e.tell(client, &protobuf.ErrorMessage{
		Id: proto.Int32(int32(id)), ErrorCode: proto.Int32(int32(code)), ErrorMsg: proto.String(fmt.Sprintf(format, args...)),
		ErrorTime: proto.Int64(e.now().UnixMilli()),
	})
}

// flushWithheld tells what could not be told while the link was down.
func (e *Exchange) flushWithheld() {
	all := e.withheld
	e.withheld = nil
	for _, f := range all {
		f()
	}
}

// broadcast sends a message about the connection to all clients.
func (e *Exchange) broadcast(code int, text string) {
	for _, s := range e.sessions {
		if s.started {
			s.fail(-1, code, "%s", text)
		}
	}
}

// Broadcast sends a message that belongs to no request, such as 2103, to all
// clients. It changes nothing else.
func (g *Gateway) Broadcast(code int, text string) {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	g.ex.broadcast(code, text)
}

// price is what one of a contract is worth: last, middle, close, or the
// fallback.
func (e *Exchange) price(c *Contract, fallback decimal.Decimal) decimal.Decimal {
	q := e.quotes[c.ConID]
	switch {
	case q.Last.IsPositive():
		return q.Last
	case q.Bid.IsPositive() && q.Ask.IsPositive():
		return average(q.Bid.Add(q.Ask), decimal.NewFromInt(2))
	case q.Close.IsPositive():
		return q.Close
	}
	return fallback
}

// rate is the value of one unit of a currency in US dollars.
func (e *Exchange) rate(currency string) decimal.Decimal {
	if r, ok := e.cfg.Rates[currency]; ok {
		return r
	}
	return decimal.NewFromInt(1)
}

// convert changes an amount into another currency.
func (e *Exchange) convert(amount decimal.Decimal, from, to string) decimal.Decimal {
	if from == to {
		return amount
	}
	return average(amount.Mul(e.rate(from)), e.rate(cmp.Or(to, "USD")))
}
