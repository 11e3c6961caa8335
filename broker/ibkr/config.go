package ibkr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

// Config says which gateway to use, and for which accounts.
type Config struct {
	// Address of the gateway, such as "127.0.0.1:4002". The API of a gateway has
	// no password: let it listen on the loopback only. Required.
	Address string
	// ClientID is the number under which this program is known to the gateway. It
	// is the fence between two processes that trade the same accounts: give all of
	// them the same one, and no other program. 1 to 999999. Required.
	ClientID int
	// Accounts are the accounts to act for, at least one. Required.
	Accounts []Account

	// Instruments pins what a symbol means, by symbol. Default: the one stock with
	// that symbol in Currency.
	Instruments map[broker.InstrumentID]Pin
	// Currency in which symbols without a pin trade. Default: USD.
	Currency broker.Currency
	// Fractional allows quantities that are not whole shares, where the contract
	// does. Default: false.
	Fractional bool
	// Tiers are the tiers of prices that may be asked for; the best one is always
	// asked first. Default: all.
	Tiers []marketdata.Tier
	// MarketDataLines is how many prices are asked for at once, at most 100.
	// Default: 90.
	MarketDataLines int
	// MessagesPerSecond to the gateway, at most 50. Default: 45.
	MessagesPerSecond int
	// LastOrderID is the highest numeric order id that is known to be used, if the
	// program keeps it. Ids begin above it and above all that the gateway knows.
	// Default: 0.
	LastOrderID int64

	// Restart is when the gateway restarts: nothing is sent within, and a missing
	// gateway is waited for. Default: every day from 23:35 to 23:55 New York time.
	Restart *Window
	// Login is when the user has to log in anew: a missing gateway is waited for.
	// Default: Sunday from 1:00 to 3:00 New York time.
	Login *Window

	Timing Timing

	// Dial opens the connection to the gateway; for TLS, or another machine.
	// Default: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `json:"-"`
	// Now is the process's clock. Default: time.Now.
	Now func() time.Time `json:"-"`
	// Logger hears of sessions, and at debug level of all codes. Default: none.
	Logger *slog.Logger `json:"-"`
}

// Account is an account to act for.
type Account struct {
	// ID is its name at IBKR. Paper accounts begin with D. Required.
	ID broker.AccountID
	// Mode must be Live or Paper, as the name says: a program that is configured
	// for one never trades the other. Required.
	Mode broker.Mode
	// Type decides which cash may be spent; the gateway does not tell.
	// Default: Cash, which spends settled cash only.
	Type broker.AccountType
}

// Pin says what a symbol means.
type Pin struct {
	// ConID is IBKR's number of the contract. Default: by the other fields.
	ConID int64
	// Symbol at IBKR. Default: the instrument's, with spaces for points.
	Symbol string
	// PrimaryExchange, such as NASDAQ or ARCA. Default: any.
	PrimaryExchange string
	// Currency. Default: Config.Currency.
	Currency broker.Currency
}

// Timing bounds all waits. Zero fields take their defaults.
type Timing struct {
	// Connect is how long a connection may take until the gateway has told its
	// accounts. Default: 15 s.
	Connect time.Duration
	// Retry is the wait before a second attempt to connect. Each further one is
	// twice as long, up to LongestRetry, and varies by a fifth. Default: 5 s, 60 s.
	Retry, LongestRetry time.Duration
	// Retries is how often [Open] tries again. Default: 3; negative: never.
	Retries int
	// Settle is how long a new connection is left alone before it is read, so that
	// the last bytes of an earlier one have arrived. Default: 5 s; negative: none.
	Settle time.Duration
	// Answer is how long the gateway may take for one answer. Default: 30 s.
	Answer time.Duration
	// Write is how long a message may take to leave. Default: 2 s.
	Write time.Duration
	// Acknowledge is how long Place waits for the gateway's word. Default: 500 ms.
	Acknowledge time.Duration
	// Heartbeat is how often the gateway is asked for its time. Two misses end the
	// session. Default: 15 s.
	Heartbeat time.Duration
	// Stable is how long the link must have been up before the absence of an order
	// can be proven. Default: 5 s.
	Stable time.Duration
	// Quote is how long prices of one tier may take. Default: 12 s.
	Quote time.Duration
	// Quiet ends the wait for an instrument that has a price, once nothing more was
	// heard of it for so long. Default: 500 ms.
	Quiet time.Duration
	// Terms is how long the terms and hours of an instrument are kept. Default: 6 h.
	Terms time.Duration
}

func (t Timing) withDefaults() Timing {
	t.Connect = cmp.Or(t.Connect, 15*time.Second)
	t.Retry = cmp.Or(t.Retry, 5*time.Second)
	t.LongestRetry = cmp.Or(t.LongestRetry, time.Minute)
	t.Retries = cmp.Or(t.Retries, 3)
	t.Settle = cmp.Or(t.Settle, 5*time.Second)
	t.Answer = cmp.Or(t.Answer, 30*time.Second)
	t.Write = cmp.Or(t.Write, 2*time.Second)
	t.Acknowledge = cmp.Or(t.Acknowledge, 500*time.Millisecond)
	t.Heartbeat = cmp.Or(t.Heartbeat, 15*time.Second)
	t.Stable = cmp.Or(t.Stable, 5*time.Second)
	t.Quote = cmp.Or(t.Quote, 12*time.Second)
	t.Quiet = cmp.Or(t.Quiet, 500*time.Millisecond)
	t.Terms = cmp.Or(t.Terms, 6*time.Hour)
	return t
}

func (c Config) withDefaults() Config {
	c.Currency = cmp.Or(c.Currency, "USD")
	c.MarketDataLines = cmp.Or(c.MarketDataLines, 90)
	c.MessagesPerSecond = cmp.Or(c.MessagesPerSecond, 45)
	c.Timing = c.Timing.withDefaults()
	c.Restart = cmp.Or(c.Restart, &defaultRestart)
	c.Login = cmp.Or(c.Login, &defaultLogin)
	if c.Tiers == nil {
		c.Tiers = []marketdata.Tier{
			marketdata.TierLive, marketdata.TierFrozen, marketdata.TierDelayed, marketdata.TierDelayedFrozen, marketdata.TierHistorical,
		}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	accounts := make([]Account, len(c.Accounts))
	for i, a := range c.Accounts {
		a.Type = cmp.Or(a.Type, broker.Cash)
		accounts[i] = a
	}
	c.Accounts = accounts
	return c
}

// maxClientID is the highest client id that is accepted.
const maxClientID = 999_999

// validate returns all that is wrong.
func (c *Config) validate() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("ibkr: config: "+format, args...))
	}
	if host, port, err := net.SplitHostPort(c.Address); err != nil || host == "" || port == "" {
		fault("Address %q: want a host and port such as 127.0.0.1:4002", c.Address)
	}
	if c.ClientID < 1 || c.ClientID > maxClientID {
		fault("ClientID %d: want 1 to %d, the same one at every start; 0 would take over orders that were placed by hand", c.ClientID, maxClientID)
	}
	if len(c.Accounts) == 0 {
		fault("Accounts is empty: name the accounts to act for")
	}
	seen := map[broker.AccountID]bool{}
	for _, a := range c.Accounts {
		if err := a.check(); err != nil {
			errs = append(errs, err)
		}
		if seen[a.ID] {
			fault("account %s is named twice", a.ID)
		}
		seen[a.ID] = true
	}
	pins := map[int64]broker.InstrumentID{}
	for id, p := range c.Instruments {
		if other, ok := pins[p.ConID]; ok && p.ConID != 0 {
			fault("Instruments: %s and %s are both contract %d: keep one", min(id, other), max(id, other), p.ConID)
		}
		pins[p.ConID] = id
		if known, err := broker.ParseInstrumentID(string(id)); err != nil || known != id {
			fault("Instruments: %q is no instrument id: want it trimmed and in upper case", id)
		}
		if p.ConID < 0 {
			fault("Instruments: ConID %d of %s is negative", p.ConID, id)
		}
	}
	if c.MessagesPerSecond < 1 || c.MessagesPerSecond > 50 {
		fault("MessagesPerSecond %d: the gateway allows 1 to 50", c.MessagesPerSecond)
	}
	if c.MarketDataLines < 1 || c.MarketDataLines > 100 {
		fault("MarketDataLines %d: want 1 to 100", c.MarketDataLines)
	}
	if c.LastOrderID < 0 || c.LastOrderID >= lastOrderID {
		fault("LastOrderID %d: want 0 to %d", c.LastOrderID, lastOrderID)
	}
	for _, t := range c.Tiers {
		if !t.Valid() {
			fault("Tiers: %q is no tier", t)
		}
	}
	errs = append(errs, c.Restart.check("Restart"), c.Login.check("Login"))
	return errors.Join(errs...)
}

// check makes sure that paper is never taken for live, or the other way round.
func (a *Account) check() error {
	want := broker.Live
	if strings.HasPrefix(string(a.ID), "D") {
		want = broker.Paper
	}
	switch {
	case a.ID == "":
		return errors.New("ibkr: config: an account has no ID")
	case a.Mode != want:
		return fmt.Errorf("ibkr: config: account %s is configured as %q, but its name is that of a %s account", a.ID, a.Mode, want)
	case a.Type != broker.Cash && a.Type != broker.Margin:
		return fmt.Errorf("ibkr: config: account %s has the type %q: want %s or %s", a.ID, a.Type, broker.Cash, broker.Margin)
	}
	return nil
}
