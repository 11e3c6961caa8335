package ibkr_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// farAway is a relay before a gateway that passes everything on later.
type farAway struct {
	listener net.Listener
	target   string
	ways     sync.WaitGroup
}

func newFarAway(tb testing.TB, target string) *farAway {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	f := &farAway{listener: l, target: target}
	f.ways.Go(f.serve)
	return f
}

func (f *farAway) addr() string { return f.listener.Addr().String() }

// close ends when both ends of each connection have.
func (f *farAway) close() {
	_ = f.listener.Close()
	f.ways.Wait()
}

func (f *farAway) serve() {
	for {
		near, err := f.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", f.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		f.ways.Go(func() { f.pass(near, far) })
		f.ways.Go(func() { f.pass(far, near) })
	}
}

// pass passes on what comes from one end, each piece as late as the others.
func (f *farAway) pass(from, to net.Conn) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 4096)
	f.ways.Go(func() {
		for p := range pieces {
			<-time.After(time.Until(p.due))
			_, _ = to.Write(p.data)
		}
		_ = to.Close()
	})
	defer close(pieces)
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			pieces <- piece{buffer[:n], time.Now().Add(benchLatency)}
		}
		if err != nil {
			return
		}
	}
}

// watched is a connection that tells when a write has been handed over.
type watched struct {
	net.Conn
	written chan<- time.Time
}

func (w watched) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	select {
	case w.written <- time.Now():
	default:
	}
	return n, err
}

// dialWatched dials connections that are watched.
func dialWatched(written chan<- time.Time) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return watched{c, written}, nil
	}
}
