package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// level is how far the checks may go.
type level int

// The levels.
const (
	reads   level = iota
	trades        // orders that do not fill
	fills         // an order that does
	restart       // the gateway is restarted by hand
)

// options are the flags.
type options struct {
	address   string
	account   broker.AccountID
	client    int
	symbol    broker.InstrumentID
	kind      broker.AccountType
	away      decimal.Decimal
	trade     level
	restart   bool
	live      bool
	simulator bool
	version   int // of the simulator
	json      bool
	verbose   bool
	timeout   time.Duration
}

const simulated = broker.AccountID("DU1234567")

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{kind: broker.Margin}
	var symbol, account, away string
	flags := flag.NewFlagSet("ibkr-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.address, "address", "127.0.0.1:4002", "host and port of the gateway: 4002 is IB Gateway with a paper account, 7497 TWS")
	flags.StringVar(&account, "account", "", "the account, such as DU1234567 (required)")
	flags.IntVar(&o.client, "client", 917, "client id that nobody else uses; the one above it is used too")
	flags.StringVar(&symbol, "symbol", "SPY", "the stock to ask for and to trade")
	flags.BoolFunc("cash", "the account is a cash account", func(string) error { o.kind = broker.Cash; return nil })
	flags.StringVar(&away, "away", "0.25", "how far below the market an order is placed that must not fill, as a fraction")
	flags.BoolFunc("trade", "place orders that do not fill, and cancel them; -trade=fill also buys one lot and sells it", func(s string) error {
		switch s {
		case "true":
			o.trade = trades
		case "fill":
			o.trade = fills
		case "false":
			o.trade = reads
		default:
			return errors.New("want -trade or -trade=fill")
		}
		return nil
	})
	flags.BoolVar(&o.restart, "restart", false, "ask for a restart of the gateway, and look what it remembers")
	flags.BoolVar(&o.live, "i-know-this-is-live", false, "go on although the account is a live one")
	flags.BoolVar(&o.simulator, "simulator", false, "check a simulated gateway that is started for it")
	flags.IntVar(&o.version, "simulator-version", 0, "the server version that the simulated gateway speaks (default the newest)")
	flags.BoolVar(&o.json, "json", false, "print the report as JSON")
	flags.BoolVar(&o.verbose, "v", false, "log the connection, to standard error")
	flags.DurationVar(&o.timeout, "timeout", 90*time.Second, "the longest that one check may take")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: it takes flags only, see -h (a level of trading is written -trade=fill)", flags.Arg(0))
	}
	o.account = broker.AccountID(account)
	var err error
	if o.symbol, err = broker.ParseInstrumentID(symbol); err != nil {
		return o, fmt.Errorf("-symbol: %w", err)
	}
	if o.away, err = broker.ParseDecimal(away); err != nil {
		return o, fmt.Errorf("-away: %w", err)
	}
	return o, o.check()
}

// check says what does not go together.
func (o *options) check() error {
	if o.simulator && o.account == "" {
		o.account = simulated
	}
	switch {
	case o.account == "":
		return errors.New("-account is missing: name the account, such as -account DU1234567")
	case o.simulator && o.account != simulated:
		return fmt.Errorf("-account %s and -simulator: the simulated account is %s", o.account, simulated)
	case o.mode() == broker.Live && !o.live:
		return fmt.Errorf("-account %s is a live account: these checks are for a paper account, whose name begins with D; give -i-know-this-is-live if you mean it", o.account)
	case o.client < 1 || o.client > 999_998:
		return fmt.Errorf("-client %d: want 1 to 999998", o.client)
	case o.away.LessThan(decimal.New(5, -2)) || o.away.GreaterThan(decimal.New(9, -1)):
		return fmt.Errorf("-away %s: want 0.05 to 0.9", o.away)
	case o.timeout < time.Second:
		return fmt.Errorf("-timeout %s: want 1s or more", o.timeout)
	}
	return nil
}

// mode is what the account's name says: those of paper accounts begin with D.
func (o *options) mode() broker.Mode {
	if strings.HasPrefix(string(o.account), "D") {
		return broker.Paper
	}
	return broker.Live
}
