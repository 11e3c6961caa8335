package ibkr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/scmhub/ibapi"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// looks is how often an account is read before its changes are too many.
const looks = 4

// Snapshot reads values, positions and open orders of an account, each to its end
// marker. If a fill comes in between, it reads them again.
func (b *Broker) Snapshot(ctx context.Context, account broker.AccountID) (broker.Snapshot, error) {
	const op = "snapshot"
	s, err := b.begin(ctx, op, account)
	if err != nil {
		return broker.Snapshot{}, err
	}
	for range looks {
		snap, calm, err := b.look(ctx, s, account)
		if err != nil {
			return broker.Snapshot{}, b.failure(ctx, s, op, account, err)
		}
		if calm {
			return snap, nil
		}
	}
	return broker.Snapshot{}, &broker.Error{
		Op: op, Account: account, Kind: broker.KindTransient,
		Err: fmt.Errorf("orders filled during each of %d looks: try again", looks),
	}
}

// look reads an account once. It is calm if nothing filled meanwhile.
func (b *Broker) look(ctx context.Context, s seen, account broker.AccountID) (snap broker.Snapshot, calm bool, err error) {
	b.mu.Lock()
	bk := s.session.book
	since := bk.seq
	b.mu.Unlock()

	var values []valueRow
	var positions []positionRow
	var errs [3]error
	var wg sync.WaitGroup
	wg.Go(func() { values, errs[0] = s.session.values(ctx, account) })
	wg.Go(func() { positions, errs[1] = s.session.positions(ctx, account) })
	wg.Go(func() { errs[2] = s.session.askOpenOrders(ctx) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return snap, false, err
	}
	snap = broker.Snapshot{Account: account, Epoch: s.epoch, Type: b.account(account).Type}
	if snap.Positions, err = b.positionsOf(ctx, s.session, positions); err != nil {
		return snap, false, err
	}
	if err := fillIn(&snap, values); err != nil {
		return snap, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.stillLocked(s, "snapshot", account); err != nil {
		return snap, false, err
	}
	if bk != s.session.book || bk.fillsSince(account, since) {
		return snap, false, nil
	}
	snap.Orders = bk.orders(account, broker.OrderQuery{OpenOnly: true}, since)
	snap.Time, snap.Cursor = b.cfg.Now(), broker.Cursor{Epoch: s.epoch, Seq: bk.seq}
	return snap, true, nil
}

// values asks for the values of an account.
func (s *session) values(ctx context.Context, account broker.AccountID) ([]valueRow, error) {
	rows, err := s.ask(ctx, question{
		name: "account values", prio: prioResolve, subscribed: true,
		ask:  func(c *ibapi.EClient, id int64) { c.ReqAccountUpdatesMulti(id, string(account), "", false) },
		drop: func(c *ibapi.EClient, id int64) { c.CancelAccountUpdatesMulti(id) },
	})
	if err != nil {
		return nil, err
	}
	var values []valueRow
	for _, r := range rows {
		if v, ok := r.(valueRow); ok && v.account == string(account) {
			values = append(values, v)
		}
	}
	return values, nil
}

// positions asks for the positions of an account.
func (s *session) positions(ctx context.Context, account broker.AccountID) ([]positionRow, error) {
	rows, err := s.ask(ctx, question{
		name: "positions", prio: prioResolve, subscribed: true,
		ask:  func(c *ibapi.EClient, id int64) { c.ReqPositionsMulti(id, string(account), "") },
		drop: func(c *ibapi.EClient, id int64) { c.CancelPositionsMulti(id) },
	})
	if err != nil {
		return nil, err
	}
	var positions []positionRow
	for _, r := range rows {
		p, ok := r.(positionRow)
		if !ok {
			continue
		}
		if p.account != string(account) {
			return nil, fmt.Errorf("ibkr: asked for positions of %s, the gateway tells one of %.40q", account, p.account)
		}
		positions = append(positions, p)
	}
	return positions, nil
}

// positionsOf names and counts positions. A later row of a contract replaces an
// earlier one: it is an update.
func (b *Broker) positionsOf(ctx context.Context, s *session, rows []positionRow) ([]broker.Position, error) {
	newest := map[int64]int{}
	var kept []positionRow
	for _, r := range rows {
		if r.contract.conID == 0 {
			return nil, fmt.Errorf("ibkr: a position in %.40q has no contract number", r.contract.symbol)
		}
		if i, ok := newest[r.contract.conID]; ok {
			if kept[i].model != r.model {
				return nil, fmt.Errorf("ibkr: %.40q is held in the models %.40q and %.40q: model portfolios are not supported", r.contract.symbol, kept[i].model, r.model)
			}
			kept[i] = r
			continue
		}
		newest[r.contract.conID] = len(kept)
		kept = append(kept, r)
	}
	list := make([]broker.Position, 0, len(kept))
	names := map[broker.InstrumentID]bool{}
	for _, r := range kept {
		quantity, err := fromFixed(r.quantity)
		if err != nil {
			return nil, fmt.Errorf("ibkr: the position in %.40q: %w", r.contract.symbol, err)
		}
		if quantity.IsZero() {
			continue
		}
		id, err := b.heldName(ctx, s, r.contract)
		if err != nil {
			return nil, err
		}
		if names[id] {
			return nil, fmt.Errorf("ibkr: two positions are named %s", id)
		}
		names[id] = true
		list = append(list, broker.Position{
			Instrument: id, Ref: strconv.FormatInt(r.contract.conID, 10), Kind: kindOf(r.contract.kind),
			Currency: broker.Currency(r.contract.currency), Quantity: quantity,
		})
	}
	slices.SortFunc(list, func(x, y broker.Position) int { return cmp.Compare(x.Instrument, y.Instrument) })
	return list, nil
}

// kindOf is the kind of an instrument by the gateway's word for it.
func kindOf(secType string) broker.InstrumentKind {
	if secType == "STK" {
		return broker.Stock
	}
	return broker.Other
}

// fillIn fills the money of a snapshot from an account's values. A value that is
// needed and missing is an error, never zero.
func fillIn(snap *broker.Snapshot, rows []valueRow) error {
	v := accountValues{}
	for _, r := range rows {
		if r.key == "NetLiquidation" && r.currency != "" && r.currency != "BASE" {
			if base := broker.Currency(r.currency); snap.Base != "" && snap.Base != base {
				return fmt.Errorf("ibkr: the account has a net liquidation value in %s and one in %s: which is its base currency?", snap.Base, base)
			}
			snap.Base = broker.Currency(r.currency)
		}
		v[valueKey{r.key, r.currency}] = r.value
	}
	if snap.Base == "" {
		return fmt.Errorf("ibkr: the account values have no net liquidation value (%d values): try again", len(rows))
	}
	if text, ok := v[valueKey{"AccountReady", ""}]; ok && text == "false" {
		return errors.New("ibkr: the gateway says that the account's values are not ready yet: try again")
	}
	var err error
	if snap.NetLiquidation, err = v.amount("NetLiquidation", snap.Base); err != nil {
		return err
	}
	snap.AvailableFunds = optional(v.amount("AvailableFunds", snap.Base))
	if err := v.cash(snap); err != nil {
		return err
	}
	if err := v.rates(snap); err != nil {
		return err
	}
	return v.settled(snap)
}

// accountValues are the values of an account.
type accountValues map[valueKey]string

type valueKey struct{ key, currency string }

func (v accountValues) amount(key string, currency broker.Currency) (decimal.Decimal, error) {
	text, ok := v[valueKey{key, string(currency)}]
	if !ok {
		return decimal.Decimal{}, fmt.Errorf("ibkr: the account values have no %s in %s: try again", key, currency)
	}
	d, err := fromText(text)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("ibkr: account value %s in %s is %.40q: %w", key, currency, text, err)
	}
	return d, nil
}

// cash reads the cash by currency.
func (v accountValues) cash(snap *broker.Snapshot) error {
	key := "TotalCashBalance"
	if _, ok := v[valueKey{"CashBalance", string(snap.Base)}]; ok {
		key = "CashBalance"
	}
	snap.Cash = map[broker.Currency]decimal.Decimal{}
	for k := range v {
		if k.key != key || k.currency == "BASE" || k.currency == "" {
			continue
		}
		amount, err := v.amount(key, broker.Currency(k.currency))
		if err != nil {
			return err
		}
		if rate, err := v.amount("ExchangeRate", broker.Currency(k.currency)); amount.IsZero() && k.currency != string(snap.Base) && (err != nil || rate.Sign() <= 0) {
			continue // none of a currency that nothing is known of
		}
		snap.Cash[broker.Currency(k.currency)] = amount
	}
	if _, ok := snap.Cash[snap.Base]; ok {
		return nil
	}
	if len(snap.Cash) > 0 {
		snap.Cash[snap.Base] = decimal.Decimal{} // other currencies are told: there is none in this one
		return nil
	}
	total, err := v.amount("TotalCashValue", snap.Base)
	if err != nil {
		return err
	}
	if !total.IsZero() {
		return fmt.Errorf("ibkr: the account values have cash of %s %s, but not by currency: try again", total, snap.Base)
	}
	snap.Cash[snap.Base] = total
	return nil
}

// rates reads the exchange rates of the currencies in use.
func (v accountValues) rates(snap *broker.Snapshot) error {
	snap.FX = map[broker.Currency]decimal.Decimal{}
	need := func(c broker.Currency) error {
		if c == snap.Base {
			return nil
		}
		rate, err := v.amount("ExchangeRate", c)
		if err != nil {
			return fmt.Errorf("%w: if it stays so, hold some cash in %s, so that the gateway tells its rate", err, c)
		}
		if rate.Sign() <= 0 {
			return fmt.Errorf("ibkr: the exchange rate of %s is %s", c, rate)
		}
		snap.FX[c] = rate
		return nil
	}
	for c := range snap.Cash {
		if err := need(c); err != nil {
			return err
		}
	}
	for i := range snap.Positions {
		if err := need(snap.Positions[i].Currency); err != nil {
			return err
		}
	}
	return nil
}

// settled reads the settled cash. The gateway tells one figure in the base
// currency: what is not settled of it is taken off every currency, since nobody
// tells whose it is.
func (v accountValues) settled(snap *broker.Snapshot) error {
	if snap.Type != broker.Cash {
		return nil
	}
	settled, err := v.amount("SettledCash", snap.Base)
	if err != nil {
		return err
	}
	total := decimal.Decimal{}
	for c, amount := range snap.Cash {
		if c != snap.Base {
			amount = amount.Mul(snap.FX[c])
		}
		total = total.Add(amount)
	}
	open := decimal.Max(total.Sub(settled), decimal.Decimal{})
	snap.SettledCash = make(map[broker.Currency]decimal.Decimal, len(snap.Cash))
	for c, amount := range snap.Cash {
		part := open
		if c != snap.Base && !open.IsZero() {
			if part, err = broker.Quo(open, snap.FX[c], 4); err != nil {
				return err
			}
		}
		snap.SettledCash[c] = amount.Sub(part)
	}
	return nil
}
