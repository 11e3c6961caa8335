package gatewaysim

import (
	"slices"
	"strings"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// summary is one subscription of account summaries.
type summary struct{ group, tags string }

// handleAccounts answers the requests about accounts.
func (e *Exchange) handleAccounts(s *tcpSession, m proto.Message) {
	switch m := m.(type) {
	case *protobuf.AccountDataRequest:
		e.subscribeAccount(s, m)
	case *protobuf.AccountSummaryRequest:
		e.subscribeSummary(s, m)
	case *protobuf.CancelAccountSummary:
		delete(s.summaries, m.GetReqId())
	case *protobuf.PositionsRequest:
		s.positions = true
		e.sendList(s, &protobuf.PositionEnd{}, func() {
			for _, a := range e.accounts {
				e.sendPositions(s, a)
			}
		})
	case *protobuf.CancelPositions:
		s.positions = false
	case *protobuf.PositionsMultiRequest:
		if a := e.accountFor(s, m.GetReqId(), m.GetAccount()); a != nil {
			s.posMulti[m.GetReqId()] = a.ID
			e.sendList(s, &protobuf.PositionMultiEnd{ReqId: m.ReqId}, func() { e.sendPositionsMulti(s, m.GetReqId(), a, nil) })
		}
	case *protobuf.CancelPositionsMulti:
		delete(s.posMulti, m.GetReqId())
	case *protobuf.AccountUpdatesMultiRequest:
		if a := e.accountFor(s, m.GetReqId(), m.GetAccount()); a != nil {
			s.updMulti[m.GetReqId()] = a.ID
			e.sendList(s, &protobuf.AccountUpdateMultiEnd{ReqId: m.ReqId}, func() { e.sendUpdatesMulti(s, m.GetReqId(), a) })
		}
	case *protobuf.CancelAccountUpdatesMulti:
		delete(s.updMulti, m.GetReqId())
	}
}

// accountFor returns the account that a request names, the first without a
// name; it answers with an error if the gateway does not manage it.
func (e *Exchange) accountFor(s *tcpSession, reqID int32, id string) *account {
	if id == "" {
		return e.accounts[0]
	}
	a := e.account(id)
	if a == nil {
		s.fail(reqID, 321, "Error validating request.-'bN' : cause - Invalid account code '%s'.", id)
	}
	return a
}

func (e *Exchange) subscribeAccount(s *tcpSession, m *protobuf.AccountDataRequest) {
	if !m.GetSubscribe() {
		s.account = ""
		return
	}
	a := e.accountFor(s, -1, m.GetAcctCode())
	if a == nil {
		return
	}
	s.account = a.ID
	e.sendList(s, &protobuf.AccountDataEnd{AccountName: proto.String(a.ID)}, func() { e.sendAccount(s, a, nil) })
}

// sendAccount sends values and positions of an account; the position of one
// contract also when it is zero.
func (e *Exchange) sendAccount(s *tcpSession, a *account, changed *Contract) {
	for _, v := range e.valuesFor(s, a) {
		s.send(&protobuf.AccountValue{Key: proto.String(v.key), Value: proto.String(v.value), Currency: proto.String(v.currency), AccountName: proto.String(a.ID)})
	}
	for _, c := range e.contracts {
		p := a.shown.positions[c.ConID]
		if p.quantity.IsZero() && c != changed {
			continue
		}
		price := e.price(c, p.averageCost)
		s.send(&protobuf.PortfolioValue{
			Contract: c.message(), Position: proto.String(p.quantity.String()), MarketPrice: toFloatPtr(price), MarketValue: toFloatPtr(price.Mul(p.quantity)),
			AverageCost: toFloatPtr(p.averageCost), UnrealizedPNL: toFloatPtr(price.Sub(p.averageCost).Mul(p.quantity)),
			RealizedPNL: toFloatPtr(p.realized), AccountName: proto.String(a.ID),
		})
	}
	s.send(&protobuf.AccountUpdateTime{TimeStamp: proto.String(e.now().In(e.zone).Format("15:04"))})
}

// valuesFor is the account's values after the faults.
func (e *Exchange) valuesFor(s *tcpSession, a *account) []accountValue {
	all := e.values(a)
	at := s.place("")
	at.account = a.ID
	if f := e.strike(FaultOmitTag, at); f != nil {
		all = replaceTags(all, map[string]string{f.Text: ""})
	}
	if f := e.strike(FaultSentinelTag, at); f != nil {
		all = replaceTags(all, map[string]string{f.Text: sentinelText})
	}
	return all
}

func (e *Exchange) subscribeSummary(s *tcpSession, m *protobuf.AccountSummaryRequest) {
	_, known := s.summaries[m.GetReqId()]
	open := 0
	for _, other := range e.sessions {
		if !other.gone {
			open += len(other.summaries)
		}
	}
	if limit := e.cfg.Limits.Summaries; !known && limit >= 0 && open >= limit {
		s.fail(m.GetReqId(), 322, "Error processing request.-'bN' : cause - Maximum number of account summary requests exceeded")
		return
	}
	s.summaries[m.GetReqId()] = summary{m.GetGroup(), m.GetTags()}
	e.sendList(s, &protobuf.AccountSummaryEnd{ReqId: m.ReqId}, func() {
		for _, a := range e.accounts {
			e.sendSummary(s, m.GetReqId(), a)
		}
	})
}

// sendSummary sends the tags of an account that a subscription asks for.
func (e *Exchange) sendSummary(s *tcpSession, reqID int32, a *account) {
	sub := s.summaries[reqID]
	if sub.group != "All" && sub.group != "" && sub.group != a.ID {
		return
	}
	tags := strings.Split(sub.tags, ",")
	ledger := ""
	for _, t := range tags {
		if rest, ok := strings.CutPrefix(t, "$LEDGER"); ok {
			ledger = strings.TrimPrefix(rest, ":")
			if ledger == "" {
				ledger = "BASE"
			}
		}
	}
	for _, v := range e.valuesFor(s, a) {
		perCurrency := slices.Contains(ledgerKeys, v.key)
		wanted := !perCurrency && slices.Contains(tags, v.key) || perCurrency && (ledger == "ALL" || ledger != "" && ledger == v.currency)
		if wanted {
			s.send(&protobuf.AccountSummary{
				ReqId: proto.Int32(reqID), Account: proto.String(a.ID), Tag: proto.String(v.key), Value: proto.String(v.value), Currency: proto.String(v.currency),
			})
		}
	}
}

// ledgerKeys are the values that exist once for each currency.
var ledgerKeys = []string{"CashBalance", "TotalCashBalance", "StockMarketValue", "NetLiquidationByCurrency", "ExchangeRate", "Currency"}

func (e *Exchange) sendPositions(s *tcpSession, a *account) {
	for _, c := range e.contracts {
		if p := a.shown.positions[c.ConID]; !p.quantity.IsZero() {
			s.send(positionMessage(a, c, p))
		}
	}
}

func positionMessage(a *account, c *Contract, p position) *protobuf.Position {
	m := c.message()
	m.Exchange, m.PrimaryExch = proto.String(""), nil // as the gateway sends positions
	return &protobuf.Position{Account: proto.String(a.ID), Contract: m, Position: proto.String(p.quantity.String()), AvgCost: toFloatPtr(p.averageCost)}
}

func (e *Exchange) sendPositionsMulti(s *tcpSession, reqID int32, a *account, changed *Contract) {
	for _, c := range e.contracts {
		p := a.shown.positions[c.ConID]
		if changed == nil && p.quantity.IsZero() || changed != nil && c != changed {
			continue
		}
		m := positionMessage(a, c, p)
		s.send(&protobuf.PositionMulti{ReqId: proto.Int32(reqID), Account: m.Account, Contract: m.Contract, Position: m.Position, AvgCost: m.AvgCost, ModelCode: proto.String("")})
	}
}

func (e *Exchange) sendUpdatesMulti(s *tcpSession, reqID int32, a *account) {
	for _, v := range e.valuesFor(s, a) {
		s.send(&protobuf.AccountUpdateMulti{
			ReqId: proto.Int32(reqID), Account: proto.String(a.ID), ModelCode: proto.String(""), Key: proto.String(v.key), Value: proto.String(v.value), Currency: proto.String(v.currency),
		})
	}
}

// showAccount tells every subscriber of a change of an account, in one contract
// or in all if it is nil.
func (e *Exchange) showAccount(a *account, changed *Contract) {
	if e.linkDown {
		e.withheld = append(e.withheld, func() { e.showAccount(a, changed) })
		return
	}
	for _, s := range e.sessions {
		if s.positions {
			e.showPositions(s, a, changed)
		}
		if s.account == a.ID {
			e.sendAccount(s, a, changed)
		}
		for id, account := range s.posMulti {
			if account == a.ID {
				e.sendPositionsMulti(s, id, a, changed)
			}
		}
		for id, account := range s.updMulti {
			if account == a.ID {
				e.sendUpdatesMulti(s, id, a)
			}
		}
		for id := range s.summaries {
			e.sendSummary(s, id, a)
		}
	}
}

func (e *Exchange) showPositions(s *tcpSession, a *account, changed *Contract) {
	if changed == nil {
		e.sendPositions(s, a)
		return
	}
	s.send(positionMessage(a, changed, a.shown.positions[changed.ConID]))
}
