package allocation_test

import (
	"flag"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/retry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// dec reads a number that is known to be one.
func dec(t *testing.T, s string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(s)
	require.NoError(t, err)
	return d
}

// targets makes targets of pairs of symbol and weight, as they are.
func targets(t *testing.T, pairs ...string) []allocation.Target {
	t.Helper()
	var out []allocation.Target
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, allocation.Target{Symbol: broker.InstrumentID(pairs[i]), Weight: dec(t, pairs[i+1])})
	}
	return out
}

// core is an allocation of the strategy core.
func core(t *testing.T, pairs ...string) allocation.Allocation {
	t.Helper()
	return allocation.Allocation{Strategy: "core", Version: "v1", AsOf: noon, Targets: targets(t, pairs...)}
}

func TestErrorsOfAllKinds(t *testing.T) {
	until := noon.Add(time.Hour)
	err := error(&allocation.Error{Kind: allocation.KindWait, Account: "U1", Strategy: "core", Code: "429", Until: until, Err: allocation.ErrStale})
	require.EqualError(t, err, "allocation: strategy core: account U1: stale allocation (code 429)")
	require.Equal(t, retry.Wait, retry.ClassOf(err))
	require.Equal(t, until, retry.At(err))
	require.Equal(t, retry.Transient, retry.ClassOf(&allocation.Error{}))
	require.Equal(t, retry.Permanent, retry.ClassOf(&allocation.Error{Kind: allocation.KindPermanent}))
	require.Equal(t, "invalid", allocation.Kind(9).String())
}
