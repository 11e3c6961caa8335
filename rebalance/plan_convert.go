package rebalance

// convert plans the exchange of currencies before the buys, with currency
// convert_first: each foreign currency gets from base what its lines cost beyond
// its own cash and proceeds; if base cannot pay that, it gets from the foreign
// currencies what those have over.
func (d *draft) convert() {
	if d.in.Policy.Currency != CurrencyConvertFirst || d.buysNothing() {
		return
	}
	base := d.walletOf(d.in.Account.Base)
	left := d.available(&d.wallets[base]).sub(d.wallets[base].spent)
	for i := range d.wallets {
		w := &d.wallets[i]
		if missing := w.spent.sub(d.own(w)); i != base && w.spent.sign() > 0 && missing.sign() > 0 {
			left = left.sub(missing.mul(w.rate.mul(d.rules.moreForeign)))
			d.conversions = append(d.conversions, Conversion{From: d.in.Account.Base, To: w.code, Amount: missing.decimal()})
		}
	}
	if d.wallets[base].spent.isZero() && len(d.conversions) == 0 {
		return // what base owes, it owed before these buys
	}
	for i := range d.wallets {
		w := &d.wallets[i]
		surplus := d.own(w).sub(w.spent)
		if i == base || !left.negative() || surplus.sign() <= 0 {
			continue
		}
		amount := surplus.mul(w.rate.mul(d.rules.lessForeign)).atMost(left.abs())
		left = left.add(amount)
		d.conversions = append(d.conversions, Conversion{From: w.code, To: d.in.Account.Base, Amount: amount.decimal()})
	}
	d.sortConversions()
}

// buysNothing reports whether no purchase has a quantity.
func (d *draft) buysNothing() bool {
	for i := range d.purchases {
		if d.purchases[i].quantity.sign() > 0 {
			return false
		}
	}
	return true
}

// available is the cash of a currency that can be spent, with the proceeds; own
// is the same with a debt counted as nothing.
func (d *draft) available(w *wallet) num {
	if d.countsProceeds() {
		return w.model.add(w.proceeds)
	}
	return w.model
}

func (d *draft) own(w *wallet) num {
	cash := w.model.atLeast(num{})
	if d.countsProceeds() {
		cash = cash.add(w.proceeds)
	}
	return cash
}
