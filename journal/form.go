package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// recordForm is the JSON form of a [Record].
type recordForm struct {
	Schema     int             `json:"schema"`
	Grant      *Grant          `json:"grant,omitempty"`
	Claim      *Claim          `json:"claim,omitempty"`
	Step       *Step           `json:"step,omitempty"`
	Intent     *intentForm     `json:"intent,omitempty"`
	Settlement *settlementForm `json:"settlement,omitempty"`
	Outcome    *Outcome        `json:"outcome,omitempty"`
	Block      *Block          `json:"block,omitempty"`
	Unblock    *Unblock        `json:"unblock,omitempty"`
	Kill       *Kill           `json:"kill,omitempty"`
	Resume     *Kill           `json:"resume,omitempty"`
	Approval   *Approval       `json:"approval,omitempty"`
}

// intentForm is the JSON form of an [Intent]: its fields, some of them read
// more strictly.
type intentForm struct {
	Intent
	Order      orderForm       `json:"order"`
	Leg        *int            `json:"leg"`
	Held       number          `json:"held"`
	Settlement *settlementForm `json:"settlement,omitempty"`
}

// orderForm is the JSON form of a [broker.Order].
type orderForm struct {
	broker.Order
	Quantity number `json:"quantity"`
	Limit    number `json:"limit"`
}

// settlementForm is the JSON form of a [Settlement].
type settlementForm struct {
	Settlement
	Filled       number `json:"filled"`
	AveragePrice number `json:"average_price"`
	Fees         number `json:"fees"`
}

// form returns the JSON form. It shares data with the record.
func (r *Record) form() *recordForm {
	f := &recordForm{
		Schema: RecordSchema, Claim: r.Claim, Step: r.Step, Settlement: r.Settlement.form(), Outcome: r.Outcome,
		Block: r.Block, Unblock: r.Unblock, Kill: r.Kill, Resume: r.Resume, Approval: r.Approval,
	}
	if r.Grant != (Grant{}) {
		f.Grant = &r.Grant
	}
	if i := r.Intent; i != nil {
		f.Intent = &intentForm{
			Intent: *i, Leg: &i.Leg, Held: numberOf(i.Held), Settlement: i.Settlement.form(),
			Order: orderForm{Order: i.Order, Quantity: numberOf(i.Order.Quantity), Limit: numberOf(i.Order.Limit)},
		}
	}
	return f
}

// form returns the JSON form, nil for nil.
func (s *Settlement) form() *settlementForm {
	if s == nil {
		return nil
	}
	return &settlementForm{
		Settlement: *s, Filled: numberOf(s.Filled), AveragePrice: numberOf(s.AveragePrice), Fees: numberOf(s.Fees),
	}
}

// record returns the record of a form, in UTC and checked. It shares nothing
// with the form but JSON data.
func (f *recordForm) record() (Record, error) {
	r := Record{
		Claim: copied(f.Claim), Step: copied(f.Step), Outcome: copied(f.Outcome),
		Block: copied(f.Block), Unblock: f.Unblock.copy(), Kill: copied(f.Kill), Resume: copied(f.Resume), Approval: copied(f.Approval),
	}
	if f.Grant != nil {
		r.Grant = *f.Grant
	}
	var err error
	if r.Intent, err = f.Intent.intent(); err != nil {
		return Record{}, err
	}
	if r.Settlement, err = f.Settlement.settlement(); err != nil {
		return Record{}, err
	}
	r.toUTC()
	return r, r.check()
}

// toUTC gives every instant the form in which it is kept.
func (r *Record) toUTC() {
	switch {
	case r.Claim != nil:
		r.Claim.Time = instant(r.Claim.Time)
	case r.Step != nil:
		r.Step.Time = instant(r.Step.Time)
	case r.Outcome != nil:
		r.Outcome.Time = instant(r.Outcome.Time)
	case r.Block != nil:
		r.Block.Time = instant(r.Block.Time)
	case r.Unblock != nil:
		r.Unblock.toUTC()
	case r.Kill != nil:
		r.Kill.Time = instant(r.Kill.Time)
	case r.Resume != nil:
		r.Resume.Time = instant(r.Resume.Time)
	case r.Approval != nil:
		r.Approval.Time, r.Approval.Expires = instant(r.Approval.Time), instant(r.Approval.Expires)
	}
}

// toUTC gives the instants the form in which they are kept; zero stays zero.
func (u *Unblock) toUTC() {
	u.Time = instant(u.Time)
	if !u.Block.IsZero() {
		u.Block = instant(u.Block)
	}
}

// intent returns the intent of a form, nil for nil.
func (f *intentForm) intent() (*Intent, error) {
	if f == nil {
		return nil, nil
	}
	if f.Leg == nil {
		return nil, missing("intent.leg")
	}
	i := f.Intent
	i.Order, i.Leg = f.Order.Order, *f.Leg
	i.Order.Epoch, i.Order.SendBefore = 0, time.Time{}
	i.Time = instant(i.Time)
	err := errors.Join(
		f.Order.Quantity.into(&i.Order.Quantity, "intent.order.quantity"),
		f.Order.Limit.into(&i.Order.Limit, "intent.order.limit"),
		f.Held.into(&i.Held, "intent.held"),
	)
	s, fault := f.Settlement.settlement()
	i.Settlement = s
	return &i, errors.Join(err, fault)
}

// settlement returns the settlement of a form, nil for nil.
func (f *settlementForm) settlement() (*Settlement, error) {
	if f == nil {
		return nil, nil
	}
	s := f.Settlement
	s.Time = instant(s.Time)
	return &s, errors.Join(
		f.Filled.into(&s.Filled, "settlement.filled"),
		f.AveragePrice.into(&s.AveragePrice, "settlement.average_price"),
		f.Fees.into(&s.Fees, "settlement.fees"),
	)
}

// missing is the error of a field without which a record means nothing.
func missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrInvalid, field) }

// number is a decimal in JSON: a string within the limits of
// [broker.ParseDecimal], read before any big number is made of it.
type number struct {
	d   decimal.Decimal
	set bool
}

// numberOf returns d as a number.
func numberOf(d decimal.Decimal) number { return number{d: d, set: true} }

// into stores the number, or returns an error if there is none.
func (n number) into(d *decimal.Decimal, field string) error {
	if !n.set {
		return missing(field)
	}
	*d = n.d
	return nil
}

// MarshalJSON writes plain notation as a string.
func (n number) MarshalJSON() ([]byte, error) {
	if err := checkDecimal(n.d); err != nil {
		return nil, fmt.Errorf("decimal %w", err)
	}
	return strconv.AppendQuote(nil, n.d.String()), nil
}

// UnmarshalJSON reads a string.
func (n *number) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		return fmt.Errorf("%.40q: a decimal is a string", data)
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	d, err := broker.ParseDecimal(text)
	if err != nil {
		return err
	}
	if err := checkDecimal(d); err != nil {
		return fmt.Errorf("%.60q %w", text, err)
	}
	n.d, n.set = d, true
	return nil
}
