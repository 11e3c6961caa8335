package rebalance

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/broker"
)

// checkState ends the plan when the account forbids planning now.
func (d *draft) checkState() {
	nlv := optionalOf(d.in.Account.NetLiquidation)
	if nlv.sign() <= 0 {
		d.notReady(ReasonNetLiquidationMissing, "net liquidation is %s", orNone(nlv))
		return
	}
	d.netLiquidation = nlv.num
	for i := range d.assets {
		if a := &d.assets[i]; a.managed && a.short() && d.in.Policy.Shorts == ShortsBlock {
			d.notReady(ReasonShortPosition, "%s is short by %s: cover it, exclude it, or set the policy's shorts", a.symbol, a.quantity.abs())
			return
		}
	}
	for i := range d.assets {
		if a := &d.assets[i]; a.managed && (a.buying || a.selling) && d.in.Policy.ForeignOrders == ForeignBlock {
			d.notReady(ReasonForeignOpenOrders, "%s has open orders of others: to buy %s, to sell %s", a.symbol, a.buys, a.sells)
			return
		}
	}
	d.checkRates()
}

// orNone is a number for a message.
func orNone(o optional) string {
	if !o.set {
		return "missing"
	}
	return o.String()
}

// checkRates asks for the exchange rate of each currency that is used: of cash,
// of a position, of a managed target, of money that a foreign order will spend.
func (d *draft) checkRates() {
	for i := range d.wallets {
		if w := &d.wallets[i]; !w.rate.set && (!w.cash.isZero() || !w.model.isZero()) {
			d.notReady(ReasonMissingFX, "no rate of %s, of which there is cash", w.code)
			return
		}
	}
	for i := range d.assets {
		a := &d.assets[i]
		wanted := a.managed && a.target && d.in.Policy.Mode != LiquidateAll
		if a.known && (a.held() || wanted || a.buying) && !d.wallets[a.wallet].rate.set {
			d.notReady(ReasonMissingFX, "no rate of %s, the currency of %s", d.wallets[a.wallet].code, a.symbol)
			return
		}
	}
}

// collectWallets makes a wallet of each currency in use, by code.
func (d *draft) collectWallets() {
	a := &d.in.Account
	codes := make([]broker.Currency, 0, len(a.Cash)+len(a.SettledCash)+4)
	add := func(code broker.Currency) {
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	add(a.Base)
	for code := range a.Cash {
		add(code)
	}
	for code := range a.SettledCash {
		add(code)
	}
	for i := range d.assets {
		if a := &d.assets[i]; a.known {
			add(a.currency)
		}
	}
	slices.Sort(codes)
	d.wallets = emptied(d.wallets, len(codes))
	for i, code := range codes {
		d.wallets[i] = d.newWallet(code)
	}
	for i := range d.assets {
		a := &d.assets[i]
		switch {
		case !a.known:
		case i > 0 && d.assets[i-1].currency == a.currency && d.assets[i-1].known:
			a.wallet = d.assets[i-1].wallet
		default:
			a.wallet = d.walletOf(a.currency)
		}
	}
}

// newWallet knows the cash and the rate of a currency. What may be spent is all
// cash, in a cash account only what is settled of it.
func (d *draft) newWallet(code broker.Currency) wallet {
	a := &d.in.Account
	w := wallet{code: code, cash: numOf(a.Cash[code])}
	w.model = w.cash
	if a.Type == broker.Cash && a.SettledCash != nil {
		w.model = w.cash.atMost(numOf(a.SettledCash[code]))
	}
	if code == a.Base {
		w.rate = optional{num: one, set: true}
	} else if rate := numOf(d.in.FX[code]); rate.sign() > 0 {
		w.rate = optional{num: rate, set: true}
	}
	return w
}

// walletOf is the index of a currency's wallet.
func (d *draft) walletOf(code broker.Currency) int {
	at, _ := slices.BinarySearchFunc(d.wallets, code, func(w wallet, c broker.Currency) int {
		return strings.Compare(string(w.code), string(c))
	})
	return at
}
