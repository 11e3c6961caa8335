package ibkr_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr"
)

// A gateway that resets the connection right after its welcome, again and again,
// while the client library is still busy with itself: each attempt is an error, and
// nothing worse. (The library crashes the process if it loses its connection there.)
func TestPeerThatLeavesAfterItsWelcome(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var peers sync.WaitGroup
	peers.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			peers.Go(func() {
				_, _ = io.ReadFull(c, make([]byte, 17))
				_, _ = c.Write(append([]byte{0, 0, 0, 26}, "176\x0020261125 10:00:00 EST\x00"...))
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			})
		}
	})
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 20 {
				cfg := at(l.Addr().String())
				cfg.Timing.Retries, cfg.Timing.Connect = -1, 5*time.Second
				_, err := ibkr.Open(t.Context(), cfg)
				require.Error(t, err)
			}
		})
	}
	clients.Wait()
	require.NoError(t, l.Close())
	peers.Wait()
}
