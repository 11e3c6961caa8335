package rebalance

import "github.com/evenkeel/evenkeel/broker"

// fundAll fits covers and buys to the cash. With currency convert_first there is
// one pool for all; otherwise each foreign currency pays for its own lines
// first, and base for the rest.
func (d *draft) fundAll() {
	if len(d.purchases) == 0 {
		return
	}
	d.collectProceeds()
	pool := d.cashPart().sub(d.bound())
	if d.countsProceeds() {
		for i := range d.wallets {
			pool = pool.add(d.inPool(&d.wallets[i], d.wallets[i].proceeds))
		}
	}
	if d.in.Policy.Currency == CurrencyConvertFirst {
		d.fundPool(d.purchasesIn(-1, nil), pool)
	} else {
		d.fundByCurrency(pool)
	}
	d.collectSpending()
}

// fundByCurrency gives each currency the smaller of its own cash and what is left
// of the pool; what is spent in a foreign currency is taken out of the pool at
// the value it had there. Covers come before all other buys, whatever their
// currency.
func (d *draft) fundByCurrency(pool num) {
	base := d.walletOf(d.in.Account.Base)
	order := make([]int, 0, len(d.wallets))
	for i := range d.wallets {
		if i != base {
			order = append(order, i)
		}
	}
	order = append(order, base)
	covered := make([]num, len(d.wallets))
	for _, among := range [...]func(*purchase) bool{isCover, isBuy} {
		for _, i := range order {
			purchases := d.purchasesIn(i, among)
			d.fundPool(purchases, d.ownCash(&d.wallets[i]).sub(covered[i]).atMost(pool))
			if d.outcome != "" {
				return
			}
			for _, b := range purchases {
				paid := d.paidInBase(b)
				covered[i] = covered[i].add(paid)
				if i != base {
					paid = paid.mul(d.rules.lessForeign)
				}
				pool = pool.sub(paid)
			}
		}
	}
}

func isCover(b *purchase) bool { return b.cover }
func isBuy(b *purchase) bool   { return !b.cover }

// fundPool pays for the covers, then fits the buys to what is left of s.
func (d *draft) fundPool(purchases []*purchase, s num) {
	if d.noBuys {
		s = s.atMost(num{})
	}
	spendable := s
	covers := 0
	for ; covers < len(purchases) && purchases[covers].cover; covers++ {
		s = s.sub(d.costInBase(purchases[covers], purchases[covers].full))
	}
	if covers > 0 && s.negative() {
		d.notReady(ReasonCoverUnfunded, "to cover %s costs more than the %s that can be spent",
			d.assets[purchases[0].asset].symbol, spendable)
		return
	}
	d.fund(purchases[covers:], s)
	for _, b := range purchases[covers:] {
		s = s.sub(d.paidInBase(b))
	}
	for _, b := range purchases {
		b.spendable, b.left = spendable, s
	}
}

// purchasesIn are the purchases in the currency of a wallet, or all for -1, of
// one kind, or of both for nil. The covers come first. They are good until it is
// asked again.
func (d *draft) purchasesIn(wallet int, kind func(*purchase) bool) []*purchase {
	some := d.chosen[:0]
	for i := range d.purchases {
		b := &d.purchases[i]
		if (wallet < 0 || d.assets[b.asset].wallet == wallet) && (kind == nil || kind(b)) {
			some = append(some, b)
		}
	}
	d.chosen = some
	return some
}

// cashPart is the cash that may be spent, within the broker's own limit.
func (d *draft) cashPart() num {
	var cash num
	for i := range d.wallets {
		cash = cash.add(d.inPool(&d.wallets[i], d.wallets[i].model))
	}
	if limit := optionalOf(d.in.Account.AvailableFunds); limit.set {
		cash = cash.atMost(limit.num)
	}
	return cash
}

// inPool is what an amount of a currency is worth in the pool of all currencies:
// a little less than the rate says, a debt a little more.
func (d *draft) inPool(w *wallet, amount num) num {
	switch {
	case amount.isZero():
		return num{}
	case w.code == d.in.Account.Base:
		return amount
	case amount.negative():
		return amount.mul(w.rate.mul(d.rules.moreForeign))
	}
	return amount.mul(w.rate.mul(d.rules.lessForeign))
}

// ownCash is what a currency can pay with, in base currency: its cash and
// proceeds, for a foreign one if positive.
func (d *draft) ownCash(w *wallet) num {
	own := w.model
	if d.countsProceeds() {
		own = own.add(w.proceeds)
	}
	if w.code == d.in.Account.Base {
		return own
	}
	if own.sign() <= 0 {
		return num{}
	}
	return own.mul(w.rate.num)
}

// countsProceeds reports whether what the sells of this plan bring can be spent.
func (d *draft) countsProceeds() bool { return !d.funding && d.in.Account.Type != broker.Cash }

// bound is the cash that is not for buys: R + W, model cash, and what the open
// orders of others will spend.
func (d *draft) bound() num { return d.floor().add(d.modelCash).add(d.committed()) }

// collectProceeds sums up what the sales bring, by currency.
func (d *draft) collectProceeds() {
	for i := range d.wallets {
		d.wallets[i].proceeds = num{}
	}
	for i := range d.sales {
		s := &d.sales[i]
		w := &d.wallets[d.assets[s.asset].wallet]
		w.proceeds = w.proceeds.add(d.brought(s))
	}
}

// collectSpending sums up what the purchases cost, by currency.
func (d *draft) collectSpending() {
	for i := range d.purchases {
		b := &d.purchases[i]
		w := &d.wallets[d.assets[b.asset].wallet]
		w.spent = w.spent.add(d.paid(b))
	}
}
