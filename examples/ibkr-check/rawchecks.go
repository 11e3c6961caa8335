package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scmhub/ibapi"

	"github.com/evenkeel/evenkeel/broker"
)

// summaries finds out how many summaries may be subscribed at once.
func summaries(ctx context.Context, w *world) (verdict, string) {
	r, _, err := dialRaw(ctx, w.o.address, w.o.client+1)
	if err != nil {
		return unclear, err.Error()
	}
	defer r.close()
	const most = 5
	for n := int64(1); n <= most; n++ {
		r.client.ReqAccountSummary(n, "All", "NetLiquidation")
		var refused string
		err := r.await(ctx, 20*time.Second, func(e *event) (bool, error) {
			if e.kind == "code" && e.id == n {
				refused = fmt.Sprintf("%d: %s", e.code, e.text)
			}
			return refused != "" || e.kind == "tagEnd" && e.id == n, nil
		})
		switch {
		case err != nil:
			return unclear, fmt.Sprintf("summary %d: %v", n, err)
		case refused != "":
			return pass, fmt.Sprintf("%d at once; the next is refused with %s", n-1, refused)
		}
	}
	return pass, fmt.Sprintf("%d at once and more", most)
}

// dayTrades reads what the account says of its day trades.
func dayTrades(ctx context.Context, w *world) (verdict, string) {
	r, _, err := dialRaw(ctx, w.o.address, w.o.client+1)
	if err != nil {
		return unclear, err.Error()
	}
	defer r.close()
	r.client.ReqAccountSummary(1, "All", "DayTradesRemaining,AccountType")
	var told []string
	err = r.await(ctx, 20*time.Second, func(e *event) (bool, error) {
		if rest, ok := strings.CutPrefix(e.text, string(w.o.account)+" "); ok && e.kind == "tag" {
			told = append(told, rest)
		}
		return e.kind == "tagEnd" || e.kind == "code" && e.id == 1, nil
	})
	if err != nil || len(told) == 0 {
		return unclear, fmt.Sprintf("the account has no such values (%v)", err)
	}
	return pass, strings.Join(told, ", ")
}

// lowOrderID sends an order under an id below the last one, in a new connection.
func lowOrderID(ctx context.Context, w *world) (verdict, string) {
	r, next, err := dialRaw(ctx, w.o.address, w.o.client+1)
	if err != nil {
		return unclear, err.Error()
	}
	high, low := next+10, next+5
	err = w.placeAndCancel(ctx, r, high, w.ref(5))
	r.close()
	if err != nil {
		return unclear, err.Error()
	}
	if r, _, err = dialRaw(ctx, w.o.address, w.o.client+1); err != nil {
		return unclear, err.Error()
	}
	defer r.close()
	w.rawPlace(r, low, w.ref(6))
	var code int64
	err = r.await(ctx, 20*time.Second, func(e *event) (bool, error) {
		if e.kind == "code" && e.id == low && e.code != 399 && e.code != 10349 {
			code = e.code
		}
		return code != 0 || (e.kind == "order" || e.kind == "status") && e.id == low, nil
	})
	switch {
	case err != nil:
		return unclear, err.Error()
	case code == 103:
		return pass, fmt.Sprintf("id %d after id %d: refused with 103", low, high)
	case code != 0:
		return unclear, fmt.Sprintf("id %d after id %d: code %d", low, high, code)
	}
	return fail, fmt.Sprintf("id %d after id %d was accepted; cancelling it: %v", low, high, r.cancel(ctx, low))
}

// closedSocket cuts the connection right behind an order, connects again under the
// same id and looks when the order comes to light.
func closedSocket(ctx context.Context, w *world) (verdict, string) {
	r, id, err := dialRaw(ctx, w.o.address, w.o.client+1)
	if err != nil {
		return unclear, err.Error()
	}
	ref := w.ref(7)
	for len(r.sent) > 0 {
		<-r.sent
	}
	w.rawPlace(r, id, ref)
	select {
	case <-r.sent:
	case <-time.After(5 * time.Second):
		r.close()
		return unclear, "the order did not leave"
	}
	r.cut()
	r.close()
	if r, _, err = dialRaw(ctx, w.o.address, w.o.client+1); err != nil {
		return unclear, err.Error()
	}
	defer r.close()
	began := time.Now()
	for look := 1; time.Since(began) < 12*time.Second; look++ {
		r.client.ReqAllOpenOrders()
		err = r.await(ctx, time.Second, func(e *event) (bool, error) {
			return e.kind == "order" && e.order.OrderRef == string(ref), nil
		})
		if err != nil && !errors.Is(err, errSilent) {
			return unclear, err.Error()
		}
		if err == nil {
			seen := time.Since(began)
			undone := r.cancel(ctx, id)
			detail := fmt.Sprintf("the order came to light %s after the new connection", seen.Round(time.Millisecond))
			if undone != nil {
				detail += fmt.Sprintf("; cancelling it: %v", undone)
			}
			if seen > 5*time.Second {
				return fail, detail
			}
			return pass, detail
		}
	}
	return pass, "the order was lost with its connection; it did not come to light within 12s"
}

// placeAndCancel uses up an order id.
func (w *world) placeAndCancel(ctx context.Context, r *raw, id int64, ref broker.OrderID) error {
	w.rawPlace(r, id, ref)
	err := r.await(ctx, 20*time.Second, func(e *event) (bool, error) {
		if e.kind == "code" && e.id == id && (e.code == 201 || e.code == 321 || e.code == 110 || e.code == 103) {
			return false, fmt.Errorf("order %d: %s (%d)", id, e.text, e.code)
		}
		return (e.kind == "order" || e.kind == "status") && e.id == id, nil
	})
	if err != nil {
		return err
	}
	return r.cancel(ctx, id)
}

// cancel cancels an order and waits until it is.
func (r *raw) cancel(ctx context.Context, id int64) error {
	r.client.CancelOrder(id, ibapi.NewOrderCancel())
	return r.await(ctx, 30*time.Second, func(e *event) (bool, error) {
		return e.id == id && (e.kind == "status" && (e.text == "Cancelled" || e.text == "ApiCancelled") || e.kind == "code" && e.code == 202), nil
	})
}

// rawPlace sends an order for one lot, far below the market.
func (w *world) rawPlace(r *raw, id int64, ref broker.OrderID) {
	o := w.limitOrder(ref, broker.Buy, w.far())
	limit, _ := o.Limit.Float64()
	wire := ibapi.LimitOrder(string(o.Side), ibapi.StringToDecimal(o.Quantity.String()), limit)
	wire.Account, wire.OrderRef, wire.TIF = string(o.Account), string(ref), string(o.TIF)
	c := ibapi.NewContract()
	c.ConID, _ = strconv.ParseInt(w.instrument.Ref, 10, 64)
	c.Symbol, c.SecType, c.Exchange, c.Currency = string(w.o.symbol), "STK", "SMART", string(w.instrument.Currency)
	r.client.PlaceOrder(id, c, wire)
}
