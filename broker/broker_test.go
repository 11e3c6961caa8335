package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// plain is a broker without optional roles.
type plain struct{ broker.Broker }

// prober is a broker with one.
type prober struct{ broker.Broker }

func (prober) Probe(context.Context) (broker.Probe, error) { return broker.Probe{Epoch: 9}, nil }

// wrapper decorates a broker.
type wrapper struct{ broker.Broker }

func (w wrapper) Unwrap() broker.Broker { return w.Broker }

// probingWrapper decorates a broker and has a role of its own.
type probingWrapper struct{ wrapper }

func (probingWrapper) Probe(context.Context) (broker.Probe, error) {
	return broker.Probe{Epoch: 1}, nil
}

func TestAs(t *testing.T) {
	epoch := func(b broker.Broker) broker.Epoch {
		p, ok := broker.As[broker.Prober](b)
		require.True(t, ok)
		probe, err := p.Probe(t.Context())
		require.NoError(t, err)
		return probe.Epoch
	}
	require.Equal(t, broker.Epoch(9), epoch(prober{}))
	require.Equal(t, broker.Epoch(9), epoch(wrapper{wrapper{prober{}}}), "through wrappers")
	require.Equal(t, broker.Epoch(1), epoch(probingWrapper{wrapper{prober{}}}), "the outermost wins")
	for name, b := range map[string]broker.Broker{
		"nil": nil, "plain": plain{}, "wrapped": wrapper{plain{}}, "empty wrapper": wrapper{}, "no wrapper": plain{prober{}},
	} {
		_, ok := broker.As[broker.Prober](b)
		require.False(t, ok, name)
	}
	_, ok := broker.As[broker.Calendar](wrapper{prober{}})
	require.False(t, ok, "another role")
}

func TestErrorSaysWhatAndWhere(t *testing.T) {
	err := &broker.Error{
		Op: "place", Kind: broker.KindWait, Account: "DU1", Instrument: "AAPL", Order: "x.1", Code: "10197",
		Until: time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC), Err: errors.New("a competing session is open"),
	}
	require.EqualError(t, err,
		"broker: place: account DU1: instrument AAPL: order x.1: a competing session is open (code 10197) (until 2026-03-02T15:00:00Z)")
	require.Equal(t, err.Until, err.RetryAt())
	require.EqualError(t, &broker.Error{Op: "probe"}, "broker: probe")
}

func TestErrorMatches(t *testing.T) {
	cause := errors.New("cause")
	for kind, want := range map[broker.Kind]struct {
		class    string
		sentinel error
	}{
		broker.KindTransient:     {"transient", nil},
		broker.KindWait:          {"wait", nil},
		broker.KindPermanent:     {"permanent", nil},
		broker.KindIndeterminate: {"indeterminate", broker.ErrIndeterminate},
		broker.KindSession:       {"session", broker.ErrSession},
		broker.Kind(99):          {"invalid", nil},
	} {
		err := fmt.Errorf("above: %w", &broker.Error{Op: "place", Kind: kind, Err: cause})
		var e *broker.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, want.class, e.ErrorClass())
		require.ErrorIs(t, err, cause)
		for _, sentinel := range []error{broker.ErrIndeterminate, broker.ErrSession} {
			require.Equal(t, errors.Is(want.sentinel, sentinel), errors.Is(err, sentinel), "%s is %s", kind, sentinel)
		}
	}
}

func TestSessionContains(t *testing.T) {
	open := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	s := broker.Session{Open: open, Close: open.Add(time.Hour)}
	require.True(t, s.Contains(open))
	require.True(t, s.Contains(s.Close.Add(-1)))
	require.False(t, s.Contains(open.Add(-1)))
	require.False(t, s.Contains(s.Close))
}

func TestSnapshotPosition(t *testing.T) {
	s := broker.Snapshot{Positions: []broker.Position{{Instrument: "A", Quantity: dec("5")}, {Instrument: "B", Quantity: dec("-2")}}}
	require.True(t, s.Position("B").Equal(dec("-2")))
	require.True(t, s.Position("C").IsZero())
}

func TestMoneyIsWrittenPlainly(t *testing.T) {
	require.Equal(t, "-1250.5 USD", broker.Money{Amount: dec("-1250.50"), Currency: "USD"}.String())
	require.Equal(t, "1000000000000000000 JPY", broker.Money{Amount: dec("1e18"), Currency: "JPY"}.String())
}
