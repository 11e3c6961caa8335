package replay

import (
	"math"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// daysAYear is how many trading days a year is taken to have.
const daysAYear = 252

// Statistics sums up the days of a backtest. Its zero value is ready; [Statistics.Add]
// each day in order. Returns leave out what was paid in and out, which moves at the
// close: the return of a day is (value − flow) / value of the day before − 1. The
// first day begins at the close, so it has no return.
type Statistics struct {
	summary   Summary
	growth    float64
	peak      float64
	peakDay   marketdata.Day
	before    *Day
	value     float64 // of the day before
	values    float64 // sum of all values
	returns   moments
	tracking  moments
	firstDay  time.Time
	rebalance decimal.Decimal // traded after the first day
}

// Point is what a day adds to the statistics.
type Point struct {
	// Growth is what one unit of money became, flows left out; 1 on the first day.
	Growth float64
	// Drawdown is how far that is below its highest so far, from 0 to −1.
	Drawdown float64
}

// Summary is a backtest in numbers. Rates are fractions: 0.01 is 1 %.
type Summary struct {
	From, To marketdata.Day
	Days     int
	// Years is the time from the first to the last day, in years of 365.25 days.
	Years float64
	// Final is the value of the last day, PaidIn and PaidOut the flows.
	Final, PaidIn, PaidOut decimal.Decimal
	// CAGR is the growth a year, Volatility the standard deviation of the daily
	// returns times √252.
	CAGR, Volatility float64
	// Drawdown is the worst fall from a highest growth, from 0 to −1; Peak and
	// Trough are its days.
	Drawdown     float64
	Peak, Trough marketdata.Day
	// Turnover is half of all that was traded after the first day, a year, as a part
	// of the mean value: 1 is to exchange the whole account once a year.
	Turnover float64
	// Fees and Slippage are all that trading cost: Slippage is what fills were worse
	// than the closes.
	Fees, Slippage, Traded decimal.Decimal
	// Runs are the engine's runs, Rebalanced those that sent orders, Adjusted those
	// of them that ended with something left over, Orders the orders that filled.
	Runs, Rebalanced, Adjusted, Orders int
	// TrackingError is the standard deviation, times √252, of the daily difference
	// between the return of the account and that of the targets of the day before,
	// held exactly and free of costs. What the weights leave is cash without interest.
	TrackingError float64
}

// Add adds a day and returns its point.
func (s *Statistics) Add(day *Day) Point {
	value := statistic(day.Value)
	at, _ := time.Parse(time.DateOnly, string(day.Date))
	if s.before == nil {
		s.growth, s.firstDay = 1, at
		s.summary.From = day.Date
	} else {
		r := (value-statistic(day.Flow))/s.value - 1
		s.growth *= 1 + r
		s.returns.add(r)
		if s.before.Targets != nil {
			s.tracking.add(r - targetReturn(s.before, day))
		}
	}
	if s.growth > s.peak {
		s.peak, s.peakDay = s.growth, day.Date
	}
	p := Point{Growth: s.growth, Drawdown: s.growth/s.peak - 1}
	if p.Drawdown < s.summary.Drawdown {
		s.summary.Drawdown, s.summary.Peak, s.summary.Trough = p.Drawdown, s.peakDay, day.Date
	}
	s.summary.Days++
	s.summary.To, s.summary.Final = day.Date, day.Value
	s.summary.Years = at.Sub(s.firstDay).Hours() / 24 / 365.25
	s.values += value
	s.addRuns(day)
	s.before, s.value = day, value
	return p
}

// addRuns adds what the day's runs traded and the day's flow.
func (s *Statistics) addRuns(day *Day) {
	m := &s.summary
	if day.Flow.Sign() > 0 {
		m.PaidIn = m.PaidIn.Add(day.Flow)
	} else {
		m.PaidOut = m.PaidOut.Sub(day.Flow)
	}
	for _, res := range day.Results {
		m.Runs++
		if Sent(res) > 0 {
			m.Rebalanced++
		}
		if res.Outcome == rebalance.CompletedAdjusted {
			m.Adjusted++
		}
		for i := range res.Orders {
			if res.Orders[i].Filled.Sign() > 0 {
				m.Orders++
			}
		}
		if c := res.Costs; c != nil {
			m.Fees, m.Slippage, m.Traded = m.Fees.Add(c.Fees), m.Slippage.Add(c.Shortfall), m.Traded.Add(c.Traded)
			if s.before != nil {
				s.rebalance = s.rebalance.Add(c.Traded)
			}
		}
	}
}

// Summary returns the numbers so far.
func (s *Statistics) Summary() Summary {
	m := s.summary
	m.Volatility = s.returns.deviation() * math.Sqrt(daysAYear)
	m.TrackingError = s.tracking.deviation() * math.Sqrt(daysAYear)
	if m.Years > 0 {
		m.CAGR = math.Pow(s.growth, 1/m.Years) - 1
		m.Turnover = statistic(s.rebalance) / 2 / m.Years / (s.values / float64(m.Days))
	}
	return m
}

// targetReturn is the return of a portfolio that is exactly at the targets of the
// day before.
func targetReturn(before, day *Day) float64 {
	var sum float64
	for _, t := range before.Targets {
		sum += float64(statistic(t.Weight) * priceReturn(before, day, t))
	}
	return sum
}

// priceReturn is the return of one target.
func priceReturn(before, day *Day, t allocation.Target) float64 {
	for i := range day.Holdings {
		if day.Holdings[i].Symbol == t.Symbol {
			return statistic(day.Holdings[i].Price)/statistic(before.Holdings[i].Price) - 1
		}
	}
	return 0
}

// moments are a mean and a variance, by Welford's method.
type moments struct {
	n             int
	mean, squares float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.squares += float64(d * (x - m.mean)) // the conversion keeps machines from fusing
}

// deviation is the sample standard deviation.
func (m *moments) deviation() float64 {
	if m.n < 2 {
		return 0
	}
	return math.Sqrt(m.squares / float64(m.n-1))
}
