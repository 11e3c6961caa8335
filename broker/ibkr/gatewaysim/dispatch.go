package gatewaysim

import (
	"cmp"
	"strings"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// greetingFault returns the name of the fault that the greeting meets, if any.
func (e *Exchange) greetingFault(s *tcpSession) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range []string{FaultAcceptAndClose, FaultNoHandshake} {
		if e.strike(name, s.place("")) != nil {
			return name
		}
	}
	return ""
}

// receive handles one message of a client; false ends the connection.
func (e *Exchange) receive(s *tcpSession, req request, size int, err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.gone {
		return s.dismissed
	}
	if err != nil {
		e.record(s, Entry{Kind: KindMalformed, Name: req.name, Bytes: size, Detail: err.Error()})
		s.fail(-1, 320, "Error reading request. %v", err)
		return true
	}
	entry := Entry{Kind: KindReceived, Name: req.name, Bytes: size}
	if req.value != nil {
		entry.Detail = brief(req.value)
	}
	e.record(s, entry)
	at := s.place(req.name)
	if s.pace.over(e.cfg.Limits.MessagesPerSecond) {
		e.tooFast(s)
		return true
	}
	switch {
	case e.strike(FaultPacingViolation, at) != nil:
		s.pace.strikes++
		e.tooFast(s)
		return true
	case req.value == nil:
		s.refuseUnplayed(req)
		return true
	case e.strike(FaultCutOnRequest, at) != nil:
		s.cut()
		return false
	case e.strike(FaultSilentRequest, at) != nil:
		return true
	}
	if f := e.strike(FaultRequestError, at); f != nil {
		s.fail(requestID(req.value), cmp.Or(f.Code, 321), "%s", cmp.Or(f.Text, "Error validating request"))
		return true
	}
	if start, ok := req.value.(*protobuf.StartApiRequest); ok {
		e.start(s, int(start.GetClientId()))
		return true
	}
	if s.started { // the gateway listens only after startApi
		e.handle(s, req.value)
	}
	return true
}

// tooFast answers a message above the limit; the third time is the last.
func (e *Exchange) tooFast(s *tcpSession) {
	limit := e.cfg.Limits.MessagesPerSecond
	s.fail(-1, 100, "Max rate of messages per second has been exceeded:max=%d rec=%d (%d)", limit, limit+1, s.pace.strikes)
	if s.pace.strikes >= 3 {
		s.dismiss()
	}
}

// requestID returns the id that a request carries, -1 without one.
func requestID(m proto.Message) int32 {
	switch m := m.(type) {
	case interface{ GetReqId() int32 }:
		return m.GetReqId()
	case interface{ GetOrderId() int32 }:
		return m.GetOrderId()
	}
	return -1
}

// start begins the session of a client id, unless it is taken.
func (e *Exchange) start(s *tcpSession, client int) {
	if s.started {
		return
	}
	s.client = client
	taken := e.strike(FaultClientIDInUse, s.place("startApi")) != nil
	for _, other := range e.sessions {
		taken = taken || other != s && other.started && !other.gone && other.client == client
	}
	if taken {
		s.fail(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id.")
		s.dismiss()
		return
	}
	s.started = true
	if e.strike(FaultNoManagedAccounts, s.place("startApi")) == nil {
		e.sendAccounts(s)
	}
	if e.strike(FaultNoNextValidID, s.place("startApi")) == nil {
		s.send(&protobuf.NextValidId{OrderId: proto.Int32(int32(e.nextID(client)))})
	}
	for _, o := range e.orders { // as the gateway does without being asked
		if o.client == client && !o.terminal() {
			s.send(o.openOrder())
			s.send(o.orderStatus())
		}
	}
	s.fail(-1, 2104, "Market data farm connection is OK:usfarm")
	s.fail(-1, 2106, "HMDS data farm connection is OK:ushmds")
	s.fail(-1, 2158, "Sec-def data farm connection is OK:secdefil")
	if e.linkDown {
		s.fail(-1, 1100, "Connectivity between IBKR and Trader Workstation has been lost.")
	}
}

func (e *Exchange) sendAccounts(s *tcpSession) {
	var ids []string
	for _, a := range e.accounts {
		ids = append(ids, a.ID)
	}
	list := strings.Join(ids, ",")
	if f := e.strike(FaultWrongAccounts, s.place("")); f != nil {
		list = f.Text
	}
	s.send(&protobuf.ManagedAccounts{AccountsList: proto.String(list)})
}

// handle answers a request of a started session. The lock is held.
func (e *Exchange) handle(s *tcpSession, m proto.Message) {
	switch m := m.(type) {
	case *protobuf.PlaceOrderRequest:
		e.place(s, m)
	case *protobuf.CancelOrderRequest:
		e.cancel(s, int(m.GetOrderId()))
	case *protobuf.GlobalCancelRequest:
		e.globalCancel(s)
	case *protobuf.OpenOrdersRequest:
		e.sendOpenOrders(s, func(o *order) bool { return o.client == s.client })
	case *protobuf.AllOpenOrdersRequest:
		e.sendOpenOrders(s, func(*order) bool { return true })
	case *protobuf.AutoOpenOrdersRequest:
		if s.client != 0 && m.GetAutoBind() {
			s.fail(-1, 327, "Only the default client (i.e 0) can auto bind orders.")
		}
	case *protobuf.CompletedOrdersRequest:
		e.sendCompleted(s, m.GetApiOnly())
	case *protobuf.ExecutionRequest:
		e.sendExecutions(s, m)
	case *protobuf.IdsRequest:
		s.send(&protobuf.NextValidId{OrderId: proto.Int32(int32(e.nextID(s.client)))})
	case *protobuf.CurrentTimeRequest:
		s.send(&protobuf.CurrentTime{CurrentTime: proto.Int64(e.now().Unix())})
	case *protobuf.CurrentTimeInMillisRequest:
		s.send(&protobuf.CurrentTimeInMillis{CurrentTimeInMillis: proto.Int64(e.now().UnixMilli())})
	case *protobuf.ManagedAccountsRequest:
		e.sendAccounts(s)
	case *protobuf.UserInfoRequest:
		s.send(&protobuf.UserInfo{ReqId: m.ReqId, WhiteBrandingId: proto.String("")})
	default:
		e.handleAccounts(s, m)
		e.handleMarket(s, m)
	}
}

// sendList sends the rows of a list and its end marker, unless a fault keeps
// them.
func (e *Exchange) sendList(s *tcpSession, end proto.Message, rows func()) {
	kind, _ := kindOf(end)
	at := s.place(kind.name)
	cut := e.strike(FaultCutMidList, at)
	if cut != nil {
		s.left = cut.Count
	}
	rows()
	s.left = 0
	switch {
	case cut != nil && !s.gone:
		s.dismiss()
	case cut != nil, e.strike(FaultDropEndMarker, at) != nil:
	default:
		s.send(end)
	}
}

// sendEnd sends the end marker of an answer that is no list.
func (e *Exchange) sendEnd(s *tcpSession, end proto.Message) {
	e.sendList(s, end, func() {})
}

func (e *Exchange) sendOpenOrders(s *tcpSession, mine func(*order) bool) {
	e.sendList(s, &protobuf.OpenOrdersEnd{}, func() {
		for _, o := range e.orders {
			if !o.terminal() && mine(o) {
				s.send(o.openOrder())
				s.send(o.orderStatus())
			}
		}
	})
}

func (e *Exchange) sendCompleted(s *tcpSession, apiOnly bool) {
	e.sendList(s, &protobuf.CompletedOrdersEnd{}, func() {
		for _, o := range e.orders {
			if o.terminal() && !o.archived && e.today(o.ended) && (o.id > 0 || !apiOnly) {
				s.send(o.completedOrder(e.zone))
			}
		}
	})
}

// today reports whether a time is of the gateway's present day: executions and
// completed orders of earlier days are not told.
func (e *Exchange) today(at time.Time) bool {
	return at.In(e.zone).Format(time.DateOnly) == e.now().In(e.zone).Format(time.DateOnly)
}

// sendExecutions sends the day's executions that the filter lets through, those
// of earlier days too if it asks for days.
func (e *Exchange) sendExecutions(s *tcpSession, m *protobuf.ExecutionRequest) {
	e.sendList(s, &protobuf.ExecutionDetailsEnd{ReqId: m.ReqId}, func() { e.sendExecutionRows(s, m) })
}

func (e *Exchange) sendExecutionRows(s *tcpSession, m *protobuf.ExecutionRequest) {
	f := m.GetExecutionFilter()
	since := e.filterTime(f.GetTime())
	for _, o := range e.orders {
		for _, x := range o.fills {
			today := !x.archived && e.today(x.at) || f.GetLastNDays() > 0
			wanted := today && !x.unheard && (f.GetClientId() == 0 || int(f.GetClientId()) == o.client) && either(f.GetAcctCode(), o.account) &&
				either(f.GetSymbol(), o.contract.Symbol) && either(f.GetSecType(), o.contract.SecType) && !x.at.Before(since) &&
				(f.GetSide() == "" || strings.HasPrefix(o.action(), strings.ToUpper(f.GetSide())) || strings.EqualFold(f.GetSide(), sideCode(o.buy)))
			if wanted {
				s.send(e.executionFor(s, x, m.GetReqId()))
				s.send(e.commission(x))
			}
		}
	}
}

func sideCode(buy bool) string {
	if buy {
		return "BOT"
	}
	return "SLD"
}

// executionFor is an execution as one session reads it: older clients get the
// gateway's local time without a zone.
func (e *Exchange) executionFor(s *tcpSession, f *fill, reqID int32) *protobuf.ExecutionDetails {
	m := e.execution(f, reqID)
	if f.timeText == "" {
		m.Execution.Time = proto.String(e.timeText(s.version, f.at))
	}
	return m
}

// timeText writes a time as the gateway does at a server version.
func (e *Exchange) timeText(version int, at time.Time) string {
	if version < verInstrumentZone {
		return at.In(e.zone).Format("20060102  15:04:05")
	}
	return at.In(e.zone).Format("20060102 15:04:05 ") + e.zone.String()
}

// filterTime reads the time of an execution filter; what it cannot read is no
// limit.
func (e *Exchange) filterTime(text string) time.Time {
	for _, layout := range []string{"20060102-15:04:05", "20060102 15:04:05", "20060102  15:04:05"} {
		zone := e.zone
		if layout == "20060102-15:04:05" {
			zone = time.UTC
		}
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at
		}
	}
	if day, name, ok := cutLast(text, " "); ok {
		if zone, err := time.LoadLocation(name); err == nil {
			if at, err := time.ParseInLocation("20060102 15:04:05", day, zone); err == nil {
				return at
			}
		}
	}
	return time.Time{}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
