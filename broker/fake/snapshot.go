package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// Accounts returns the accounts. A list of more than 1,000 is shared by all callers
// and must not be changed: every run asks for it, a copy would take longer than the
// rest of the run.
func (b *Broker) Accounts(ctx context.Context) ([]broker.Account, error) {
	var list []broker.Account
	err := b.do(ctx, Call{Method: MethodAccounts}, nil, func() error {
		if list = slices.Clip(b.listed); len(list) <= manyAccounts {
			list = slices.Clone(list)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// manyAccounts is up to how many accounts each caller has a list of its own.
const manyAccounts = 1000

// Snapshot returns an account as it is now, valued at the middle of the quotes.
// A position without a price makes it an error: the valuation is not complete.
func (b *Broker) Snapshot(ctx context.Context, id broker.AccountID) (broker.Snapshot, error) {
	c := Call{Method: MethodSnapshot, Account: id}
	var s broker.Snapshot
	err := b.do(ctx, c, b.holdings(id), func() error {
		a, err := b.account(c)
		if err != nil {
			return err
		}
		if b.strike(MethodSnapshot, nil, FaultRefuseSnapshotTag) != nil {
			return b.fault(c, broker.KindTransient, fmt.Errorf("the answer has no net liquidation value: try again"))
		}
		if s, err = b.snapshot(a); err != nil {
			return b.fault(c, broker.KindTransient, err)
		}
		return nil
	})
	if err != nil {
		return broker.Snapshot{}, err
	}
	return s, nil
}

// snapshot is called with the lock held.
func (b *Broker) snapshot(a *account) (broker.Snapshot, error) {
	restore := b.hideLagged(a)
	defer restore()
	v, err := b.value(a)
	if err != nil {
		return broker.Snapshot{}, err
	}
	s := broker.Snapshot{
		Account: a.id, Epoch: b.epoch, Time: b.now, Cursor: broker.Cursor{Epoch: b.epoch, Seq: a.seq},
		Base: a.base, Type: a.kind, NetLiquidation: v.net,
		Cash: make(map[broker.Currency]decimal.Decimal, len(a.cash)), FX: b.rates(a.base),
		Positions: make([]broker.Position, 0, v.positions),
	}
	for i := range a.cash {
		if a.cash[i].used {
			s.Cash[b.currencies[i]] = a.cash[i].amount
		}
	}
	if a.settleDays > 0 {
		s.SettledCash = make(map[broker.Currency]decimal.Decimal, len(s.Cash))
		for i := range a.cash {
			if a.cash[i].used {
				s.SettledCash[b.currencies[i]] = a.settled(i, b.now)
			}
		}
	}
	if a.reportFunds {
		s.AvailableFunds = decimal.NewNullDecimal(b.funds(a))
	}
	for i := range a.held {
		if h := &a.held[i]; !h.quantity.IsZero() {
			t := b.instruments[i]
			s.Positions = append(s.Positions, broker.Position{
				Instrument: t.ID, Ref: t.Ref, Kind: t.Kind, Currency: t.Currency, Quantity: h.quantity,
			})
		}
	}
	for _, o := range a.open {
		if !o.hidden {
			s.Orders = append(s.Orders, o.state(&b.told))
		}
	}
	return s, nil
}

// valuation is what an account is worth in its base currency.
type valuation struct {
	net, gross decimal.Decimal
	positions  int
}

// value values an account at the marks of its instruments.
func (b *Broker) value(a *account) (valuation, error) {
	var v valuation
	if cap(b.scratch) < len(b.currencies) {
		b.scratch = make([]tally, len(b.currencies))
	}
	sums := b.scratch[:len(b.currencies)]
	clear(sums)
	for i := range a.held {
		h := &a.held[i]
		if h.quantity.IsZero() {
			continue
		}
		t := b.instruments[i]
		if t.mark.IsZero() {
			return v, fmt.Errorf("the account's value is not known: no price for %s", t.ID)
		}
		if h.version != t.version {
			h.value, h.version = b.made.times(h.quantity, t.mark), t.version
		}
		v.positions++
		sums[t.currency].add(&b.made, h.value)
		if h.quantity.Sign() < 0 {
			v.gross = v.gross.Sub(b.toBase(a, h.value.Add(h.value), t.currency)) // counts as much as a long one
		}
	}
	for i := range sums {
		sum := sums[i].sum(&b.made)
		v.gross = b.made.plus(v.gross, b.toBase(a, sum, i))
		if i < len(a.cash) {
			sum = b.made.plus(sum, a.cash[i].amount)
		}
		if sum.IsZero() {
			continue
		}
		if c := b.currencies[i]; c != a.base && b.cfg.FX[Pair{c, a.base}].IsZero() {
			return v, fmt.Errorf("the account's value is not known: no exchange rate from %s to %s", c, a.base)
		}
		v.net = b.made.plus(v.net, b.toBase(a, sum, i))
	}
	return v, nil
}

// toBase converts an amount into the account's base currency.
func (b *Broker) toBase(a *account, amount decimal.Decimal, currency int) decimal.Decimal {
	c := b.currencies[currency]
	if c == a.base || amount.IsZero() {
		return amount
	}
	return amount.Mul(b.cfg.FX[Pair{c, a.base}])
}

// rates are the exchange rates into a base currency.
func (b *Broker) rates(base broker.Currency) map[broker.Currency]decimal.Decimal {
	rates := map[broker.Currency]decimal.Decimal{}
	for p, rate := range b.cfg.FX {
		if p.To == base && p.From != base {
			rates[p.From] = rate
		}
	}
	return rates
}

// funds is the cash in base currency that may still buy.
func (b *Broker) funds(a *account) decimal.Decimal {
	var sum decimal.Decimal
	for i := range a.cash {
		sum = sum.Add(b.toBase(a, b.spendable(a, i), i))
	}
	for _, o := range a.open {
		if o.order.Side == broker.Buy && o.instrument != nil {
			sum = sum.Sub(b.toBase(a, o.left.Mul(o.estimate()), o.instrument.currency))
		}
	}
	return sum
}

// hideLagged takes back what snapshots do not show yet, and returns how to
// restore it.
func (b *Broker) hideLagged(a *account) (restore func()) {
	a.lagged = slices.DeleteFunc(a.lagged, func(l lagged) bool { return !l.until.After(b.now) })
	if len(a.lagged) == 0 {
		return func() {}
	}
	held, cash := slices.Clone(a.held), slices.Clone(a.cash)
	for _, l := range a.lagged {
		a.addPosition(l.instrument, l.quantity.Neg())
		a.addCash(l.currency, l.amount.Neg())
	}
	return func() { a.held, a.cash = held, cash }
}
