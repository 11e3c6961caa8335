package allocation_test

import (
	"strconv"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
)

// BenchmarkRun is what a rebalance of 20 symbols pays for its allocation.
func BenchmarkRun(b *testing.B) {
	a := allocation.Allocation{Strategy: "core", AsOf: noon}
	for i := range 20 {
		a.Targets = append(a.Targets, allocation.Target{Symbol: broker.InstrumentID("S" + strconv.Itoa(i)), Weight: decimal.New(5, -2)})
	}
	source, err := allocation.NewStatic(allocation.Rules{}, a)
	if err != nil {
		b.Fatal(err)
	}
	data, err := allocation.Encode(a)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		f    func() error
	}{
		{"ask", func() error {
			_, err := source.Allocation(b.Context(), allocation.Query{Strategy: "core"})
			return err
		}},
		{"check", func() error { return allocation.Rules{}.Check(a, noon) }},
		{"encode", func() error { _, err := allocation.Encode(a); return err }},
		{"decode", func() error { _, err := allocation.Decode(data); return err }},
		{"hash", func() error { _ = allocation.Hash(a); return nil }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
