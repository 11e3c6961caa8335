package fake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// booksCheck looks for what no broker can go on from.
type booksCheck struct {
	c        *Config
	known    map[broker.InstrumentID]bool
	accounts map[broker.AccountID]*KeptAccount
	ids      map[broker.OrderID]bool
	news     map[newsPlace]bool
	orders   map[string]*KeptOrder // by the broker's ID
	fills    map[string]bool
}

// newsPlace is a place in the news of an account.
type newsPlace struct {
	account broker.AccountID
	seq     uint64
}

// checkBooks returns the first fault of the books: its account, order and field.
func (c *Config) checkBooks(known map[broker.InstrumentID]bool) error {
	if c.Books == nil {
		return nil
	}
	k := c.Books
	if err := k.checkHead(); err != nil {
		return err
	}
	s := booksCheck{
		c: c, known: known, accounts: map[broker.AccountID]*KeptAccount{}, ids: map[broker.OrderID]bool{},
		news: map[newsPlace]bool{}, orders: map[string]*KeptOrder{}, fills: map[string]bool{},
	}
	for i := range k.Accounts {
		if err := s.account(&k.Accounts[i]); err != nil {
			return fmt.Errorf("account %q: %w", k.Accounts[i].ID, err)
		}
	}
	for i := range k.Orders {
		o := &k.Orders[i]
		if err := s.order(o); err != nil {
			return fmt.Errorf("account %q: order %s: %w", o.Order.Account, o.name(), err)
		}
	}
	for i := range k.Due {
		e := &k.Due[i]
		o := s.orders[e.Order]
		if o == nil {
			return fmt.Errorf("due %d: order is %q, which is not in the books", i, e.Order)
		}
		if err := e.check(o, known[o.Order.Instrument]); err != nil {
			return fmt.Errorf("account %q: order %s: due %d: %w", o.Order.Account, o.name(), i, err)
		}
	}
	return nil
}

// name names an order in messages.
func (o *KeptOrder) name() string {
	if o.Order.ID == "" {
		return fmt.Sprintf("by hand (%s)", o.BrokerID)
	}
	return fmt.Sprintf("%s (%s)", o.Order.ID, o.BrokerID)
}

// The numbers that books may have.
const (
	firstOrder = 1000
	firstFill  = 1
	maxSerial  = 1 << 53
	maxPlaces  = 100
)

func (k *Books) checkHead() error {
	switch {
	case k.Schema != BooksSchema:
		return fmt.Errorf("schema is %d, this release knows %d", k.Schema, BooksSchema)
	case k.Time.IsZero():
		return errors.New("time is zero")
	case k.Epoch < 1 || k.Epoch > maxSerial:
		return fmt.Errorf("epoch is %d: sessions count from 1", k.Epoch)
	case k.NextOrder < firstOrder || k.NextOrder > maxSerial:
		return fmt.Errorf("next_order is %d: want %d or more", k.NextOrder, firstOrder)
	case k.NextFill < firstFill || k.NextFill > maxSerial:
		return fmt.Errorf("next_fill is %d: want %d or more", k.NextFill, firstFill)
	}
	return nil
}

func (s *booksCheck) account(a *KeptAccount) error {
	n := slices.IndexFunc(s.c.Accounts, func(c Account) bool { return c.ID == a.ID })
	switch {
	case n < 0:
		return errors.New("it is not in Accounts")
	case s.accounts[a.ID] != nil:
		return errors.New("it is there twice")
	}
	s.accounts[a.ID] = a
	for _, cur := range slices.Sorted(maps.Keys(a.Cash)) {
		if err := s.cash(&s.c.Accounts[n], cur, a.Cash[cur]); err != nil {
			return fmt.Errorf("cash: %w", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.Positions)) {
		if !s.known[id] {
			return fmt.Errorf("positions has %s, which is not in Instruments", id)
		}
		if err := checkNumber(a.Positions[id]); err != nil {
			return fmt.Errorf("positions: %s: %w", id, err)
		}
	}
	for i, u := range a.Unsettled {
		if err := s.cash(&s.c.Accounts[n], u.Currency, u.Amount); err != nil {
			return fmt.Errorf("unsettled %d: %w", i, err)
		}
		if u.Until.IsZero() {
			return fmt.Errorf("unsettled %d: until is zero", i)
		}
	}
	return nil
}

func (s *booksCheck) cash(a *Account, cur broker.Currency, amount decimal.Decimal) error {
	if _, ok := s.c.FX[Pair{cur, a.Base}]; !ok && cur != a.Base {
		return fmt.Errorf("FX has no rate from %q to the base %s", cur, a.Base)
	}
	if err := checkNumber(amount); err != nil {
		return fmt.Errorf("%s: %w", cur, err)
	}
	return nil
}

func (s *booksCheck) order(o *KeptOrder) error {
	a := s.accounts[o.Order.Account]
	place := newsPlace{o.Order.Account, o.News}
	switch err := o.checkOrders(); {
	case a == nil:
		return errors.New("the account is not in the books")
	case err != nil:
		return err
	case o.Order.ID != "" && s.ids[o.Order.ID]:
		return errors.New("its id is there twice")
	case o.Order.ID != "" && s.c.Books.Forgotten.Has(o.Order.ID):
		return errors.New("its id is among the forgotten ones too")
	case s.orders[o.BrokerID] != nil:
		return fmt.Errorf("broker_id %q is there twice", o.BrokerID)
	case !numbered(o.BrokerID, "", firstOrder, s.c.Books.NextOrder):
		return fmt.Errorf("broker_id is %q: want %d or more and less than next_order, %d", o.BrokerID, firstOrder, s.c.Books.NextOrder)
	case o.News > a.News || o.News > 0 && s.news[place]:
		return fmt.Errorf("news is %d: want a place of its own, at most the account's %d", o.News, a.News)
	case !s.known[o.Order.Instrument] && (o.Status == broker.StatusHeld || o.Status == broker.StatusWorking || len(o.Fills) > 0):
		return fmt.Errorf("instrument %s is not in Instruments", o.Order.Instrument)
	}
	s.orders[o.BrokerID], s.ids[o.Order.ID], s.news[place] = o, true, true
	return s.fillsOf(o)
}

// checkOrders checks what can be told of an order by itself.
func (o *KeptOrder) checkOrders() error {
	check := (*broker.Order).Check
	if o.Order.ID == "" {
		check = checkByHand
	}
	if err := check(&o.Order); err != nil {
		return err
	}
	if s := o.Sent; s != nil {
		if err := check(s); err != nil {
			return fmt.Errorf("sent: %w", err)
		}
		if s.ID != o.Order.ID || s.Account != o.Order.Account {
			return fmt.Errorf("sent is order %q of account %q", s.ID, s.Account)
		}
	}
	for _, d := range []decimal.Decimal{o.Order.Quantity, o.Order.Limit, o.Left} {
		if err := checkNumber(d); err != nil {
			return err
		}
	}
	switch o.Status {
	case broker.StatusPending, broker.StatusHeld, broker.StatusWorking, broker.StatusPendingCancel,
		broker.StatusFilled, broker.StatusCancelled, broker.StatusRejected:
	default:
		return fmt.Errorf("status is %q", o.Status)
	}
	switch open := !o.Status.Terminal(); {
	case o.Received.IsZero():
		return errors.New("received is zero")
	case o.Left.Sign() < 0 || o.Left.GreaterThan(o.Order.Quantity):
		return fmt.Errorf("left is %s: want 0 to the quantity, %s", o.Left, o.Order.Quantity)
	case open && o.Left.IsZero(), o.Status == broker.StatusFilled && !o.Left.IsZero():
		return fmt.Errorf("left is %s, but the status is %s", o.Left, o.Status)
	case open && o.News == 0 && !o.Hidden:
		return errors.New("news is 0, but it is open")
	case o.Hidden && (o.Status != broker.StatusPending || o.News > 0):
		return fmt.Errorf("hidden is set, but the status is %s and news is %d", o.Status, o.News)
	}
	return nil
}

func (s *booksCheck) fillsOf(o *KeptOrder) error {
	for i := range o.Fills {
		f := &o.Fills[i]
		switch err := errors.Join(checkNumber(f.Quantity), checkNumber(f.Price), checkNumber(f.Fee)); {
		case err != nil:
			return fmt.Errorf("fill %q: %w", f.ID, err)
		case s.fills[f.ID]:
			return fmt.Errorf("fill %q: its id is there twice", f.ID)
		case !numbered(f.ID, "x", firstFill, s.c.Books.NextFill):
			return fmt.Errorf("fill %q: want an id of x and %d or more, less than next_fill, %d", f.ID, firstFill, s.c.Books.NextFill)
		case f.Quantity.Sign() <= 0:
			return fmt.Errorf("fill %q: quantity is %s: want more than 0", f.ID, f.Quantity)
		case f.Time.IsZero():
			return fmt.Errorf("fill %q: time is zero", f.ID)
		}
		s.fills[f.ID] = true
	}
	return nil
}

// check says what is wrong with an event of an order, whose instrument may be known.
func (e *KeptEvent) check(o *KeptOrder, known bool) error {
	switch e.Kind {
	case "arrival", "closing", "cancelling":
		known = true // or it does not matter
	case "opening":
	case "execute", "late_fill":
		if e.Quantity.Sign() <= 0 {
			return fmt.Errorf("quantity is %s: want more than 0", e.Quantity)
		}
	case "reveal", "fee_known", "correction":
		if e.Fill < 0 || e.Fill >= len(o.Fills) {
			return fmt.Errorf("fill is %d: the order has %d", e.Fill, len(o.Fills))
		}
	default:
		return fmt.Errorf("kind is %q", e.Kind)
	}
	switch {
	case e.At.IsZero():
		return errors.New("at is zero")
	case !known:
		return fmt.Errorf("instrument %s is not in Instruments", o.Order.Instrument)
	}
	return errors.Join(checkNumber(e.Quantity), checkNumber(e.Price))
}

// numbered reports whether a text is a prefix and a number from first up to, but
// without, next.
func numbered(text, prefix string, first, next int64) bool {
	if len(text) < len(prefix) {
		return false
	}
	n, err := strconv.ParseInt(text[len(prefix):], 10, 64)
	return err == nil && text == prefix+strconv.FormatInt(n, 10) && n >= first && n < next
}

// checkNumber refuses numbers with which sums would take memory without end.
func checkNumber(d decimal.Decimal) error {
	if e := d.Exponent(); e > maxPlaces || e < -maxPlaces || d.NumDigits() > maxPlaces {
		return fmt.Errorf("a number has %d digits and an exponent of %d: want at most %d", d.NumDigits(), e, maxPlaces)
	}
	return nil
}
