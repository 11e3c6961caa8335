package gatewaysim

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
)

// Contract is an instrument. Two contracts may have the same symbol.
type Contract struct {
	ConID  int
	Symbol string
	// SecType is the kind of security. Default: "STK".
	SecType string
	// Exchange is where orders are routed. Default: "SMART".
	Exchange string
	// PrimaryExchange is where it is listed. Default: "NASDAQ".
	PrimaryExchange string
	// Currency it trades in. Default: "USD".
	Currency string
	// LongName of the company. Default: the symbol.
	LongName string
	// StockType such as COMMON or ETF. Default: "COMMON".
	StockType string
	// MinTick is the step of prices. Default: 0.01.
	MinTick decimal.Decimal
	// MinSize and SizeIncrement are the least quantity and its step. Default: 1.
	MinSize, SizeIncrement decimal.Decimal
	// TimeZone of the hours. Default: "US/Eastern".
	TimeZone string
	// TradingHours and LiquidHours are as the gateway writes them:
	// "20251125:0930-20251125:1600;20251126:CLOSED". See [WeekHours]. Default: open
	// at all times.
	TradingHours, LiquidHours string
	// MarketData are the market data types that the user may see: 1 live, 2
	// frozen, 3 delayed, 4 delayed and frozen. Default: all.
	MarketData []int
	// Fill replaces the model of the configuration for this contract. Default: nil.
	Fill *FillModel
}

func (c Contract) withDefaults() Contract {
	c.SecType = cmp.Or(c.SecType, "STK")
	c.Exchange = cmp.Or(c.Exchange, "SMART")
	c.PrimaryExchange = cmp.Or(c.PrimaryExchange, "NASDAQ")
	c.Currency = cmp.Or(c.Currency, "USD")
	c.LongName = cmp.Or(c.LongName, c.Symbol)
	c.StockType = cmp.Or(c.StockType, "COMMON")
	c.TimeZone = cmp.Or(c.TimeZone, "US/Eastern")
	one := decimal.NewFromInt(1)
	for d, def := range map[*decimal.Decimal]decimal.Decimal{&c.MinTick: decimal.New(1, -2), &c.MinSize: one, &c.SizeIncrement: one} {
		if d.IsZero() {
			*d = def
		}
	}
	if c.MarketData == nil {
		c.MarketData = []int{1, 2, 3, 4}
	}
	return c
}

func (c *Contract) check() error {
	var errs []error
	if c.ConID <= 0 || c.Symbol == "" {
		errs = append(errs, fmt.Errorf("ConID %d and Symbol %q must be set", c.ConID, c.Symbol))
	}
	if c.ConID > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("ConID %d is more than the protocol can carry", c.ConID))
	}
	for name, d := range map[string]decimal.Decimal{"MinTick": c.MinTick, "MinSize": c.MinSize, "SizeIncrement": c.SizeIncrement} {
		if d.IsNegative() {
			errs = append(errs, fmt.Errorf("%s of %s is negative", name, c.Symbol))
		}
	}
	for _, hours := range []string{c.TradingHours, c.LiquidHours} {
		if _, err := parseHours(hours, time.UTC); err != nil {
			errs = append(errs, err)
		}
	}
	if c.TimeZone != "" {
		if _, err := time.LoadLocation(c.TimeZone); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// DefaultContracts returns a few well-known stocks and funds, open at all times.
func DefaultContracts() []Contract {
	return []Contract{
		{ConID: 265598, Symbol: "AAPL", LongName: "APPLE INC"},
		{ConID: 272093, Symbol: "MSFT", LongName: "MICROSOFT CORP"},
		{ConID: 756733, Symbol: "SPY", LongName: "SS SPDR S&P 500 ETF TRUST-US", PrimaryExchange: "ARCA", StockType: "ETF"},
		{ConID: 51529211, Symbol: "GLD", LongName: "SPDR GOLD SHARES", PrimaryExchange: "ARCA", StockType: "ETF"},
		{ConID: 15547841, Symbol: "TLT", LongName: "ISHARES 20+ YEAR TREASURY BD", PrimaryExchange: "NASDAQ", StockType: "ETF"},
		{ConID: 43645865, Symbol: "IBKR", LongName: "INTERACTIVE BROKERS GRO-CL A"},
	}
}

// message returns the contract as answers carry it.
func (c *Contract) message() *protobuf.Contract {
	return &protobuf.Contract{
		ConId: proto.Int32(int32(c.ConID)), Symbol: proto.String(c.Symbol), SecType: proto.String(c.SecType),
		Exchange: proto.String(c.Exchange), PrimaryExch: proto.String(c.PrimaryExchange), Currency: proto.String(c.Currency),
		LocalSymbol: proto.String(c.Symbol), TradingClass: proto.String(c.tradingClass()),
	}
}

func (c *Contract) tradingClass() string {
	if c.PrimaryExchange == "NASDAQ" {
		return "NMS"
	}
	return c.Symbol
}

// details returns the contract's details at a time.
func (c *Contract) details(now time.Time) *protobuf.ContractDetails {
	trading, liquid := c.TradingHours, c.LiquidHours
	if trading == "" {
		trading = alwaysOpen(now.In(c.zone()))
	}
	if liquid == "" {
		liquid = trading
	}
	return &protobuf.ContractDetails{
		MarketName: proto.String(c.tradingClass()), MinTick: proto.String(c.MinTick.String()),
		OrderTypes: proto.String("ACTIVETIM,DAY,GTC,IOC,LMT,LOC,MKT,MOC,OPG,WHATIF"), ValidExchanges: proto.String("SMART," + c.PrimaryExchange),
		PriceMagnifier: proto.Int32(1), LongName: proto.String(c.LongName), TimeZoneId: proto.String(c.TimeZone),
		TradingHours: proto.String(trading), LiquidHours: proto.String(liquid), AggGroup: proto.Int32(1),
		MarketRuleIds: proto.String("26,26"), StockType: proto.String(c.StockType), MinSize: proto.String(c.MinSize.String()),
		SizeIncrement: proto.String(c.SizeIncrement.String()), SuggestedSizeIncrement: proto.String("100"),
	}
}

func (c *Contract) zone() *time.Location {
	loc, err := time.LoadLocation(c.TimeZone)
	if err != nil { // checked at the start
		return time.UTC
	}
	return loc
}

// matches reports whether a client's contract means this one.
func (c *Contract) matches(m *protobuf.Contract) bool {
	if id := m.GetConId(); id != 0 {
		return int(id) == c.ConID
	}
	symbol, exchange, primary := m.GetSymbol(), m.GetExchange(), m.GetPrimaryExch()
	if at, listed, ok := strings.Cut(exchange, ":"); ok {
		exchange, primary = at, cmp.Or(primary, listed)
	}
	return (symbol == c.Symbol || symbol == "" && m.GetLocalSymbol() == c.Symbol) &&
		either(m.GetSecType(), c.SecType) && either(m.GetCurrency(), c.Currency) && either(primary, c.PrimaryExchange) &&
		(exchange == c.PrimaryExchange || either(exchange, c.Exchange))
}

// either reports whether a wish is empty or met.
func either(wish, is string) bool { return wish == "" || wish == is }
