package fake

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Config describes a fake broker. [New] fills in the defaults, then validates
// and reports every fault at once.
type Config struct {
	// Accounts are the accounts to begin with. At least one.
	Accounts []Account
	// Instruments are what can be traded. At least one. Only ID is required.
	// Default of the other fields: a [broker.Stock] in USD on exchange SIM in
	// zone America/New_York, in lots of 1 and ticks of 0.01, Ref "SIM." and the ID.
	Instruments []broker.Instrument
	// Ambiguous are symbols that mean several contracts, with their candidates.
	// Default: none.
	Ambiguous map[broker.InstrumentID][]string
	// Quotes are the quotes to begin with. A quote without a time is always as
	// new as the reading of it; one without a tier is live. Default: none.
	Quotes map[broker.InstrumentID]marketdata.Quote
	// Prices, if set, is asked for quotes whenever some are needed. A symbol that
	// it misses keeps the quote that it had. Default: none, quotes change by
	// [Broker.SetQuote] alone.
	Prices marketdata.PriceSource
	// FX gives the units of To for one unit of From. Default: none.
	FX map[Pair]decimal.Decimal
	// Hours says when instruments trade. Default: [AlwaysOpen].
	Hours Hours

	// Fill says how marketable orders fill. Default: [Immediate].
	Fill FillModel
	// Slippage worsens the price of executions. Default: none.
	Slippage Slippage
	// Fees says what executions cost. Default: nothing.
	Fees Fees
	// Latency is how long the exchange takes to acknowledge an order or a
	// cancel. Default: 0, at once.
	Latency time.Duration
	// AllowShort accepts sells of more than is held. Default: false.
	AllowShort bool
	// AllowMargin accepts buys in margin accounts beyond the cash, as long as the
	// equity is half of what is held. Default: false.
	AllowMargin bool

	// Clock makes time virtual, see the package comment. Default: real time.
	Clock *Clock
	// Now is the time, when there is no Clock. Default: time.Now.
	Now func() time.Time
	// KeepOrders bounds the memory of long simulations: when there are twice as
	// many orders, the oldest that ended are forgotten, ledger and all, with the
	// oldest cancels and refusals. An order of the present day may be among them.
	// Of their IDs remain hashes: to place one again is a conflict, and its absence
	// is not proven. Default: 0, all are kept.
	KeepOrders int
	// Poll is how often [Broker.Await] asks Prices while orders rest, when there
	// is no Clock. Default: 1 s.
	Poll time.Duration
	// Books, if set, are where the broker goes on: the accounts in them hold what
	// the books say, not Cash and Positions, and have the orders of the books. An
	// account that is not in them begins as configured. Default: none.
	Books *Books
	// OnCall, if set, is called before and after each call. Its error becomes the
	// call's: before, nothing has happened yet; after, everything has. It may
	// panic, call Inject and block. Default: none.
	OnCall func(Call) error
}

// Account is an account to begin with.
type Account struct {
	// ID is required.
	ID broker.AccountID
	// Mode is what the broker says of the account. Default: [broker.Simulated].
	Mode broker.Mode
	// Type decides which cash buys. Default: [broker.Margin].
	Type broker.AccountType
	// Base is the currency of its valuation. Default: USD.
	Base broker.Currency
	// Cash and Positions are what it holds. Default: nothing.
	Cash      map[broker.Currency]decimal.Decimal
	Positions map[broker.InstrumentID]decimal.Decimal
	// SettleDays is after how many weekdays the proceeds of a sale are settled
	// cash. Default: 0, at once.
	SettleDays int
	// ReportFunds makes snapshots carry AvailableFunds. Default: false.
	ReportFunds bool
}

// Pair is a pair of currencies.
type Pair struct{ From, To broker.Currency }

// Call is a call of a method, as [Config.OnCall] sees it.
type Call struct {
	// Method is the name as in [broker.Error].Op, such as [MethodPlace].
	Method string
	// After is false before the call does anything, true when it has.
	After   bool
	Account broker.AccountID
	Order   broker.OrderID
}

// The methods of a Broker as calls and errors name them.
const (
	MethodAccounts    = "accounts"
	MethodSnapshot    = "snapshot"
	MethodResolve     = "resolve"
	MethodPlace       = "place"
	MethodCancel      = "cancel"
	MethodOrders      = "orders"
	MethodAwait       = "await"
	MethodSessions    = "sessions"
	MethodWhatIf      = "what_if"
	MethodProbe       = "probe"
	MethodProveAbsent = "prove_absent"
	MethodQuotes      = "quotes"
)

// withDefaults returns the configuration with every optional field filled in.
// Slices are copied, so that the caller's stay as they are.
func (c Config) withDefaults() Config {
	c.Accounts = slices.Clone(c.Accounts)
	for i := range c.Accounts {
		a := &c.Accounts[i]
		a.Mode, a.Type, a.Base = cmp.Or(a.Mode, broker.Simulated), cmp.Or(a.Type, broker.Margin), cmp.Or(a.Base, "USD")
	}
	c.Instruments = slices.Clone(c.Instruments)
	for i := range c.Instruments {
		t := &c.Instruments[i]
		t.Ref, t.Kind, t.Currency = cmp.Or(t.Ref, "SIM."+string(t.ID)), cmp.Or(t.Kind, broker.Stock), cmp.Or(t.Currency, "USD")
		t.Name, t.Exchange, t.Zone = cmp.Or(t.Name, string(t.ID)), cmp.Or(t.Exchange, "SIM"), cmp.Or(t.Zone, "America/New_York")
		if t.Lot.IsZero() {
			t.Lot = decimal.New(1, 0)
		}
		if t.Tick.IsZero() {
			t.Tick = decimal.New(1, -2)
		}
	}
	c.FX = maps.Clone(c.FX)
	if c.FX == nil {
		c.FX = map[Pair]decimal.Decimal{}
	}
	if c.Hours == nil {
		c.Hours = AlwaysOpen()
	}
	if c.Fill == nil {
		c.Fill = Immediate{}
	}
	if c.Clock != nil {
		c.Now = c.Clock.Now
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Poll = cmp.Or(c.Poll, time.Second)
	return c
}

// validate returns every fault of the configuration.
func (c *Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	known := c.validateInstruments(fault)
	c.validateAccounts(known, fault)
	for _, id := range slices.Sorted(maps.Keys(c.Quotes)) {
		if q := c.Quotes[id]; !known[id] {
			fault("Quotes has %s, which is not in Instruments", id)
		} else if !q.Priced() {
			fault("Quotes[%s] has no price: want a bid and an ask, a last or a close", id)
		}
	}
	if err := c.checkBooks(known); err != nil {
		fault("Books: %w", err)
	}
	if c.KeepOrders < 0 {
		fault("KeepOrders is %d: want 0 for all, or how many", c.KeepOrders)
	}
	for p, rate := range c.FX {
		if rate.Sign() <= 0 || p.From == "" || p.To == "" {
			fault("FX[%s to %s] is %s: want two currencies and a positive rate", p.From, p.To, rate)
		}
	}
	if h, ok := c.Hours.(interface{ check() error }); ok {
		if err := h.check(); err != nil {
			fault("Hours: %w", err)
		}
	}
	if c.Latency < 0 || c.Poll < 0 {
		fault("Latency is %s and Poll is %s: want no negative duration", c.Latency, c.Poll)
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("fake: configuration has %d faults:\n%w", len(faults), errors.Join(faults...))
}

// validateInstruments returns the known symbols.
func (c *Config) validateInstruments(fault func(string, ...any)) map[broker.InstrumentID]bool {
	known := make(map[broker.InstrumentID]bool, len(c.Instruments))
	if len(c.Instruments) == 0 {
		fault("Instruments is empty: name what can be traded")
	}
	for i := range c.Instruments {
		if err := checkInstrument(&c.Instruments[i]); err != nil {
			fault("Instruments[%d]: %w", i, err)
		}
		if id := c.Instruments[i].ID; known[id] {
			fault("Instruments[%d]: %s is there twice: use Ambiguous for symbols with several contracts", i, id)
		}
		known[c.Instruments[i].ID] = true
	}
	for id := range c.Ambiguous {
		if known[id] {
			fault("Ambiguous has %s, which is in Instruments too", id)
		}
	}
	return known
}

// checkInstrument says what is wrong with an instrument.
func checkInstrument(t *broker.Instrument) error {
	id, err := broker.ParseInstrumentID(string(t.ID))
	switch {
	case err != nil:
		return err
	case id != t.ID:
		return fmt.Errorf("symbol %q is not as broker.ParseInstrumentID makes it: want %q", t.ID, id)
	case t.Lot.Sign() <= 0 || t.Tick.Sign() <= 0:
		return fmt.Errorf("%s has lot %s and tick %s: want both positive", t.ID, t.Lot, t.Tick)
	}
	return nil
}

func (c *Config) validateAccounts(known map[broker.InstrumentID]bool, fault func(string, ...any)) {
	if len(c.Accounts) == 0 {
		fault("Accounts is empty: there must be at least one")
	}
	seen := make(map[broker.AccountID]bool, len(c.Accounts))
	for i := range c.Accounts {
		a := &c.Accounts[i]
		switch {
		case a.ID == "":
			fault("Accounts[%d]: ID is empty", i)
		case seen[a.ID]:
			fault("Accounts[%d]: ID %s is there twice", i, a.ID)
		case a.Mode != broker.Live && a.Mode != broker.Paper && a.Mode != broker.Simulated:
			fault("Accounts[%d] (%s): Mode is %q: want live, paper or simulated", i, a.ID, a.Mode)
		case a.Type != broker.Margin && a.Type != broker.Cash:
			fault("Accounts[%d] (%s): Type is %q: want margin or cash", i, a.ID, a.Type)
		case a.SettleDays < 0:
			fault("Accounts[%d] (%s): SettleDays is %d: want 0 or more", i, a.ID, a.SettleDays)
		}
		seen[a.ID] = true
		for _, id := range slices.Sorted(maps.Keys(a.Positions)) {
			if !known[id] {
				fault("Accounts[%d] (%s): Positions has %s, which is not in Instruments", i, a.ID, id)
			}
		}
		for _, cur := range slices.Sorted(maps.Keys(a.Cash)) {
			if _, ok := c.FX[Pair{cur, a.Base}]; !ok && cur != a.Base {
				fault("Accounts[%d] (%s): FX has no rate from %s to the base %s", i, a.ID, cur, a.Base)
			}
		}
	}
}
