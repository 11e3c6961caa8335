package wirecrash_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// TestMain is the main function of the children as well: they are this very
// program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Args[2]))
	}
	flag.Parse()
	if given := flag.Lookup("test.parallel"); given.Value.String() == given.DefValue { // they wait more than they work
		if err := given.Value.Set("8"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// nth names the nth time that a step is reached.
func nth(name string, n int) string { return fmt.Sprintf("%s#%d", name, n) }

// runs is how many random kills there are, and whether each step is tried.
func runs(t *testing.T) (n int, all bool) {
	t.Helper()
	text := os.Getenv("EVENKEEL_WIRECRASH_RUNS")
	if text == "" {
		return 8, false
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "EVENKEEL_WIRECRASH_RUNS")
	return n, true
}

// Without a kill all is as it must be; and the steps are those that are known.
func TestUndisturbed(t *testing.T) {
	t.Parallel()
	for n, version := range dialects {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, n)
			report := w.finish()
			require.Zero(t, report.Unblocked)
			w.check()
			for _, name := range []string{"journal intend SELL", "journal intend BUY", "journal settle", "journal finish", "broker place SELL", "broker place BUY"} {
				require.NotZero(t, report.Steps[name+" after"], name)
			}
			require.Len(t, w.gateway.Exchange().Orders(), 2)
		})
	}
}

// A child is killed at each step of a run: before and after each write of the
// journal, each call of the broker and each verb of the queue.
func TestKillAtEachStep(t *testing.T) {
	t.Parallel()
	report := newWorld(t, 0).finish()
	var steps []string
	for _, name := range slices.Sorted(maps.Keys(report.Steps)) {
		for n := 1; n <= min(report.Steps[name], 3); n++ {
			steps = append(steps, nth(name, n))
		}
	}
	if _, all := runs(t); !all { // what matters most, and some of the rest
		var sample []string
		for i, step := range steps {
			if important[step] || i%10 == 0 {
				sample = append(sample, step)
			}
		}
		steps = sample
	}
	t.Logf("%d steps", len(steps))
	for n, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, n)
			if !w.killedAt(step) {
				t.Logf("it was not reached")
			}
			report := w.finish()
			w.check()
			if report.Unblocked > 0 {
				t.Logf("an operator had to answer")
			}
		})
	}
}

// important are the steps that are always tried: those around a send.
var important = map[string]bool{
	"journal intend SELL before#1": true, "journal intend SELL after#1": true,
	"broker place SELL before#1": true, "broker place SELL after#1": true,
	"journal intend BUY after#1": true, "broker place BUY before#1": true, "broker place BUY after#1": true,
	"journal settle before#1": true, "journal settle after#1": true, "journal finish before#1": true,
}

// troubles are what the gateway does meanwhile.
var troubles = []gatewaysim.Fault{
	{},
	{Name: gatewaysim.FaultCutAfterAccept},
	{Name: gatewaysim.FaultCutBeforeAccept},
	{Name: gatewaysim.FaultCutAfterAck},
	{Name: gatewaysim.FaultCutAfterFill},
	{Name: gatewaysim.FaultAckLate, For: gatewaysim.Duration(150 * time.Millisecond)},
	{Name: gatewaysim.FaultLinkLostMidFill},
	{Name: gatewaysim.FaultFillWithoutStatus},
	{Name: gatewaysim.FaultStatusWithoutExec},
	{Name: gatewaysim.FaultDuplicateExec},
	{Name: gatewaysim.FaultReorderStatus},
	{Name: gatewaysim.FaultRegressStatus},
	{Name: gatewaysim.FaultRejectOrder},
	{Name: gatewaysim.FaultPartialThenCancel},
	{Name: gatewaysim.FaultPartialThenStop},
	{Name: gatewaysim.FaultPositionLag, For: gatewaysim.Duration(200 * time.Millisecond)},
	{Name: gatewaysim.FaultFrozenValues, For: gatewaysim.Duration(200 * time.Millisecond)},
	{Name: gatewaysim.FaultDuplicateOrderID},
	{Name: gatewaysim.FaultClientIDInUse, Times: 3},
	{Name: gatewaysim.FaultLoseOrder},
	{Name: gatewaysim.FaultHoldOrder, For: gatewaysim.Duration(300 * time.Millisecond)},
	{Name: gatewaysim.FaultCorrectExec},
	{Name: gatewaysim.FaultFillOnCancel},
	{Name: gatewaysim.FaultNeverFill},
	{Name: gatewaysim.FaultTwoPermIDs},
	{Name: gatewaysim.FaultInactive, For: gatewaysim.Duration(300 * time.Millisecond)},
	{Name: gatewaysim.FaultReadOnly, Times: 1},
	{Name: gatewaysim.FaultWrongRemaining},
	{Name: gatewaysim.FaultOddExecTime},
	{Name: gatewaysim.FaultCancelError},
}

// Children are killed at any time, up to three of them one after another, while
// the gateway has troubles of its own.
func TestKillAtAnyTime(t *testing.T) {
	t.Parallel()
	n, _ := runs(t)
	var kills, unblocked atomic.Int64
	t.Run("all", func(t *testing.T) {
		for seed := range n {
			fault := troubles[(seed*len(troubles)/min(n, len(troubles)))%len(troubles)]
			t.Run(fmt.Sprintf("seed %d %s", seed, fault.Name), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(seed), 7)) //nolint:gosec // it must repeat
				w := newWorld(t, seed+seed/len(troubles))        // each trouble in each dialect
				if fault.Name != "" {
					fault.Nth = max(1, random.IntN(3))
					_, err := w.gateway.Inject(fault)
					require.NoError(t, err)
				}
				for range 1 + random.IntN(3) {
					if w.killedAfter(time.Duration(20+random.IntN(1500)) * time.Millisecond) {
						kills.Add(1)
					}
				}
				unblocked.Add(int64(w.finish().Unblocked))
				w.check()
			})
		}
	})
	t.Logf("%d runs, %d kills; an operator had to answer %d times", n, kills.Load(), unblocked.Load())
	require.NotZero(t, kills.Load())
}

// The check sees what it is there for.
func TestADoubleSendIsFoundOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.bug = bugSendAgain
	c, _, _ := w.start("")
	timer := time.AfterFunc(4*time.Second, func() { _ = c.Process.Kill() }) // it may never come to an end
	defer timer.Stop()
	_ = c.Wait()
	require.NotEmpty(t, w.violations())
}
