package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
	"github.com/evenkeel/evenkeel/marketdata"
)

// check is one thing to try out.
type check struct {
	name  string
	open  bool // only a real gateway settles it
	level level
	// means says what the verdict is good for.
	means string
	run   func(ctx context.Context, w *world) (verdict, string)
}

// world is what the checks share.
type world struct {
	o       options
	log     *slog.Logger
	say     io.Writer           // to the person at the screen
	gateway *gatewaysim.Gateway // with -simulator
	broker  *ibkr.Broker        // nil if there is no connection

	version    int
	instrument broker.Instrument
	price      decimal.Decimal // of one share, if known
	ask, bid   decimal.Decimal
	open       bool // the market is open

	order  broker.Order // the one that does not fill
	buy    broker.Order
	placed []broker.OrderID

	before   decimal.Decimal // the position
	bought   bool
	filledAt time.Time

	mark string // of the references of this run
}

func newWorld(o options, stderr io.Writer) (*world, error) {
	w := &world{o: o, say: stderr, log: slog.New(slog.DiscardHandler)}
	if o.verbose {
		w.log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	w.mark = "ekcheck." + strings.ToUpper(fmt.Sprintf("%x", time.Now().UnixMilli()))
	if !o.simulator {
		return w, nil
	}
	var err error
	w.gateway, err = startSimulator(o.version)
	if err != nil {
		return nil, err
	}
	w.o.address = w.gateway.Addr()
	return w, nil
}

func (w *world) close() {
	if w.broker != nil {
		_ = w.broker.Close()
	}
	if w.gateway != nil {
		_ = w.gateway.Close()
	}
}

// carryOut makes all checks that the flags allow.
func (w *world) carryOut(ctx context.Context, all []check) *report {
	r := &report{Address: w.o.address, Simulated: w.o.simulator, Account: w.o.account, Mode: w.o.mode(), Started: time.Now().UTC()}
	for _, c := range all {
		began := time.Now()
		f := finding{Name: c.name, Open: c.open, Means: c.means}
		f.Verdict, f.Detail = w.carryOutOne(ctx, &c)
		f.Millis = time.Since(began).Milliseconds()
		r.add(f)
	}
	r.ServerVersion = w.version
	return r
}

func (w *world) carryOutOne(ctx context.Context, c *check) (verdict, string) {
	switch {
	case c.name == nameCleanUp: // always, if there may be something to clean up
		ctx = context.WithoutCancel(ctx)
	case ctx.Err() != nil:
		return unclear, "interrupted"
	}
	switch {
	case c.level == restart && !w.o.restart:
		return unclear, "not tried: give -restart and restart the gateway when asked to"
	case c.level == trades && w.o.trade < trades:
		return unclear, "not tried: give -trade"
	case c.level == fills && w.o.trade < fills:
		return unclear, "not tried: give -trade=fill"
	case w.broker == nil && c.name != nameConnect && (c.name != nameCleanUp || len(w.placed) == 0):
		return unclear, "there is no connection"
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.timeout)
	defer cancel()
	return c.run(ctx, w)
}

// config is the configuration of a connection.
func (w *world) config(client int) ibkr.Config {
	cfg := ibkr.Config{
		Address: w.o.address, ClientID: client, Logger: w.log,
		Accounts: []ibkr.Account{{ID: w.o.account, Mode: w.o.mode(), Type: w.o.kind}},
		Timing:   ibkr.Timing{Retries: -1},
	}
	if w.gateway != nil {
		cfg.Timing.Settle, cfg.Timing.Stable, cfg.Timing.Quiet = 10*time.Millisecond, time.Millisecond, 50*time.Millisecond
		cfg.Timing.Retry = 20 * time.Millisecond
		hour := time.Duration((time.Now().UTC().Hour()+12)%24) * time.Hour
		never := &ibkr.Window{From: hour, To: hour + time.Minute, Zone: "UTC"}
		cfg.Restart, cfg.Login = never, never
	}
	return cfg
}

// reconnect closes the connection and opens another one, which knows nothing of
// the first.
func (w *world) reconnect(ctx context.Context) error {
	if w.broker != nil {
		_ = w.broker.Close()
		w.broker = nil
	}
	b, err := openSoon(ctx, w.config(w.o.client))
	w.broker = b
	return err
}

// openSoon connects, and waits if the gateway has not let go of the client id.
func openSoon(ctx context.Context, cfg ibkr.Config) (*ibkr.Broker, error) {
	cfg.Timing.Retries, cfg.Timing.Retry, cfg.Timing.LongestRetry = 5, time.Second, 2*time.Second
	return ibkr.Open(ctx, cfg)
}

// other opens a second connection, under the other client id, for f.
func (w *world) other(ctx context.Context, change func(*ibkr.Config), f func(*ibkr.Broker) error) error {
	cfg := w.config(w.o.client + 1)
	cfg.Timing.Settle = -1 // it sends no order
	if change != nil {
		change(&cfg)
	}
	b, err := openSoon(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(f(b), b.Close())
}

// ref makes a reference of the greatest length.
func (w *world) ref(n int) broker.OrderID {
	const longest = 32
	head := fmt.Sprintf("%s.%d.", w.mark, n)
	id := broker.OrderID(head + strings.Repeat("x", longest-len(head)))
	w.placed = append(w.placed, id)
	return id
}

// limitOrder is an order for the smallest lot.
func (w *world) limitOrder(id broker.OrderID, side broker.Side, limit decimal.Decimal) broker.Order {
	tick := w.instrument.Tick
	if steps, err := broker.Quo(limit, tick, 8); err == nil {
		limit = steps.Floor().Mul(tick) // a whole number of ticks
	}
	return broker.Order{
		ID: id, Account: w.o.account, Instrument: w.o.symbol, Ref: w.instrument.Ref, Side: side,
		Quantity: w.instrument.Lot, Type: broker.Limit, Limit: decimal.Max(limit, tick), TIF: broker.Day,
	}
}

// far is a price to buy at that does not fill.
func (w *world) far() decimal.Decimal {
	return w.price.Mul(decimal.New(1, 0).Sub(w.o.away))
}

// quoted keeps the price.
func (w *world) quoted(q *marketdata.Quote) {
	w.bid, w.ask = q.Bid.Decimal, q.Ask.Decimal
	for _, p := range []decimal.NullDecimal{q.Last, q.Ask, q.Close} {
		if p.Valid && p.Decimal.Sign() > 0 {
			w.price = p.Decimal
			return
		}
	}
}
