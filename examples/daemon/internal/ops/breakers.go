package ops

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/retry"
)

// BreakerMode says who decides about a breaker.
type BreakerMode string

// The modes of a breaker.
const (
	BreakerAuto        BreakerMode = "auto"         // the results of the calls
	BreakerForceOpen   BreakerMode = "force-open"   // an operator: no new work begins that needs it
	BreakerForceClosed BreakerMode = "force-closed" // an operator: every call is made
)

// BreakerModes are all of them.
func BreakerModes() []BreakerMode {
	return []BreakerMode{BreakerAuto, BreakerForceOpen, BreakerForceClosed}
}

// Breaker stands before a dependency.
type Breaker struct {
	Name  string      `json:"name"`
	State string      `json:"state"` // closed, half_open or open
	Mode  BreakerMode `json:"mode"`
	// Operator, Reason and Since are of the last one who set the mode since the
	// daemon began.
	Operator string    `json:"operator,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since,omitzero"`
}

// Switchboard has breakers: a running engine.
type Switchboard interface {
	Breakers() map[string]retry.State
	ForceBreaker(name string, mode retry.Mode) error
}

// Breakers lists the breakers of the running engine, by name.
func (l *Local) Breakers(context.Context) ([]Breaker, error) {
	if l.Switchboard == nil {
		return nil, errNoBreakers
	}
	return l.breakers(), nil
}

var errNoBreakers = fmt.Errorf("%w: no daemon runs, and its breakers exist only while it does", ErrUnavailable)

func (l *Local) breakers() []Breaker {
	l.mu.Lock()
	defer l.mu.Unlock()
	states := l.Switchboard.Breakers()
	all := make([]Breaker, 0, len(states))
	for _, name := range slices.Sorted(maps.Keys(states)) {
		b := l.forced[name]
		b.Name, b.State = name, states[name].String()
		if b.Mode == "" {
			b.Mode = BreakerAuto
		}
		all = append(all, b)
	}
	return all
}

// ForceBreaker opens or closes a breaker until it is set otherwise or the daemon
// restarts; auto hands it back to the results of the calls.
func (l *Local) ForceBreaker(_ context.Context, name string, mode BreakerMode, s Signed) error {
	if err := s.check(); err != nil {
		return err
	}
	if l.Switchboard == nil {
		return errNoBreakers
	}
	to, ok := map[BreakerMode]retry.Mode{BreakerAuto: retry.Auto, BreakerForceOpen: retry.ForceOpen, BreakerForceClosed: retry.ForceClosed}[mode]
	if !ok {
		return fmt.Errorf("%w: mode %q is none of %q", ErrInvalid, mode, BreakerModes())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.Switchboard.ForceBreaker(name, to); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if l.forced == nil {
		l.forced = map[string]Breaker{}
	}
	l.forced[name] = Breaker{Mode: mode, Operator: s.Operator, Reason: s.Reason, Since: l.now()}
	return nil
}
