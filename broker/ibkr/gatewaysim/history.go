package gatewaysim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// Bar is one bar of a price history.
type Bar struct {
	// Time is the begin of the bar, for a day any time of it.
	Time                   time.Time
	Open, High, Low, Close decimal.Decimal
	Volume                 decimal.Decimal
}

// SetBars sets the history of a symbol, in any order. It serves every bar size.
func (e *Exchange) SetBars(symbol string, bars []Bar) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.mustContract(symbol)
	if err != nil {
		return fmt.Errorf("gatewaysim: bars: %w", err)
	}
	bars = slices.Clone(bars)
	slices.SortFunc(bars, func(a, b Bar) int { return a.Time.Compare(b.Time) })
	e.bars[c.ConID] = bars
	return nil
}

// historyUse is one historical request, for the pacing.
type historyUse struct {
	at        time.Time
	what, key string
}

// historyWithDates is a history in the dialect that has no message for the end:
// the dates stand in it.
type historyWithDates struct {
	*protobuf.HistoricalData
	start, end string
}

// sendHistory answers a request for bars.
func (e *Exchange) sendHistory(s *tcpSession, m *protobuf.HistoricalDataRequest) {
	found := e.find(m.GetContract())
	if len(found) != 1 {
		s.fail(m.GetReqId(), 200, "No security definition has been found for the request")
		return
	}
	if m.GetKeepUpToDate() {
		s.fail(m.GetReqId(), 321, "Error validating request.-'bT' : cause - Historical data that is kept up to date is not simulated: ask without keepUpToDate")
		return
	}
	c := found[0]
	at := s.place("reqHistoricalData")
	at.symbol = c.Symbol
	if e.strike(FaultHistoryPace, at) != nil || e.historyTooFast(s, c, m) {
		s.fail(m.GetReqId(), 162, "Historical Market Data Service error message:API historical data query cancelled: pacing violation")
		return
	}
	until := e.now()
	if text := m.GetEndDateTime(); text != "" {
		if until = e.filterTime(text); until.IsZero() {
			s.fail(m.GetReqId(), 10314, "End Date/Time: The date, time, or time-zone entered is invalid.")
			return
		}
	}
	from, err := before(until.In(e.zone), m.GetDuration())
	if err != nil {
		s.fail(m.GetReqId(), 321, "Error validating request.-'bT' : cause - %v", err)
		return
	}
	bars := e.barsBetween(c, from, until)
	if e.strike(FaultHistoryNoData, at) != nil || len(bars) == 0 {
		s.fail(m.GetReqId(), 162, "Historical Market Data Service error message:HMDS query returned no data: %s@SMART %s", c.Symbol, m.GetWhatToShow())
		return
	}
	data := &protobuf.HistoricalData{ReqId: m.ReqId}
	for _, b := range bars {
		data.HistoricalDataBars = append(data.HistoricalDataBars, &protobuf.HistoricalDataBar{
			Date: proto.String(e.barDate(s.version, b.Time, m)), Open: toFloatPtr(b.Open), High: toFloatPtr(b.High), Low: toFloatPtr(b.Low),
			Close: toFloatPtr(b.Close), Volume: proto.String(b.Volume.String()), WAP: proto.String(b.Close.String()), BarCount: proto.Int32(1),
		})
	}
	start, end := e.timeText(s.version, from), e.timeText(s.version, until)
	if s.version < verHistoryEnd {
		s.send(&historyWithDates{data, start, end})
		return
	}
	s.send(data)
	e.sendEnd(s, &protobuf.HistoricalDataEnd{ReqId: m.ReqId, StartDateStr: proto.String(start), EndDateStr: proto.String(end)})
}

func (e *Exchange) barsBetween(c *Contract, from, until time.Time) []Bar {
	var found []Bar
	for _, b := range e.bars[c.ConID] {
		if b.Time.After(from) && !b.Time.After(until) {
			found = append(found, b)
		}
	}
	return found
}

// barDate writes a bar's time: days as dates, the rest as the request wants it.
func (e *Exchange) barDate(version int, at time.Time, m *protobuf.HistoricalDataRequest) string {
	size := m.GetBarSizeSetting()
	switch {
	case strings.Contains(size, "day"), strings.Contains(size, "week"), strings.Contains(size, "month"), strings.HasSuffix(size, "W"), strings.HasSuffix(size, "M"):
		return at.In(e.zone).Format("20060102")
	case m.GetFormatDate() == 2:
		return strconv.FormatInt(at.Unix(), 10)
	}
	return e.timeText(version, at)
}

// before subtracts a duration such as "3 D" or "1 Y".
func before(until time.Time, duration string) (time.Time, error) {
	number, unit, _ := strings.Cut(duration, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n <= 0 || n > 100_000 {
		return time.Time{}, fmt.Errorf("invalid duration %.20q", duration)
	}
	switch unit {
	case "S":
		return until.Add(-time.Duration(n) * time.Second), nil
	case "D":
		return until.AddDate(0, 0, -n), nil
	case "W":
		return until.AddDate(0, 0, -7*n), nil
	case "M":
		return until.AddDate(0, -n, 0), nil
	case "Y":
		return until.AddDate(-n, 0, 0), nil
	}
	return time.Time{}, fmt.Errorf("invalid duration %.20q", duration)
}

// historyTooFast counts a historical request and reports whether it is over a
// limit: too many in ten minutes, the same again too soon, or too many of one
// contract at once.
func (e *Exchange) historyTooFast(s *tcpSession, c *Contract, m *protobuf.HistoricalDataRequest) bool {
	limits := e.cfg.Limits
	now := time.Now()
	old := func(u time.Time) bool { return now.Sub(u) > 10*time.Minute }
	e.historyAt = slices.DeleteFunc(e.historyAt, old)
	s.historyLog = slices.DeleteFunc(s.historyLog, func(u historyUse) bool { return old(u.at) })
	e.historyAt = append(e.historyAt, now)
	if m.GetWhatToShow() == "BID_ASK" { // counts twice
		e.historyAt = append(e.historyAt, now)
	}
	use := historyUse{now, fmt.Sprint(c.ConID, m.GetWhatToShow()), fmt.Sprint(c.ConID, m.GetEndDateTime(), m.GetDuration(), m.GetBarSizeSetting(), m.GetWhatToShow(), m.GetUseRTH())}
	same, burst := false, 0
	for _, u := range s.historyLog {
		same = same || u.key == use.key && now.Sub(u.at) < limits.HistoryRepeat
		if u.what == use.what && now.Sub(u.at) < 2*time.Second {
			burst++
		}
	}
	s.historyLog = append(s.historyLog, use)
	return limits.HistoryRequests >= 0 && len(e.historyAt) > limits.HistoryRequests || limits.HistoryRepeat >= 0 && (same || burst >= 6)
}

// writeHistory writes the bars of a history.
func writeHistory(w *fieldWriter, m *protobuf.HistoricalData) {
	w.int(int64(len(m.GetHistoricalDataBars())))
	for _, b := range m.GetHistoricalDataBars() {
		w.str(b.GetDate())
		for _, f := range []float64{b.GetOpen(), b.GetHigh(), b.GetLow(), b.GetClose()} {
			w.float(f)
		}
		w.str(b.GetVolume(), b.GetWAP())
		w.int(int64(b.GetBarCount()))
	}
}
