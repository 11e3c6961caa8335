package replay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// Day is a day of a backtest, after all that happened at its close.
type Day struct {
	// Number counts the days from 1 to Of.
	Number, Of int
	Date       marketdata.Day
	// Value is what the account is worth: Cash and the holdings at the close.
	Value, Cash decimal.Decimal
	// Flow is what was paid in, negative when out.
	Flow decimal.Decimal
	// Holdings are what it holds, each symbol of the backtest in its order.
	Holdings []Holding
	// Targets are what the strategy wanted, nil if it was not asked.
	Targets []allocation.Target
	// Results are what the engine said of the day's events, in order.
	Results []*rebalance.Result
}

// Holding is one symbol of the account.
type Holding struct {
	Symbol                 broker.InstrumentID
	Quantity, Price, Value decimal.Decimal
}

// backtest is a backtest under way.
type backtest struct {
	config Config
	table  *table
	clock  *fake.Clock
	venue  *venue
	source *source
	engine *rebalance.Engine
	flows  []Flow // those to come
	row    int
}

// Run plays a backtest and yields its days, oldest first; an error is the last
// pair. Stopping early is fine. Days are the receiver's to keep. The same
// configuration gives the same days. Each iteration plays the whole backtest anew.
func Run(ctx context.Context, config Config) iter.Seq2[*Day, error] {
	return func(yield func(*Day, error) bool) {
		b, err := newBacktest(config)
		if err != nil {
			yield(nil, err)
			return
		}
		for b.row = b.table.first; b.row <= b.table.last; b.row++ {
			day, err := b.play(ctx)
			if err != nil {
				yield(nil, fmt.Errorf("replay: %s: %w", b.table.days[b.row], err))
				return
			}
			if !yield(day, nil) {
				return
			}
		}
	}
}

// newBacktest composes the engine as any program does.
func newBacktest(config Config) (*backtest, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	lag := 1
	if config.SameClose {
		lag = 0
	}
	t, err := newTable(&config, lag)
	if err != nil {
		return nil, err
	}
	b := &backtest{config: config, table: t, clock: fake.NewClock(t.close(t.first)), flows: append(t.monthly(config.Monthly), config.Flows...)}
	slices.SortStableFunc(b.flows, func(a, b Flow) int { return cmp.Compare(a.Day, b.Day) })
	if b.venue, err = newVenue(&config, b.clock); err != nil {
		return nil, err
	}
	b.source = &source{strategy: config.Strategy, table: t, lag: lag, hold: config.Hold, now: b.clock.Now, decided: -1}
	unlimited := decimal.New(1, 12)
	b.engine, err = rebalance.New(rebalance.Config{
		Broker: b.venue, Prices: b.venue, Allocations: b.source,
		Journal: journal.NewMemory(journal.MemoryOptions{KeepRuns: 1}),
		Accounts: []rebalance.Account{{
			ID: accountID, Mode: broker.Simulated, Strategy: config.Strategy.Name, Policy: config.Policy, Trigger: config.Trigger,
		}},
		Rules:    config.Rules,
		Policies: rebalance.Policies{Allocation: retry.None, Prices: retry.None, Broker: retry.None, Resolve: retry.None},
		Limits:   rebalance.Limits{DayTurnover: unlimited, DayOrders: 1 << 30},
		Tracker:  config.Tracker,
		Now:      b.clock.Now, WithTimeout: b.clock.WithTimeout,
	})
	return b, err
}

// play plays one day.
func (b *backtest) play(ctx context.Context) (*Day, error) {
	b.clock.Set(b.table.close(b.row))
	b.source.row = b.row
	if err := b.venue.open(b.table, b.row); err != nil {
		return nil, err
	}
	day := &Day{Number: b.row - b.table.first + 1, Of: b.table.last - b.table.first + 1, Date: b.table.days[b.row]}
	for len(b.flows) > 0 && b.flows[0].Day <= day.Date {
		day.Flow = day.Flow.Add(b.flows[0].Amount)
		b.flows = b.flows[1:]
	}
	if err := b.move(ctx, day); err != nil {
		return nil, err
	}
	if !b.config.Hold || day.Number == 1 {
		if err := b.run(ctx, day, "", rebalance.Arguments{Automatic: true}); err != nil {
			return nil, err
		}
	}
	if day.Flow.Sign() > 0 && !b.config.HoldDeposits && !traded(day) {
		if err := b.run(ctx, day, "-invest", rebalance.Arguments{Mode: rebalance.InvestCash}); err != nil {
			return nil, err
		}
	}
	if b.source.decided == b.row || b.config.Hold {
		day.Targets = b.source.current.Targets
	}
	return day, b.value(day)
}

// move moves the day's money in or out, after it was raised.
func (b *backtest) move(ctx context.Context, day *Day) error {
	if day.Flow.IsZero() {
		return nil
	}
	if day.Flow.Sign() < 0 {
		amount := rebalance.Arguments{Mode: rebalance.RaiseCash, RaiseAmount: decimal.NewNullDecimal(day.Flow.Neg())}
		if err := b.run(ctx, day, "-withdraw", amount); err != nil {
			return err
		}
		if err := b.value(day); err != nil {
			return err
		}
		switch {
		case day.Value.Add(day.Flow).Sign() <= 0:
			return fmt.Errorf("withdrawal of %s: the account is worth %s, nothing would be left", day.Flow.Neg(), day.Value)
		case day.Cash.Add(day.Flow).Sign() < 0:
			return fmt.Errorf("withdrawal of %s: the account is worth %s and only %s could be turned into cash", day.Flow.Neg(), day.Value, day.Cash)
		}
	}
	return b.venue.Deposit(accountID, broker.Money{Amount: day.Flow, Currency: currency})
}

// run asks the engine for one run, which must end well.
func (b *backtest) run(ctx context.Context, day *Day, kind string, args rebalance.Arguments) error {
	res, err := b.engine.Rebalance(ctx, rebalance.Request{Account: accountID, Event: string(day.Date) + kind, Arguments: args})
	if err != nil {
		return err
	}
	switch res.Outcome {
	case rebalance.NoTrade, rebalance.Completed, rebalance.CompletedAdjusted:
	default:
		if b.source.err != nil {
			return fmt.Errorf("strategy %q: %w", b.config.Strategy.Name, b.source.err)
		}
		return &RunError{Strategy: b.config.Strategy.Name, Result: res}
	}
	day.Results = append(day.Results, res)
	return nil
}

// RunError says that a run did not end as a backtest needs it.
type RunError struct {
	Strategy string
	Result   *rebalance.Result
}

// Error gives the outcome, the reason and its words.
func (e *RunError) Error() string {
	return fmt.Sprintf("strategy %q: the run of event %s is %s: %s: %s", e.Strategy, e.Result.Event, e.Result.Outcome, e.Result.Reason, e.Result.Detail)
}

// Sent is how many orders of a run were sent. The others of its orders were only
// planned, because the trigger or a guard said no.
func Sent(res *rebalance.Result) int {
	n := 0
	for i := range res.Orders {
		if res.Orders[i].Outcome != journal.NotSent {
			n++
		}
	}
	return n
}

// traded reports whether the last event of a day traded, or found every symbol
// where it belongs.
func traded(day *Day) bool {
	if len(day.Results) == 0 {
		return false
	}
	last := day.Results[len(day.Results)-1]
	return Sent(last) > 0 || last.Outcome == rebalance.NoTrade && last.Reason != rebalance.ReasonNotDue && last.Reason != rebalance.ReasonWithinBand
}

// value fills in what the account holds, as the broker's books say.
func (b *backtest) value(day *Day) error {
	positions, cash, err := b.venue.Holdings(accountID)
	if err != nil {
		return err
	}
	day.Cash = cash[currency]
	day.Value = day.Cash
	day.Holdings = make([]Holding, len(b.table.symbols))
	for i, id := range b.table.symbols {
		h := Holding{Symbol: id, Quantity: positions[id], Price: b.table.price(b.row, id)}
		h.Value = h.Quantity.Mul(h.Price)
		day.Value = day.Value.Add(h.Value)
		day.Holdings[i] = h
	}
	return nil
}
