package ibkr

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A gateway that tells at once that it has lost IBKR, before it tells the accounts:
// that is remembered until the session is there.
func TestLinkLostInTheGreeting(t *testing.T) {
	cfg := Config{Address: "gateway:1", ClientID: 3, Accounts: []Account{{ID: "DU1"}}}.withDefaults()
	cfg.Timing.Settle = -1
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			if _, err := readGreeting(theirs); err != nil {
				return
			}
			_, _ = theirs.Write(framed("176\x0020261125 10:00:00 EST\x00"))
			_, _ = readFrame(theirs, maxOutFrame)
			for _, s := range []string{"4\x002\x00-1\x001100\x00lost\x00\x00", "15\x001\x00DU1\x00", "9\x001\x0042\x00"} {
				_, _ = theirs.Write(framed(s))
			}
			for { // reads and does not answer
				if _, err := readFrame(theirs, maxOutFrame); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}
	b := &Broker{cfg: cfg, log: cfg.Logger, done: make(chan struct{}), nextID: 1, sends: map[refKey]*send{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.once(ctx, nil) }()
	require.Eventually(t, func() bool { return b.Stats().Phase == "frozen" }, 5*time.Second, time.Millisecond, "it is %v", b.Stats())
	cancel()
	err := <-done
	require.Error(t, err)
	require.NotErrorIs(t, err, errWasReady)
}

func TestClockOfTheGateway(t *testing.T) {
	at := time.Date(2026, 11, 25, 15, 0, 20, 0, time.UTC)
	for _, row := range []struct {
		text  string
		ahead time.Duration
		ok    bool
	}{
		{"20261125 10:00:00 EST", -5 * time.Hour, true},
		{"20261125 15:01:10 Greenwich Mean Time", 0, true},
		{"20261126 00:00:20 JST", 9 * time.Hour, true},
		{"20261125 20:30:00 IST", 5*time.Hour + 30*time.Minute, true},
		{"20261125 10:00:00", -5 * time.Hour, true},
		{"20261128 10:00:00 EST", 0, false}, // some clock is days off
		{"10:00:00", 0, false},
		{"", 0, false},
	} {
		ahead, ok := parseClock(framed("176\x00"+row.text+"\x00"), at)
		require.Equal(t, row.ok, ok, row.text)
		if ok {
			require.Equal(t, row.ahead, ahead, row.text)
		}
	}
	_, ok := parseClock(nil, at)
	require.False(t, ok)
}

// The gateway remembers a day of its own clocks, and of New York's: in Tokyo a day
// ends in the middle of New York's session.
func TestSameDay(t *testing.T) {
	at := time.Date(2026, 11, 25, 14, 50, 0, 0, time.UTC) // 9:50 in New York, 23:50 in Tokyo
	b := &Broker{cfg: Config{Now: func() time.Time { return at.Add(20 * time.Minute) }}}
	require.True(t, b.sameDay(&door{ahead: -5 * time.Hour, tells: true}, at))
	require.False(t, b.sameDay(&door{ahead: 9 * time.Hour, tells: true}, at))
	require.False(t, b.sameDay(&door{}, at), "nobody knows the gateway's day")
	require.False(t, b.sameDay(&door{ahead: -8 * time.Hour, tells: true}, at.Add(-10*time.Hour)), "yesterday in New York")
}
