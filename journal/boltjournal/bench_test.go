package boltjournal_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/bolttest"
	"github.com/evenkeel/evenkeel/journal"
)

// BenchmarkIntend records one intent after the other, and settles it.
func BenchmarkIntend(b *testing.B) {
	j := open(b, filepath.Join(b.TempDir(), "j.db"), nil)
	var g journal.Grant
	n, report := 0, bolttest.Measure(b, j.DB())
	for b.Loop() {
		if n%20 == 0 {
			g = begin(b, j, "U1", fmt.Sprint("e", n)).Grant
		}
		n++
		ref := fmt.Sprint("r", n)
		require.NoError(b, j.Intend(b.Context(), g, intentOf(g, ref)))
		require.NoError(b, j.Settle(b.Context(), g, settled(ref, journal.Filled)))
	}
	report("writes", 2)
}

// BenchmarkIntendMany is the same by many accounts at once, which share commits.
func BenchmarkIntendMany(b *testing.B) {
	j := open(b, filepath.Join(b.TempDir(), "j.db"), nil)
	var serial atomic.Int64
	b.SetParallelism(16)
	report := bolttest.Measure(b, j.DB())
	b.RunParallel(func(pb *testing.PB) {
		account := broker.AccountID(fmt.Sprint("U", serial.Add(1)))
		var g journal.Grant
		for n := 0; pb.Next(); n++ {
			if n%20 == 0 {
				g = begin(b, j, account, fmt.Sprint("e", serial.Add(1))).Grant
			}
			ref := fmt.Sprint("r", serial.Add(1))
			if err := j.Intend(b.Context(), g, intentOf(g, ref)); err != nil {
				b.Error(err)
			}
			if err := j.Settle(b.Context(), g, settled(ref, journal.Filled)); err != nil {
				b.Error(err)
			}
		}
	})
	report("writes", 2)
}
