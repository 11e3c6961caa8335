package sim_test

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/internal/sim"
)

func TestStress(t *testing.T) {
	if os.Getenv("Z") == "" {
		t.Skip()
	}
	n, _ := strconv.Atoi(os.Getenv("Z"))
	s, _ := strconv.Atoi(os.Getenv("S"))
	var wg sync.WaitGroup
	ch := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range ch {
				var a, b bytes.Buffer
				x := sim.Run(t, sim.Options{Seed: uint64(s + i), Log: &a})
				y := sim.Run(t, sim.Options{Seed: uint64(s + i), Log: &b})
				if x.Hash != y.Hash {
					t.Log("seed", s+i)
					os.WriteFile("/tmp/simx/za"+strconv.Itoa(s+i), a.Bytes(), 0o600)
					os.WriteFile("/tmp/simx/zb"+strconv.Itoa(s+i), b.Bytes(), 0o600)
				}
			}
		})
	}
	for i := range n {
		ch <- i
	}
	close(ch)
	wg.Wait()
}
