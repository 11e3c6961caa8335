package gatewaysim

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Fault is something that goes wrong, as data: what, where, when and how often.
// Only Name is required. [FaultKinds] lists the names and what each reads.
type Fault struct {
	Name string `json:"name"`

	// Client, Account, Symbol, Action, Ref and Message limit the fault to one
	// client id, account, symbol, BUY or SELL, order reference, or request such as
	// "reqPositions". Default: any. Session limits it to the connection with that
	// number.
	Client  int    `json:"client,omitempty"`
	Account string `json:"account,omitempty"`
	Symbol  string `json:"symbol,omitempty"`
	Action  string `json:"action,omitempty"`
	Ref     string `json:"ref,omitempty"`
	Message string `json:"message,omitempty"`
	Session int    `json:"session,omitempty"`

	// Nth is at which occasion the fault strikes first, from 1, counted from the
	// injection on. Default: 1.
	Nth int `json:"nth,omitempty"`
	// Times is how often it strikes; -1 is always. Default: once, but always for
	// the kinds that are states.
	Times int `json:"times,omitempty"`
	// Percent is the chance that it strikes at an occasion, decided by Config.Seed.
	// Default: 100.
	Percent int `json:"percent,omitempty"`

	// For and After are a duration and a delay. Default: see the kind.
	For   Duration `json:"for,omitempty"`
	After Duration `json:"after,omitempty"`
	// Code and Text are an error's. Default: see the kind.
	Code int    `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
	// Count is a number of bytes, ids or bars. Default: see the kind.
	Count int `json:"count,omitempty"`
	// Quantity and Price are an order's or a fill's. Default: see the kind.
	Quantity decimal.Decimal `json:"quantity,omitzero"`
	Price    decimal.Decimal `json:"price,omitzero"`
}

// Duration is a time.Duration that JSON writes as text, such as "250ms".
type Duration time.Duration

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("gatewaysim: duration %.40q: want such as 250ms", text)
	}
	if v < 0 {
		return fmt.Errorf("gatewaysim: duration %s is negative", v)
	}
	*d = Duration(v)
	return nil
}

// FaultState is a fault with how often it met an occasion and struck.
type FaultState struct {
	ID    int    `json:"id"`
	Fault Fault  `json:"fault"`
	Row   string `json:"row"` // of the catalogue of failures
	Seen  int    `json:"seen"`
	Fired int    `json:"fired"`
	// Done reports that it will not strike again.
	Done bool `json:"done"`
}

// armed is a fault that waits for its occasion.
type armed struct {
	FaultState
	until time.Time // of a state that ends, zero otherwise
}

// Inject arms a fault, or does it at once if its kind has no occasion. It
// returns the number under which [Gateway.Faults] lists it.
func (g *Gateway) Inject(f Fault) (int, error) {
	kind, ok := kindByName(f.Name)
	switch {
	case !ok:
		return 0, fmt.Errorf("gatewaysim: inject: no fault is named %q: see FaultKinds", f.Name)
	case f.Nth < 0 || f.Times < -1 || f.For < 0 || f.After < 0 || f.Count < 0 || f.Percent < 0 || f.Percent > 100:
		return 0, fmt.Errorf("gatewaysim: inject %s: a number is negative, or Percent is more than 100", f.Name)
	}
	f.Nth = max(f.Nth, 1)
	if f.Times == 0 {
		f.Times = 1
		if kind.When == WhenState {
			f.Times = -1
		}
	}
	a := &armed{FaultState: FaultState{Fault: f, Row: kind.Row}}
	if kind.window && f.For > 0 {
		a.until = time.Now().Add(time.Duration(f.For))
	}
	g.ex.mu.Lock()
	g.ex.faultSeq++
	a.ID = g.ex.faultSeq
	g.ex.faults = append(g.ex.faults, a)
	if kind.now != nil {
		a.Seen, a.Fired, a.Done = 1, 1, true
		g.ex.record(nil, Entry{Kind: KindFault, Name: f.Name, Client: f.Client})
	}
	g.ex.mu.Unlock()
	if kind.now != nil {
		if err := kind.now(g, f); err != nil {
			return a.ID, fmt.Errorf("gatewaysim: inject %s: %w", f.Name, err)
		}
	}
	return a.ID, nil
}

// Faults returns all faults that were injected, in order, with how often each
// struck.
func (g *Gateway) Faults() []FaultState {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	all := []FaultState{}
	for _, a := range g.ex.faults {
		s := a.FaultState
		s.Done = s.Done || a.over()
		all = append(all, s)
	}
	return all
}

// Fired returns how often faults of a name struck.
func (g *Gateway) Fired(name string) int {
	n := 0
	for _, s := range g.Faults() {
		if s.Fault.Name == name {
			n += s.Fired
		}
	}
	return n
}

// Lift ends a fault. Positions and values that it held back are shown.
func (g *Gateway) Lift(id int) error {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	for _, a := range g.ex.faults {
		if a.ID == id {
			a.Done = true
			if a.Fault.Name == FaultPositionLag || a.Fault.Name == FaultFrozenValues {
				g.ex.catchUp()
			}
			return nil
		}
	}
	return fmt.Errorf("gatewaysim: lift: no fault %d", id)
}

// place is where an occasion happens.
type place struct {
	client, session                       int
	account, symbol, action, ref, message string
}

func (o *order) place() place {
	return place{client: o.client, account: o.account, symbol: o.contract.Symbol, action: o.action(), ref: o.ref}
}

func (s *tcpSession) place(message string) place {
	return place{client: s.client, session: s.number, message: message}
}

// strike reports an occasion for a kind of fault, and returns the fault if it
// strikes, nil if none does. The lock is held.
func (e *Exchange) strike(name string, at place) *Fault {
	for _, a := range e.faults {
		if a.Done || a.Fault.Name != name || !a.meets(at) || a.over() {
			continue
		}
		a.Seen++
		if chance := a.Fault.Percent; a.Seen < a.Fault.Nth || chance > 0 && e.rand.IntN(100) >= chance {
			continue
		}
		a.Fired++
		a.Done = a.Fault.Times > 0 && a.Fired >= a.Fault.Times
		e.record(nil, Entry{Kind: KindFault, Name: name, Client: at.client, Account: at.account, Ref: at.ref, Detail: at.message})
		f := a.Fault
		return &f
	}
	return nil
}

func (a *armed) over() bool { return !a.until.IsZero() && time.Now().After(a.until) }

// meets reports whether the fault is meant for this place.
func (a *armed) meets(at place) bool {
	f := &a.Fault
	return (f.Client == 0 || f.Client == at.client) && (f.Session == 0 || f.Session == at.session) && either(f.Account, at.account) &&
		either(f.Symbol, at.symbol) && either(f.Action, at.action) && either(f.Ref, at.ref) && either(f.Message, at.message)
}

// FaultKinds lists every kind of fault, by name.
func FaultKinds() []FaultKind {
	return slices.Concat(sessionFaults, accountFaults, contractFaults, orderFaults, cancelFaults, wireFaults)
}

func kindByName(name string) (FaultKind, bool) {
	for _, k := range FaultKinds() {
		if k.Name == name {
			return k, true
		}
	}
	return FaultKind{}, false
}
