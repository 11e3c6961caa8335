package sim_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/sim"
)

func TestTry(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	s, _ := strconv.Atoi(os.Getenv("S"))
	bad := 0
	began := time.Now()
	for i := range n {
		o := sim.Options{Seed: uint64(s + i)}
		if os.Getenv("V") != "" {
			o.Log = os.Stdout
		}
		r := sim.Run(t, o)
		r2 := sim.Run(t, o)
		if r.Hash != r2.Hash {
			t.Logf("seed %d: HASH %x %x", s+i, r.Hash, r2.Hash)
		}
		for _, v := range r.Violations {
			bad++
			t.Log(v)
			break
		}
		if n == 1 {
			t.Log(r.Steps, r.Fired, r.Tally, r.Virtual)
		}
	}
	t.Log(n, bad, time.Since(began))
}
