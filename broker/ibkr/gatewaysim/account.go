package gatewaysim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/shopspring/decimal"
)

// account has its books twice: the truth, and what the gateway shows, which can
// lag behind.
type account struct {
	Account
	truth, shown book
	caught       int // how often shown was set to the truth
}

// book is the positions and the cash of an account.
type book struct {
	positions map[int]position // by conId
	cash      map[string]decimal.Decimal
}

type position struct {
	quantity, averageCost, realized decimal.Decimal
}

func (e *Exchange) newAccount(a Account) *account {
	a.Currency = cmp.Or(a.Currency, "USD")
	acct := &account{Account: a, truth: book{map[int]position{}, map[string]decimal.Decimal{a.Currency: {}}}}
	maps.Copy(acct.truth.cash, a.Cash)
	acct.Tags = map[string]string{}
	maps.Copy(acct.Tags, a.Tags)
	for _, h := range a.Holdings {
		acct.truth.positions[e.contract(h.Symbol).ConID] = position{quantity: h.Quantity, averageCost: h.AverageCost}
	}
	acct.shown = acct.truth.clone()
	return acct
}

func (b book) clone() book { return book{maps.Clone(b.positions), maps.Clone(b.cash)} }

// trade moves a position by a signed quantity at a price, and returns what was
// realised.
func (b book) trade(conID int, quantity, price decimal.Decimal) decimal.Decimal {
	p := b.positions[conID]
	var realized decimal.Decimal
	switch after := p.quantity.Add(quantity); {
	case p.quantity.Sign()*quantity.Sign() >= 0: // opens or adds
		cost := p.quantity.Mul(p.averageCost).Add(quantity.Mul(price))
		p.averageCost = average(cost, after)
	default:
		closed := decimal.Min(p.quantity.Abs(), quantity.Abs()).Mul(decimal.NewFromInt(int64(p.quantity.Sign())))
		realized = price.Sub(p.averageCost).Mul(closed)
		if after.Sign()*p.quantity.Sign() < 0 { // turned around
			p.averageCost = price
		}
	}
	p.quantity = p.quantity.Add(quantity)
	if p.quantity.IsZero() {
		p.averageCost = decimal.Decimal{}
	}
	p.realized = p.realized.Add(realized)
	b.positions[conID] = p
	return realized
}

func (b book) pay(currency string, amount decimal.Decimal) {
	b.cash[currency] = b.cash[currency].Add(amount)
}

// accountValue is one line of an account.
type accountValue struct{ key, value, currency string }

// values returns the account as the gateway shows it.
func (e *Exchange) values(a *account) []accountValue {
	base := a.Currency
	var cash, stock, unrealized, realized decimal.Decimal
	var perCurrency []accountValue
	for _, currency := range slices.Sorted(maps.Keys(a.shown.cash)) {
		held := e.stockValue(a, currency)
		amount := a.shown.cash[currency]
		cash = cash.Add(e.convert(amount, currency, base))
		perCurrency = append(perCurrency,
			accountValue{"CashBalance", amount.String(), currency}, accountValue{"TotalCashBalance", amount.String(), currency},
			accountValue{"StockMarketValue", held.String(), currency}, accountValue{"NetLiquidationByCurrency", amount.Add(held).String(), currency},
			accountValue{"ExchangeRate", e.convert(decimal.NewFromInt(1), currency, base).String(), currency},
			accountValue{"Currency", currency, currency})
	}
	for _, c := range e.contracts {
		p := a.shown.positions[c.ConID]
		price := e.price(c, p.averageCost)
		stock = stock.Add(e.convert(p.quantity.Mul(price), c.Currency, base))
		unrealized = unrealized.Add(e.convert(p.quantity.Mul(price.Sub(p.averageCost)), c.Currency, base))
		realized = realized.Add(e.convert(p.realized, c.Currency, base))
	}
	total := cash.Add(stock)
	all := []accountValue{
		{"AccountCode", a.ID, ""},
		{"AccountOrGroup", a.ID, base},
		{"AccountReady", "true", ""},
		{"AccountType", "INDIVIDUAL", ""},
		{"AccruedCash", "0", base},
		{"AvailableFunds", cash.String(), base},
		{"BuyingPower", cash.String(), base},
		{"Cushion", "1", ""},
		{"DayTradesRemaining", "-1", ""},
		{"EquityWithLoanValue", total.String(), base},
		{"ExcessLiquidity", cash.String(), base},
		{"FullAvailableFunds", cash.String(), base},
		{"FullInitMarginReq", "0", base},
		{"FullMaintMarginReq", "0", base},
		{"GrossPositionValue", stock.Abs().String(), base},
		{"InitMarginReq", "0", base},
		{"Leverage-S", "0", ""},
		{"MaintMarginReq", "0", base},
		{"NetLiquidation", total.String(), base},
		{"RealizedPnL", realized.String(), base},
		{"SettledCash", cash.String(), base},
		{"TotalCashValue", cash.String(), base},
		{"UnrealizedPnL", unrealized.String(), base},
	}
	all = append(all, perCurrency...)
	all = append(all, accountValue{"CashBalance", cash.String(), "BASE"}, accountValue{"TotalCashBalance", cash.String(), "BASE"},
		accountValue{"StockMarketValue", stock.String(), "BASE"}, accountValue{"NetLiquidationByCurrency", total.String(), "BASE"},
		accountValue{"ExchangeRate", "1", "BASE"}, accountValue{"Currency", "BASE", "BASE"})
	return replaceTags(all, a.Tags)
}

// stockValue is the value of the positions in a currency.
func (e *Exchange) stockValue(a *account, currency string) decimal.Decimal {
	var sum decimal.Decimal
	for _, c := range e.contracts {
		if p := a.shown.positions[c.ConID]; c.Currency == currency {
			sum = sum.Add(p.quantity.Mul(e.price(c, p.averageCost)))
		}
	}
	return sum
}

// replaceTags puts in the values that the configuration or a fault demands.
func replaceTags(all []accountValue, tags map[string]string) []accountValue {
	kept := all[:0]
	for _, v := range all {
		if text, ok := tags[v.key]; ok {
			if v.value = text; text == "" {
				continue
			}
		}
		kept = append(kept, v)
	}
	return kept
}

// AccountState is the truth about an account, whatever the gateway shows.
type AccountState struct {
	ID        string                     `json:"id"`
	Cash      map[string]decimal.Decimal `json:"cash"`
	Positions map[string]decimal.Decimal `json:"positions"` // by symbol, without those that are zero
}

// Account returns the truth about an account.
func (e *Exchange) Account(id string) (AccountState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.account(id)
	if a == nil {
		return AccountState{}, fmt.Errorf("gatewaysim: no account %q", id)
	}
	return e.state(a), nil
}

// Accounts returns the truth about all accounts.
func (e *Exchange) Accounts() []AccountState {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []AccountState{}
	for _, a := range e.accounts {
		all = append(all, e.state(a))
	}
	return all
}

func (e *Exchange) state(a *account) AccountState {
	s := AccountState{a.ID, maps.Clone(a.truth.cash), map[string]decimal.Decimal{}}
	for _, c := range e.contracts {
		if p := a.truth.positions[c.ConID]; !p.quantity.IsZero() {
			s.Positions[c.Symbol] = s.Positions[c.Symbol].Add(p.quantity)
		}
	}
	return s
}

// SetTag replaces an account value from now on, such as "SettledCash" or
// "AccountType", in every currency. An empty text removes it.
func (e *Exchange) SetTag(id, key, text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.account(id)
	if a == nil {
		return fmt.Errorf("gatewaysim: tag %s: no account %q", key, id)
	}
	a.Tags[key] = text
	e.showAccount(a, nil)
	return nil
}

// Deposit moves cash into an account, or out of it.
func (e *Exchange) Deposit(id, currency string, amount decimal.Decimal) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.account(id)
	if a == nil {
		return fmt.Errorf("gatewaysim: deposit: no account %q", id)
	}
	a.truth.pay(currency, amount)
	a.shown.pay(currency, amount)
	e.showAccount(a, nil)
	return nil
}

// Trade changes an account's position as somebody else's trade, a transfer or a
// liquidation does: no order of the gateway and no execution tells of it. A
// negative quantity sells.
func (e *Exchange) Trade(id, symbol string, quantity, price decimal.Decimal) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.account(id)
	c, err := e.mustContract(symbol)
	if err != nil {
		return err
	}
	if a == nil {
		return fmt.Errorf("gatewaysim: trade: no account %q", id)
	}
	for _, b := range []book{a.truth, a.shown} {
		b.trade(c.ConID, quantity, price)
		b.pay(c.Currency, quantity.Mul(price).Neg())
	}
	e.showAccount(a, c)
	return nil
}

// Split multiplies all positions of a symbol and divides its quotes.
func (e *Exchange) Split(symbol string, ratio decimal.Decimal) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.mustContract(symbol)
	if err != nil {
		return err
	}
	if !ratio.IsPositive() {
		return fmt.Errorf("gatewaysim: split of %s by %s: want more than nothing", symbol, ratio)
	}
	for _, a := range e.accounts {
		for _, b := range []book{a.truth, a.shown} {
			p := b.positions[c.ConID]
			p.quantity, p.averageCost = p.quantity.Mul(ratio), average(p.averageCost, ratio)
			b.positions[c.ConID] = p
		}
		e.showAccount(a, c)
	}
	q := e.quotes[c.ConID]
	for _, d := range []*decimal.Decimal{&q.Bid, &q.Ask, &q.Last, &q.Close, &q.Open, &q.High, &q.Low} {
		*d = average(*d, ratio)
	}
	e.quotes[c.ConID] = q
	return nil
}
