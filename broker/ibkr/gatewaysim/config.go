package gatewaysim

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Config says what the simulated gateway is.
type Config struct {
	// Accounts are the accounts that the gateway manages; at least one.
	Accounts []Account
	// Contracts are the instruments that exist. Default: [DefaultContracts].
	Contracts []Contract
	// Quotes are the first prices, by symbol. Default: none, see [Exchange.SetQuote].
	Quotes map[string]Quote
	// Rates are the values of one unit of a currency in US dollars. Default: USD is 1,
	// and no other currency is known.
	Rates map[string]decimal.Decimal

	// Addr is where clients connect. Default: a free port of 127.0.0.1.
	Addr string
	// Control is the address of the HTTP control port. Default: none.
	Control string
	// ServerVersion is the protocol version, from [OldestVersion] to
	// [NewestVersion]. A session speaks it or the newest of the client's, if that
	// is lower. Default: [NewestVersion].
	ServerVersion int
	// TimeZone is the gateway's zone, in which it writes times. Default: "US/Eastern".
	TimeZone string
	// FirstOrderID is the next valid order id of a client that has sent no order.
	// Default: 1.
	FirstOrderID int

	// Fill says how orders fill. Default: all at once at the quote.
	Fill FillModel
	// FeePerShare and FeeMinimum make the commission of a fill. Default: 0.005 and 1.
	// Set NoFees for none.
	FeePerShare, FeeMinimum decimal.Decimal
	// NoFees makes every commission zero. Default: false.
	NoFees bool
	// CheckFunds refuses buys that cost more than the account's cash with 201.
	// Default: false.
	CheckFunds bool
	// LaxOrderIDs accepts order ids below the last one that the client used.
	// Default: false, they are refused with 103.
	LaxOrderIDs bool
	// ReadOnly refuses all orders and cancels with 321. Default: false.
	ReadOnly bool
	// MasterClient is a client id that is told of the orders of all clients.
	// Default: none.
	MasterClient int

	// LedgerSize is how many entries the ledger keeps; the oldest are dropped. A
	// negative number is no limit. Default: 100,000, at most some 100 MB.
	LedgerSize int

	// Seed decides the faults that strike by chance. Default: 0.
	Seed uint64

	// Limits are the gateway's limits. Default: as documented for the real one.
	Limits Limits

	// Now says what time it is at the gateway. Delays and pacing use package time.
	// Default: time.Now.
	Now func() time.Time `json:"-"`
	// Logger hears of sessions and faults at debug level. Default: none.
	Logger *slog.Logger `json:"-"`
}

// Limits are what the gateway lets a client do. A negative number is no limit.
type Limits struct {
	// MessagesPerSecond of one client, above which error 100 comes and, at the
	// third time, the end of the connection. Default: 50.
	MessagesPerSecond int
	// Clients that may be connected at once. Default: 32.
	Clients int
	// MarketDataLines is how many symbols one gateway may stream. Default: 100.
	MarketDataLines int
	// HistoryRequests in ten minutes. Default: 60.
	HistoryRequests int
	// HistoryRepeat is the time within which the same historical request is
	// refused, and the seventh in two seconds of one contract. Default: 15 s.
	HistoryRepeat time.Duration
	// Summaries is how many account summaries may be subscribed. Default: 2.
	Summaries int
}

func (l Limits) withDefaults() Limits {
	l.MessagesPerSecond = cmp.Or(l.MessagesPerSecond, 50)
	l.Clients = cmp.Or(l.Clients, 32)
	l.MarketDataLines = cmp.Or(l.MarketDataLines, 100)
	l.HistoryRequests = cmp.Or(l.HistoryRequests, 60)
	l.HistoryRepeat = cmp.Or(l.HistoryRepeat, 15*time.Second)
	l.Summaries = cmp.Or(l.Summaries, 2)
	return l
}

// Account is a customer's account.
type Account struct {
	// ID is the account's name, such as DU1234567.
	ID string
	// Currency is the base currency. Default: USD.
	Currency string
	// Cash by currency. Default: none.
	Cash map[string]decimal.Decimal
	// Holdings are the positions at the start. Default: none.
	Holdings []Holding
	// Tags replace account values by their key, such as "AccountType". An empty
	// text removes the value. Default: none.
	Tags map[string]string
}

// Holding is one position.
type Holding struct {
	Symbol   string
	Quantity decimal.Decimal
	// AverageCost of one. Default: 0.
	AverageCost decimal.Decimal
}

// FillModel says how a marketable order fills.
type FillModel struct {
	// Mode is one of the Fill constants. Default: [FillAtOnce].
	Mode string
	// Parts is into how many fills [FillInParts] cuts an order. Default: 3.
	Parts int
	// Every is the time before the first and between the parts. Default: 20 ms.
	Every time.Duration
}

// The modes of a [FillModel].
const (
	FillAtOnce  = "at_once" // whole, in the moment in which it is marketable
	FillInParts = "parts"   // in equal parts, one after the other
	FillByHand  = "by_hand" // never, until [Exchange.Fill] says so
)

func (m FillModel) withDefaults() FillModel {
	m.Mode = cmp.Or(m.Mode, FillAtOnce)
	m.Parts = cmp.Or(m.Parts, 3)
	m.Every = cmp.Or(m.Every, 20*time.Millisecond)
	return m
}

func (c Config) withDefaults() Config {
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	c.ServerVersion = cmp.Or(c.ServerVersion, NewestVersion)
	c.TimeZone = cmp.Or(c.TimeZone, "US/Eastern")
	c.FirstOrderID = cmp.Or(c.FirstOrderID, 1)
	c.LedgerSize = cmp.Or(c.LedgerSize, 100_000)
	if c.FeePerShare.IsZero() {
		c.FeePerShare = decimal.New(5, -3)
	}
	if c.FeeMinimum.IsZero() {
		c.FeeMinimum = decimal.NewFromInt(1)
	}
	if c.Contracts == nil {
		c.Contracts = DefaultContracts()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Fill = c.Fill.withDefaults()
	c.Limits = c.Limits.withDefaults()
	return c
}

// currencies are those that accounts and contracts use.
func (c *Config) currencies() []string {
	used := map[string]bool{}
	for _, k := range c.Contracts {
		used[cmp.Or(k.Currency, "USD")] = true
	}
	for _, a := range c.Accounts {
		used[cmp.Or(a.Currency, "USD")] = true
		for currency := range a.Cash {
			used[currency] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// validate returns all that is wrong.
func (c *Config) validate() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("gatewaysim: config: "+format, args...))
	}
	if len(c.Accounts) == 0 {
		fault("Accounts is empty: give at least one account")
	}
	if c.ServerVersion < OldestVersion || c.ServerVersion > NewestVersion {
		fault("ServerVersion %d: want %d to %d", c.ServerVersion, OldestVersion, NewestVersion)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		fault("TimeZone: %w", err)
	}
	if m := c.Fill.Mode; m != FillAtOnce && m != FillInParts && m != FillByHand {
		fault("Fill.Mode %q: want %s, %s or %s", m, FillAtOnce, FillInParts, FillByHand)
	}
	if c.Fill.Parts < 1 || c.Fill.Every < 0 {
		fault("Fill: %d parts every %s: want at least one part and no negative time", c.Fill.Parts, c.Fill.Every)
	}
	symbols := map[string]bool{}
	ids := map[int]bool{}
	for i := range c.Contracts {
		k := &c.Contracts[i]
		symbols[k.Symbol] = true
		if err := k.check(); err != nil {
			fault("Contracts[%d]: %w", i, err)
		}
		if ids[k.ConID] {
			fault("Contracts[%d]: ConID %d of %s is taken", i, k.ConID, k.Symbol)
		}
		ids[k.ConID] = true
	}
	for _, currency := range c.currencies() {
		if !c.Rates[currency].IsPositive() && currency != "USD" {
			fault("Rates: %s is used, but has no positive rate", currency)
		}
	}
	accounts := map[string]bool{}
	for i, a := range c.Accounts {
		if a.ID == "" || accounts[a.ID] {
			fault("Accounts[%d]: ID %q is empty or taken", i, a.ID)
		}
		accounts[a.ID] = true
		for _, h := range a.Holdings {
			if !symbols[h.Symbol] {
				fault("account %s: holding %s is no contract", a.ID, h.Symbol)
			}
		}
	}
	for s := range c.Quotes {
		if !symbols[s] {
			fault("Quotes: %s is no contract", s)
		}
	}
	return errors.Join(errs...)
}
