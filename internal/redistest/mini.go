package redistest

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// Mini starts a server inside the process, for tests that must run where no
// Redis is installed. It keeps nothing on disk and knows less than a real one.
func Mini(tb testing.TB) *miniredis.Miniredis {
	tb.Helper()
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		tb.Fatalf("redistest: miniredis: %v", err)
	}
	tb.Cleanup(m.Close)
	return m
}
