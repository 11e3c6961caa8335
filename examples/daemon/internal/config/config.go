package config

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// The kinds of parts.
const (
	KindFake    = "fake"
	KindIBKR    = "ibkr"
	KindBolt    = "bolt"
	KindRedis   = "redis"
	KindFile    = "file"
	KindHTTP    = "http"
	KindNtfy    = "ntfy"
	KindWebhook = "webhook"
)

// Config is what the daemon does. Make it with [Load] or [Default].
type Config struct {
	// Data is the folder of all files that the daemon writes.
	Data        string
	Broker      Broker
	Queue       Queue
	Journal     Journal
	Allocations Allocations
	Accounts    []Account
	Schedules   []Schedule
	Limits      rebalance.Limits
	Timing      rebalance.Timing
	Events      rebalance.EventPolicy
	Workers     int
	HTTP        HTTP
	Webhook     Webhook
	Drop        Drop
	Stream      Stream
	Notify      []Notifier
	Log         Log
}

// Broker says where the accounts are.
type Broker struct {
	Kind string
	// Simulator starts a simulated gateway and connects to it: ibkr only.
	Simulator bool
	// Gateway is how to reach IBKR, without the accounts: ibkr only.
	Gateway ibkr.Config
	// Prices is a CSV file of closing prices that the paper market plays, Day how
	// long it plays each: fake only.
	Prices string
	Day    time.Duration
}

// Queue says where the events wait.
type Queue struct {
	Kind string
	// URL is that of the Redis server, cluster or sentinels; it may hold a password.
	URL   Secret
	Bolt  boltqueue.Options
	Redis redisqueue.Options
}

// Journal says where runs and orders are written down.
type Journal struct {
	Kind  string
	URL   Secret
	Bolt  boltjournal.Options
	Redis redisjournal.Options
}

// Allocations says where the targets come from.
type Allocations struct {
	Kind     string
	Path     string
	BaseURL  string
	APIKey   Secret
	Header   string
	Insecure bool
	// Timeout bounds one request, Zone is where a date in an answer begins: http
	// only.
	Timeout time.Duration
	Zone    *time.Location
	Rules   allocation.Rules
}

// Account is an account that the daemon may act for.
type Account struct {
	ID       broker.AccountID
	Mode     broker.Mode
	Type     broker.AccountType
	Strategy string
	Policy   rebalance.Policy
	Trigger  *rebalance.Trigger
	Partial  rebalance.Partial
	// IgnoreOther leaves positions alone that are not stocks.
	IgnoreOther bool
	// Cash and Positions are what a paper account begins with: fake, simulator.
	Cash      decimal.Decimal
	Positions map[broker.InstrumentID]decimal.Decimal
}

// Schedule publishes events by the calendar.
type Schedule struct {
	Name     string
	Command  rebalance.Command
	Accounts []broker.AccountID
	// At is the time of the day, on Days, in Zone; or Every is the interval.
	At    time.Duration
	Days  []time.Weekday
	Zone  *time.Location
	Every time.Duration
	// AtStart publishes once more when the daemon starts.
	AtStart bool
	// CatchUp is how late an event may be that was due while nobody ran.
	CatchUp time.Duration
}

// HTTP says where the API and the page are.
type HTTP struct {
	Address string
	// Remote allows an address that is not the loopback.
	Remote bool
	// Token opens the API and the page. Empty: one is made in the data folder.
	Token Secret
	// Hosts are further names under which a proxy serves the page.
	Hosts []string
}

// Webhook takes signed events over HTTP; off without a secret.
type Webhook struct{ Secret Secret }

// Drop takes events from files in a folder; off without one.
type Drop struct {
	Folder string
	Every  time.Duration
}

// Stream takes events from a Redis stream; off without a URL, which is that of a
// server, a cluster or sentinels.
type Stream struct {
	URL  Secret
	Name string
}

// Notifier is told how runs end.
type Notifier struct {
	Name     string
	Kind     string
	URL      Secret // topics of ntfy are secret by themselves
	Token    Secret
	Outcomes []rebalance.Outcome
}

// Log says what is written to standard error.
type Log struct {
	Level  string
	Format string
}

// Simulated reports whether the accounts are this program's own: those of the
// fake broker, or of the simulated gateway.
func (c *Config) Simulated() bool { return c.Broker.Kind == KindFake || c.Broker.Simulator }

// PaperMoney reports whether no account holds real money. The broker refuses an
// account that is not of the mode that is configured.
func (c *Config) PaperMoney() bool {
	return !slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.Mode != broker.Paper && a.Mode != broker.Simulated })
}
