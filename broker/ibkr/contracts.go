package ibkr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/scmhub/ibsync"
	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// terms are an instrument's contract, terms and hours.
type terms struct {
	broker.Instrument
	contract contractKey
	hours    []broker.Session // liquid
	untold   error            // why there are no hours
	zone     *time.Location
	read     time.Time
}

// Resolve finds the one stock that each symbol means. A symbol that is pinned in
// [Config.Instruments], or written as AAPL@265598 with IBKR's contract number,
// means that contract alone.
func (b *Broker) Resolve(ctx context.Context, ids ...broker.InstrumentID) (map[broker.InstrumentID]broker.Instrument, error) {
	s, err := b.begin(ctx, "resolve", "")
	if err != nil {
		return nil, err
	}
	all, err := b.resolve(ctx, s.session, "resolve", ids)
	if err != nil {
		return nil, err
	}
	found := make(map[broker.InstrumentID]broker.Instrument, len(all))
	for id, t := range all {
		found[id] = t.Instrument
	}
	return found, nil
}

// Sessions returns the regular trading sessions, as far ahead as the gateway
// tells: about a week.
func (b *Broker) Sessions(ctx context.Context, from, to time.Time, ids ...broker.InstrumentID) (map[broker.InstrumentID][]broker.Session, error) {
	s, err := b.begin(ctx, "sessions", "")
	if err != nil {
		return nil, err
	}
	all, err := b.resolve(ctx, s.session, "sessions", ids)
	if err != nil {
		return nil, err
	}
	sessions := make(map[broker.InstrumentID][]broker.Session, len(all))
	for id, t := range all {
		if t.untold != nil {
			return nil, &broker.Error{Op: "sessions", Instrument: id, Kind: broker.KindTransient, Err: t.untold}
		}
		sessions[id] = within(t.hours, from, to)
	}
	return sessions, nil
}

// resolve returns the terms of instruments; the ones that are not known are asked
// for all at once.
func (b *Broker) resolve(ctx context.Context, s *session, op string, ids []broker.InstrumentID) (map[broker.InstrumentID]*terms, error) {
	found := make(map[broker.InstrumentID]*terms, len(ids))
	var missing []broker.InstrumentID
	b.mu.Lock()
	for _, id := range ids {
		t := b.terms[id]
		switch {
		case t != nil && b.cfg.Now().Sub(t.read) < b.cfg.Timing.Terms:
			found[id] = t
		case !slices.Contains(missing, id):
			missing = append(missing, id)
		}
	}
	b.mu.Unlock()
	read := make([]*terms, len(missing))
	errs := make([]error, len(missing))
	var wg sync.WaitGroup
	for i, id := range missing {
		wg.Go(func() { read[i], errs[i] = b.termsOf(ctx, s, op, id) })
	}
	wg.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, id := range missing {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if !hasNumber(id) {
			if other, taken := b.taken(id, read[i].contract.conID); taken {
				return nil, sameContract(op, id, other, read[i].contract.conID)
			}
			b.rename(s, read[i].contract.conID, id)
		}
		b.terms[id], found[id] = read[i], read[i]
	}
	return found, oneEach(op, found)
}

// oneEach makes sure that no two names mean one contract: it would be held twice.
func oneEach(op string, found map[broker.InstrumentID]*terms) error {
	names := make(map[int64]broker.InstrumentID, len(found))
	for id, t := range found {
		if other, ok := names[t.contract.conID]; ok {
			return sameContract(op, max(id, other), min(id, other), t.contract.conID)
		}
		names[t.contract.conID] = id
	}
	return nil
}

func sameContract(op string, id, other broker.InstrumentID, conID int64) error {
	return &broker.Error{Op: op, Kind: broker.KindPermanent, Instrument: id, Err: fmt.Errorf(
		"it is the same contract as %s (ConID %d): keep one name for it", other, conID)}
}

// hasNumber reports whether a name has a contract number in it, and is no symbol.
func hasNumber(id broker.InstrumentID) bool { return strings.Contains(string(id), "@") }

// taken reports whether a contract has another symbol here that is pinned to it, or
// that meant it a short while ago. The lock is held.
func (b *Broker) taken(id broker.InstrumentID, conID int64) (other broker.InstrumentID, taken bool) {
	other, known := b.names[conID]
	if !known || other == id || hasNumber(other) {
		return "", false
	}
	t := b.terms[other]
	return other, b.pinned(other, conID) || t != nil && t.contract.conID == conID && b.cfg.Now().Sub(t.read) < b.cfg.Timing.Terms
}

// pinned reports whether a name is pinned to a contract number.
func (b *Broker) pinned(id broker.InstrumentID, conID int64) bool {
	return b.cfg.Instruments[id].ConID == conID
}

// rename makes a name the one of a contract, unless a pin of the contract is its
// name: a symbol that was unknown once, or that the contract had before, gives way.
// The lock is held.
func (b *Broker) rename(s *session, conID int64, id broker.InstrumentID) {
	if old, ok := b.names[conID]; old == id || ok && b.pinned(old, conID) {
		return
	}
	b.names[conID] = id
	s.book.renamed(conID, id)
}

// termsOf asks for the one contract that a symbol means.
func (b *Broker) termsOf(ctx context.Context, s *session, op string, id broker.InstrumentID) (*terms, error) {
	pin := b.pinOf(id)
	rows, err := s.ask(ctx, question{
		name: "contract of " + string(id), prio: prioOther,
		ask: func(c *ibapi.EClient, req int64) { c.ReqContractDetails(req, pin.wanted()) },
	})
	if err != nil {
		return nil, b.resolveError(s, op, id, err)
	}
	var fits []*ibsync.ContractDetails
	for _, r := range rows {
		d, ok := r.(ibsync.ContractDetails)
		if ok && pin.fits(&d) && !slices.ContainsFunc(fits, func(f *ibsync.ContractDetails) bool { return f.Contract.ConID == d.Contract.ConID }) {
			fits = append(fits, &d)
		}
	}
	switch len(fits) {
	case 0:
		return nil, &broker.Error{Op: op, Kind: broker.KindPermanent, Instrument: id, Err: fmt.Errorf(
			"%w: no %s stock named %s (%d others were offered): pin it in Config.Instruments", broker.ErrUnknownInstrument, pin.Currency, pin.Symbol, len(rows))}
	case 1:
		t, err := b.newTerms(id, fits[0])
		if err != nil {
			return nil, &broker.Error{Op: op, Kind: broker.KindPermanent, Instrument: id, Err: err}
		}
		return t, nil
	}
	return nil, &broker.Error{Op: op, Kind: broker.KindPermanent, Instrument: id, Err: fmt.Errorf(
		"%w: it may be %s: pin one in Config.Instruments", broker.ErrAmbiguousInstrument, candidates(fits))}
}

// resolveError says why the gateway told no contract.
func (b *Broker) resolveError(s *session, op string, id broker.InstrumentID, err error) error {
	e := fault(op, "", err)
	e.Instrument = id
	var g *gatewayError
	if !errors.As(err, &g) || codeOf(g.code).meaning != noContract {
		return e
	}
	b.mu.Lock()
	down := s.down["contracts"]
	b.mu.Unlock()
	if down {
		e.Kind, e.Err = broker.KindTransient, fmt.Errorf("the farm of contracts is down: %w", err)
		return e
	}
	e.Kind, e.Err = broker.KindPermanent, fmt.Errorf("%w: %w", broker.ErrUnknownInstrument, err)
	return e
}

// candidates names contracts.
func candidates(list []*ibsync.ContractDetails) string {
	const most = 6
	var names []string
	for _, d := range list[:min(len(list), most)] {
		names = append(names, fmt.Sprintf("%s on %s in %s (ConID %d)", d.Contract.Symbol, d.Contract.PrimaryExchange, d.Contract.Currency, d.Contract.ConID))
	}
	if n := len(list) - most; n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// pinOf is what a symbol means.
func (b *Broker) pinOf(id broker.InstrumentID) Pin {
	pin := b.cfg.Instruments[id]
	symbol, number, numbered := strings.Cut(string(id), "@")
	if numbered && pin.ConID == 0 {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			pin.ConID = n
		}
	}
	pin.Symbol = cmp.Or(pin.Symbol, gatewaySymbol(broker.InstrumentID(symbol)))
	pin.Currency = cmp.Or(pin.Currency, b.cfg.Currency)
	return pin
}

// wanted is the contract to ask for.
func (p *Pin) wanted() *ibsync.Contract {
	if p.ConID != 0 {
		c := ibsync.NewContract()
		c.ConID, c.Exchange = p.ConID, "SMART"
		return c
	}
	c := ibsync.NewStock(p.Symbol, "SMART", string(p.Currency))
	c.PrimaryExchange = p.PrimaryExchange
	return c
}

// fits reports whether a contract is exactly what the pin says.
func (p *Pin) fits(d *ibsync.ContractDetails) bool {
	c := &d.Contract
	if p.ConID != 0 {
		return c.ConID == p.ConID
	}
	return c.ConID > 0 && c.SecType == "STK" && c.Symbol == p.Symbol && c.Currency == string(p.Currency) &&
		(p.PrimaryExchange == "" || c.PrimaryExchange == p.PrimaryExchange)
}

// newTerms reads the terms of a contract.
func (b *Broker) newTerms(id broker.InstrumentID, d *ibsync.ContractDetails) (*terms, error) {
	loc, err := zone(d.TimeZoneID)
	if err != nil {
		return nil, err
	}
	tick, err := fromFloat(d.MinTick)
	if err != nil || tick.Sign() <= 0 {
		return nil, fmt.Errorf("ibkr: the least price step of %s is %v", id, d.MinTick)
	}
	if d.PriceMagnifier > 1 && d.Contract.SecType == "STK" && d.PriceMagnifier != ibapi.UNSET_INT {
		return nil, fmt.Errorf("ibkr: prices of %s are told in parts of its currency, %d to one: such contracts are not supported", id, d.PriceMagnifier)
	}
	lot := decimal.New(1, 0)
	if size, err := fromFixed(d.SizeIncrement); err == nil && size.Sign() > 0 && (b.cfg.Fractional || size.GreaterThan(lot)) {
		lot = size
	}
	if cent := decimal.New(1, -2); tick.LessThan(cent) && cent.Mod(tick).IsZero() {
		tick = cent // finer steps are for prices below one unit, or for hidden orders
	}
	hours, untold := parseHours(d.LiquidHours, loc)
	if d.LiquidHours == "" {
		untold = errors.New("the gateway tells no trading hours")
	}
	return &terms{
		Instrument: broker.Instrument{
			ID: id, Ref: strconv.FormatInt(d.Contract.ConID, 10), Name: longName(d.LongName), Kind: kindOf(d.Contract.SecType),
			Currency: broker.Currency(d.Contract.Currency), Exchange: cmp.Or(d.Contract.PrimaryExchange, d.Contract.Exchange),
			Zone: loc.String(), Lot: lot, Tick: tick,
		},
		contract: contractOf(&d.Contract), hours: hours, untold: untold, zone: loc, read: b.cfg.Now(),
	}, nil
}

// byteList is how the library writes a name on the text dialect: as the list of
// its bytes.
var byteList = regexp.MustCompile(`^\[\d{1,3}( \d{1,3}){0,200}\]$`)

// longName undoes that.
func longName(s string) string {
	if !byteList.MatchString(s) {
		return s
	}
	var name []byte
	for f := range strings.FieldsSeq(strings.Trim(s, "[]")) {
		n, err := strconv.ParseUint(f, 10, 8)
		if err != nil {
			return s
		}
		name = append(name, byte(n))
	}
	return string(name)
}

// nameOf is what a contract is called. The lock is held.
func (b *Broker) nameOf(c contractKey) broker.InstrumentID {
	if id, ok := b.names[c.conID]; ok {
		return id
	}
	if id, err := symbolID(c.symbol); err == nil && c.kind == "STK" && c.currency == string(b.cfg.Currency) {
		return id
	}
	return numbered(c)
}

// numbered is a name that no other contract has.
func numbered(c contractKey) broker.InstrumentID {
	number := "@" + strconv.FormatInt(c.conID, 10)
	symbol, err := symbolID(c.symbol)
	if err != nil {
		symbol = "X"
	}
	id, err := broker.ParseInstrumentID(string(symbol[:min(len(symbol), 32-len(number))]) + number)
	if err != nil {
		return broker.InstrumentID("X" + number)
	}
	return id
}

// heldName is what a held contract is called: by its symbol alone only if that
// symbol means this very contract.
func (b *Broker) heldName(ctx context.Context, s *session, c contractKey) (broker.InstrumentID, error) {
	b.mu.Lock()
	id, known := b.names[c.conID]
	if !known {
		id = b.nameOf(c)
	}
	b.mu.Unlock()
	if known || hasNumber(id) {
		return id, nil
	}
	all, err := b.resolve(ctx, s, "snapshot", []broker.InstrumentID{id})
	switch {
	case err == nil && all[id].contract.conID == c.conID:
		return id, nil
	case err != nil && !errors.Is(err, broker.ErrUnknownInstrument) && !errors.Is(err, broker.ErrAmbiguousInstrument):
		return "", err
	}
	id = numbered(c)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rename(s, c.conID, id)
	return id, nil
}

// orderContract is the contract that an order names.
func (t *terms) orderContract() *ibsync.Contract {
	c := ibsync.NewStock(t.contract.symbol, "SMART", t.contract.currency)
	c.ConID, c.PrimaryExchange = t.contract.conID, t.contract.primary
	return c
}
