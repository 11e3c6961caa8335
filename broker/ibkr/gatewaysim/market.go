package gatewaysim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// Quote is the market of a contract. A price that is zero is not there.
type Quote struct {
	Bid     decimal.Decimal `json:"bid,omitzero"`
	Ask     decimal.Decimal `json:"ask,omitzero"`
	Last    decimal.Decimal `json:"last,omitzero"`
	Open    decimal.Decimal `json:"open,omitzero"`
	High    decimal.Decimal `json:"high,omitzero"`
	Low     decimal.Decimal `json:"low,omitzero"`
	Close   decimal.Decimal `json:"close,omitzero"` // of the day before
	BidSize decimal.Decimal `json:"bid_size,omitzero"`
	AskSize decimal.Decimal `json:"ask_size,omitzero"`
	Size    decimal.Decimal `json:"size,omitzero"` // of the last trade
	Volume  decimal.Decimal `json:"volume,omitzero"`
}

// SetQuote sets the market of a symbol: subscribers hear of it and orders that
// it crosses fill.
func (e *Exchange) SetQuote(symbol string, q Quote) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.mustContract(symbol)
	if err != nil {
		return fmt.Errorf("gatewaysim: quote: %w", err)
	}
	e.quotes[c.ConID] = q
	for _, s := range e.sessions {
		for id, streamed := range s.streams {
			if streamed == c && !e.linkDown {
				kind, _ := e.dataKind(s, c)
				e.sendTicks(s, id, c, kind)
			}
		}
	}
	for _, o := range e.orders {
		if o.contract == c {
			e.match(o)
		}
	}
	return nil
}

// Price is SetQuote with one price for bid, ask, last and close.
func (e *Exchange) Price(symbol string, price decimal.Decimal) error {
	return e.SetQuote(symbol, Quote{Bid: price, Ask: price, Last: price, Close: price})
}

// find returns the contracts that a client's contract may mean.
func (e *Exchange) find(m *protobuf.Contract) []*Contract {
	var found []*Contract
	for _, c := range e.contracts {
		if c.matches(m) {
			found = append(found, c)
		}
	}
	return found
}

// handleMarket answers the requests about contracts, prices and history.
func (e *Exchange) handleMarket(s *tcpSession, m proto.Message) {
	switch m := m.(type) {
	case *protobuf.ContractDataRequest:
		e.sendContracts(s, m)
	case *protobuf.MatchingSymbolsRequest:
		e.sendSamples(s, m)
	case *protobuf.MarketDataTypeRequest:
		if t := int(m.GetMarketDataType()); t >= 1 && t <= 4 {
			s.dataType = t
			return
		}
		s.fail(-1, 321, "Error validating request.-'bK' : cause - Invalid market data type")
	case *protobuf.MarketDataRequest:
		e.subscribeTicks(s, m)
	case *protobuf.CancelMarketData:
		if _, ok := s.streams[m.GetReqId()]; !ok {
			s.fail(m.GetReqId(), 300, "Can't find EId with tickerId:%d", m.GetReqId())
		}
		delete(s.streams, m.GetReqId())
	case *protobuf.HistoricalDataRequest:
		e.sendHistory(s, m)
	}
}

func (e *Exchange) sendContracts(s *tcpSession, m *protobuf.ContractDataRequest) {
	found := e.find(m.GetContract())
	at := s.place("reqContractDetails")
	at.symbol = m.GetContract().GetSymbol()
	if len(found) > 0 {
		at.symbol = found[0].Symbol
	}
	if e.strike(FaultContractNone, at) != nil || len(found) == 0 {
		s.fail(m.GetReqId(), 200, "No security definition has been found for the request")
		return
	}
	if e.strike(FaultContractEmpty, at) != nil {
		found = nil
	}
	if e.strike(FaultContractAmbiguous, at) != nil && len(found) > 0 {
		twin := *found[0]
		twin.ConID, twin.PrimaryExchange = twin.ConID+1, "AMEX"
		found = append(slices.Clone(found), &twin)
	}
	if f := e.strike(FaultContractOtherID, at); f != nil && len(found) > 0 {
		other := *found[0]
		other.ConID = cmp.Or(f.Count, other.ConID+1)
		found = []*Contract{&other}
	}
	hours := e.strike(FaultHours, at)
	e.sendList(s, &protobuf.ContractDataEnd{ReqId: m.ReqId}, func() {
		for _, c := range found {
			d := c.details(e.now())
			if hours != nil {
				d.TradingHours, d.LiquidHours = proto.String(hours.Text), proto.String(hours.Text)
			}
			s.send(&protobuf.ContractData{ReqId: m.ReqId, Contract: c.message(), ContractDetails: d})
		}
	})
}

func (e *Exchange) sendSamples(s *tcpSession, m *protobuf.MatchingSymbolsRequest) {
	answer := &protobuf.SymbolSamples{ReqId: m.ReqId}
	pattern := strings.ToUpper(m.GetPattern())
	for _, c := range e.contracts {
		if strings.HasPrefix(c.Symbol, pattern) || strings.Contains(strings.ToUpper(c.LongName), pattern) {
			k := c.message()
			k.Description = proto.String(c.LongName)
			answer.ContractDescriptions = append(answer.ContractDescriptions, &protobuf.ContractDescription{Contract: k})
		}
	}
	s.send(answer)
}

// subscribeTicks answers a request for market data.
func (e *Exchange) subscribeTicks(s *tcpSession, m *protobuf.MarketDataRequest) {
	id := m.GetReqId()
	found := e.find(m.GetContract())
	if len(found) != 1 {
		s.fail(id, 200, "No security definition has been found for the request")
		return
	}
	c := found[0]
	at := s.place("reqMktData")
	at.symbol = c.Symbol
	if f := e.strike(FaultMarketDataError, at); f != nil {
		s.fail(id, cmp.Or(f.Code, 354), "%s", cmp.Or(f.Text, "Requested market data is not subscribed."))
		return
	}
	if e.strike(FaultCompetingSession, at) != nil {
		s.fail(id, 10197, "No market data during competing live session")
		return
	}
	lines := 0
	for _, other := range e.sessions {
		if !other.gone {
			lines += len(other.streams)
		}
	}
	if limit := e.cfg.Limits.MarketDataLines; limit >= 0 && lines >= limit && !m.GetSnapshot() {
		s.fail(id, 101, "Max number of tickers has been reached")
		return
	}
	kind, no := e.dataKind(s, c)
	if no != nil {
		s.fail(id, no.code, "%s", no.text)
		if kind == 0 {
			return
		}
	}
	s.send(&protobuf.MarketDataType{ReqId: m.ReqId, MarketDataType: proto.Int32(int32(kind))})
	s.send(&protobuf.TickReqParams{ReqId: m.ReqId, MinTick: proto.String(c.MinTick.String()), BboExchange: proto.String("9c0001"), SnapshotPermissions: proto.Int32(3)})
	e.sendTicks(s, id, c, kind)
	if !m.GetSnapshot() {
		s.streams[id] = c
		return
	}
	end := func() { e.sendEnd(s, &protobuf.TickSnapshotEnd{ReqId: m.ReqId}) }
	f := e.strike(FaultNoSnapshotEnd, at)
	switch {
	case f == nil:
		end()
	case f.For > 0:
		e.after(time.Duration(f.For), end)
	}
}

// dataKind returns the type of data that a session gets of a contract, 0 for
// none, and the error that tells why it is none or less than it asked for.
func (e *Exchange) dataKind(s *tcpSession, c *Contract) (int, *refusal) {
	opened, _ := c.open(e.now(), cmp.Or(c.LiquidHours, c.TradingHours))
	closed := !opened
	can := func(kind int) bool { return slices.Contains(c.MarketData, kind) }
	live := can(1) || can(2)
	delayed := can(3) || can(4)
	switch {
	case live && closed && s.dataType%2 == 0 && can(2):
		return 2, nil
	case live:
		return 1, nil
	case s.dataType <= 2 && delayed:
		return 0, refuse(10089, "Requested market data requires additional subscription for API. See link in 'Market Data Connections' dialog for more details.Delayed market data is available.%s", c.Symbol)
	case s.dataType <= 2:
		return 0, refuse(354, "Requested market data is not subscribed.")
	case !delayed:
		return 0, refuse(10168, "Requested market data is not subscribed. Delayed market data is not enabled.")
	case closed && s.dataType == 4 && can(4):
		return 4, refuse(10167, "Requested market data is not subscribed. Displaying delayed market data.")
	}
	return 3, refuse(10167, "Requested market data is not subscribed. Displaying delayed market data.")
}

// tickKind is a price tick with its size, live and delayed.
type tickKind struct {
	live, delayed int
	price, size   func(Quote) decimal.Decimal
}

var tickKinds = []tickKind{
	{1, 66, func(q Quote) decimal.Decimal { return q.Bid }, func(q Quote) decimal.Decimal { return q.BidSize }},
	{2, 67, func(q Quote) decimal.Decimal { return q.Ask }, func(q Quote) decimal.Decimal { return q.AskSize }},
	{4, 68, func(q Quote) decimal.Decimal { return q.Last }, func(q Quote) decimal.Decimal { return q.Size }},
	{6, 72, func(q Quote) decimal.Decimal { return q.High }, nil},
	{7, 73, func(q Quote) decimal.Decimal { return q.Low }, nil},
	{9, 75, func(q Quote) decimal.Decimal { return q.Close }, nil},
	{14, 76, func(q Quote) decimal.Decimal { return q.Open }, nil},
}

// sendTicks sends all ticks of a quote.
func (e *Exchange) sendTicks(s *tcpSession, id int32, c *Contract, kind int) {
	q := e.quotes[c.ConID]
	at := s.place("reqMktData")
	at.symbol = c.Symbol
	bad := e.strike(FaultBadPrice, at)
	for _, t := range tickKinds {
		price := t.price(q)
		if !price.IsPositive() {
			continue
		}
		if bad != nil {
			if price = bad.Price; price.IsZero() {
				price = decimal.NewFromInt(-1)
			}
		}
		m := &protobuf.TickPrice{ReqId: proto.Int32(id), TickType: proto.Int32(int32(t.live)), Price: toFloatPtr(price), Size: proto.String("0"), AttrMask: proto.Int32(0)}
		if kind >= 3 {
			m.TickType = proto.Int32(int32(t.delayed))
		}
		if t.size != nil {
			m.Size = proto.String(t.size(q).String())
		}
		s.send(m)
	}
	volume, stamp := int32(8), int32(45)
	if kind >= 3 {
		volume, stamp = 74, 88
	}
	if q.Volume.IsPositive() {
		s.send(&protobuf.TickSize{ReqId: proto.Int32(id), TickType: proto.Int32(volume), Size: proto.String(q.Volume.String())})
	}
	if q.Last.IsPositive() {
		s.send(&protobuf.TickString{ReqId: proto.Int32(id), TickType: proto.Int32(stamp), Value: proto.String(fmt.Sprint(e.now().Unix()))})
	}
}
