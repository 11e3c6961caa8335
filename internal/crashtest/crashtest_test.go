package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain is the main function of the workers as well: they are this very
// program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}

func TestOnMemory(t *testing.T) { runs(t, kindMemory, 10) }

func TestOnFiles(t *testing.T) { runs(t, kindBolt, 10) }

func TestOnRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("EVENKEEL_REQUIRE_REDIS") == "1" {
			t.Fatal("redis-server is not in PATH, and EVENKEEL_REQUIRE_REDIS=1 asks for it: install Redis")
		}
		t.Skip("redis-server is not in PATH: install Redis to run this test")
	}
	runs(t, kindRedis, 16)
}

// runs makes some runs, spread over the catalogue. A replay does not need the
// test: the message says how.
func runs(t *testing.T, kind string, n int) {
	t.Helper()
	if text := os.Getenv("EVENKEEL_CRASHTEST_RUNS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err, "EVENKEEL_CRASHTEST_RUNS")
	}
	h := &host{}
	t.Cleanup(h.close)
	began := time.Now()
	stride := uint64(max(1, len(catalogue(kind))/n)) //nolint:gosec // not negative
	tally, err := runAll(options{runs: n, seed: 1, stride: stride, kinds: []string{kind}, parallel: 4, patience: 30 * time.Second},
		func() (*redisWorld, error) { return newRedisWorld(h) })
	require.NoError(t, err)
	var table strings.Builder
	tally.print(&table, time.Since(began), false)
	t.Log("\n" + table.String())
	require.Zero(t, tally.violations, table.String())
	require.Equal(t, n, tally.runs)
	require.NotZero(t, tally.orders)
	require.NotEmpty(t, tally.fired)
}

// The checker must see what it is there for.
func TestBrokenWorkersAreFoundOut(t *testing.T) {
	for _, c := range []struct {
		bug    string
		kind   string
		strike *strike
		want   string
	}{
		{bugPublishLies, kindMemory, nil, "zero lost events"},
		{bugAckFirst, kindMemory, &strike{fault: faultKill, point: "journal checkpoint plan after", n: 1}, "zero lost events"},
		{bugNoIntents, kindMemory, &strike{fault: faultKill, point: "broker place after", n: 1}, "journal first"},
		{bugSendTwice, kindBolt, nil, "zero double orders"},
		{bugOtherTargets, kindMemory, nil, "target"},
		{bugSleepy, kindMemory, nil, "liveness"},
	} {
		t.Run(c.bug, func(t *testing.T) {
			t.Parallel()
			w := newWorld(options{patience: time.Second}, c.kind, 2, nil)
			w.bug, w.plan.strikes, w.plan.breakers = c.bug, nil, breakersHelped
			if c.strike != nil {
				w.plan.strikes = []*strike{c.strike}
			}
			require.NoError(t, w.live())
			require.Contains(t, strings.Join(w.violations, "\n"), c.want)
		})
	}
}

func TestEachPointIsInTheCatalogue(t *testing.T) {
	require.Greater(t, len(brokerPoints())+len(storePoints()), 60)
	for _, kind := range []string{kindMemory, kindBolt, kindRedis} {
		killed := map[string]bool{}
		for _, s := range catalogue(kind) {
			if s.fault == faultKill {
				killed[s.point] = true
			}
		}
		for _, p := range append(brokerPoints(), storePoints()...) {
			require.True(t, killed[p], "nobody is killed at %q on %s", p, kind)
		}
	}
}

func TestSeedsRepeat(t *testing.T) {
	for seed := range uint64(50) {
		require.Equal(t, scenarioOf(seed), scenarioOf(seed))
		require.Equal(t, planOf(kindRedis, seed, 5, ""), planOf(kindRedis, seed, 5, ""))
	}
	require.NotEqual(t, scenarioOf(1).events, scenarioOf(2).events)
}
