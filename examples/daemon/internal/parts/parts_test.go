package parts_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// stores opens the stores of a configuration until the test ends.
func stores(t *testing.T, c *config.Config) *parts.Stores {
	t.Helper()
	s, err := parts.OpenStores(t.Context(), c, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// open opens an engine on stores until the test ends.
func open(t *testing.T, c *config.Config, s *parts.Stores, o parts.Options) *parts.World {
	t.Helper()
	w, err := parts.Open(t.Context(), c, s, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// work publishes an event and lets the engine work until it is settled.
func work(t *testing.T, w *parts.World, s *parts.Stores, account broker.AccountID, command rebalance.Command) queue.Entry {
	t.Helper()
	receipt, err := s.Queue.Publish(t.Context(), queue.Event{Account: string(account), Command: string(command)})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Engine.Run(ctx) }()
	var entry queue.Entry
	settled := func() bool {
		entry, err = s.Queue.Entry(t.Context(), receipt.ID)
		require.NoError(t, err)
		return entry.State == queue.Done || entry.State == queue.Dead || entry.State == queue.Held || entry.State == queue.Delayed
	}
	require.Eventually(t, settled, 30*time.Second, 5*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	return entry
}

func TestThePartsOfADayWorkTogether(t *testing.T) {
	c := config.Default(filepath.Join(t.TempDir(), "data"))
	s := stores(t, c)
	w := open(t, c, s, parts.Options{Logger: quiet})
	before, err := w.Engine.Plan(t.Context(), rebalance.Request{Account: "DEMO-1"})
	require.NoError(t, err)
	require.NotEmpty(t, before.Orders)
	require.Equal(t, queue.Done, work(t, w, s, "DEMO-1", rebalance.CommandRebalance).State)
	after, err := w.Engine.Plan(t.Context(), rebalance.Request{Account: "DEMO-1"})
	require.NoError(t, err)
	require.Empty(t, after.Orders)
}

// TestADryRunSendsNothing: not even when the engine is told to trade.
func TestADryRunSendsNothing(t *testing.T) {
	c := config.Default(filepath.Join(t.TempDir(), "data"))
	require.NoError(t, os.MkdirAll(c.Data, 0o700))
	s := parts.MemoryStores()
	w := open(t, c, s, parts.Options{DryRun: true})
	before, err := w.Engine.Plan(t.Context(), rebalance.Request{Account: "DEMO-1"})
	require.NoError(t, err)
	work(t, w, s, "DEMO-1", rebalance.CommandRebalance)
	after, err := w.Engine.Plan(t.Context(), rebalance.Request{Account: "DEMO-1"})
	require.NoError(t, err)
	require.Len(t, after.Orders, len(before.Orders), "all is still to be traded")
	standing, err := s.Journal.Account(t.Context(), "DEMO-1")
	require.NoError(t, err)
	require.Empty(t, standing.Open, "nothing is thought to be at the broker")
	require.Nil(t, standing.Block)
	require.NoFileExists(t, filepath.Join(c.Data, "paper.json"))
}

func TestFilesInUseAreTold(t *testing.T) {
	c := config.Default(filepath.Join(t.TempDir(), "data"))
	first, err := parts.OpenStores(t.Context(), c, quiet)
	require.NoError(t, err)
	_, err = parts.OpenStores(t.Context(), c, quiet)
	require.Error(t, err)
	require.True(t, parts.InUse(err), "%v", err)
	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "again is nothing")
	second, err := parts.OpenStores(t.Context(), c, quiet)
	require.NoError(t, err)
	require.NoError(t, second.Close())
	require.False(t, parts.InUse(errors.New("another")))
}

// TestAFailedOpeningLeavesNothingOpen: what was opened before the fault is closed.
func TestAFailedOpeningLeavesNothingOpen(t *testing.T) {
	c := config.Default(filepath.Join(t.TempDir(), "data"))
	require.NoError(t, os.MkdirAll(c.Data, 0o700))
	damaged := filepath.Join(c.Data, "journal.db")
	require.NoError(t, os.WriteFile(damaged, []byte("no journal at all, but long enough to be read as one"), 0o600))
	_, err := parts.OpenStores(t.Context(), c, quiet)
	require.ErrorContains(t, err, "parts: journal: ")
	require.NoError(t, os.Remove(damaged))
	s := stores(t, c) // the queue is not in use

	for name, spoil := range map[string]func(*config.Config){
		"parts: broker: ":      func(c *config.Config) { c.Broker.Prices = filepath.Join(c.Data, "none.csv") },
		"parts: allocations: ": func(c *config.Config) { c.Allocations = config.Allocations{Kind: config.KindHTTP, BaseURL: "ftp://x"} },
		"rebalance: ":          func(c *config.Config) { c.Accounts[0].Strategy = "" },
	} {
		bad := *c
		bad.Accounts = append([]config.Account(nil), c.Accounts...)
		spoil(&bad)
		_, err := parts.Open(t.Context(), &bad, s, parts.Options{})
		require.ErrorContains(t, err, name)
	}
	open(t, c, s, parts.Options{})
}

func TestTheTargetsOfTheUserAreNotOverwritten(t *testing.T) {
	c := config.Default(filepath.Join(t.TempDir(), "data"))
	s := stores(t, c)
	path := filepath.Join(c.Data, "allocations.json")
	own := `{"schema": 1, "strategies": {"five-factors": {"targets": {"MTUM": "1"}}}}`
	require.NoError(t, os.WriteFile(path, []byte(own), 0o600))
	w := open(t, c, s, parts.Options{})
	plan, err := w.Engine.Plan(t.Context(), rebalance.Request{Account: "DEMO-1"})
	require.NoError(t, err)
	for _, line := range plan.Lines {
		require.Equal(t, line.Symbol == "MTUM", line.Desired.Sign() > 0, "%s", line.Symbol)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, own, string(text))
}

func TestTheSimulatedGatewayBeginsAnew(t *testing.T) {
	c := config.Simulator(filepath.Join(t.TempDir(), "data"))
	for range 2 {
		require.NoError(t, parts.ForgetSimulator(c))
		s, err := parts.OpenStores(t.Context(), c, quiet)
		require.NoError(t, err)
		runs := 0
		for _, err := range s.Journal.Runs(t.Context(), "") {
			require.NoError(t, err)
			runs++
		}
		require.Zero(t, runs)
		w, err := parts.Open(t.Context(), c, s, parts.Options{})
		require.NoError(t, err)
		plan, err := w.Engine.Plan(t.Context(), rebalance.Request{Account: "DU1234567"})
		require.NoError(t, err)
		require.NotEmpty(t, plan.Orders)
		require.Equal(t, queue.Done, work(t, w, s, "DU1234567", rebalance.CommandSnapshot).State)
		require.NoError(t, w.Close())
		require.NoError(t, s.Close())
	}
	other := config.Default(c.Data)
	s := stores(t, other)
	require.NoError(t, parts.ForgetSimulator(other), "which is none")
	_, err := s.Queue.Publish(t.Context(), queue.Event{Account: "DEMO-1", Command: "rebalance"})
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(c.Data, "queue.db"))
}

// A second daemon on the folder must not take the files away from the first.
func TestTheSimulatorOfADaemonThatRunsIsLeftAlone(t *testing.T) {
	c := config.Simulator(filepath.Join(t.TempDir(), "data"))
	require.Empty(t, parts.OtherStores(c))
	first, err := parts.OpenStores(t.Context(), c, quiet)
	require.NoError(t, err)
	receipt, err := first.Queue.Publish(t.Context(), queue.Event{Account: "DU1234567", Command: "snapshot"})
	require.NoError(t, err)
	err = parts.ForgetSimulator(c)
	require.True(t, parts.InUse(err), "%v", err)
	_, err = parts.OpenStores(t.Context(), c, quiet)
	require.True(t, parts.InUse(err), "%v", err)
	require.NoError(t, first.Close())

	again, err := parts.OpenStores(t.Context(), c, quiet)
	require.NoError(t, err)
	_, err = again.Queue.Entry(t.Context(), receipt.ID)
	require.NoError(t, err, "it is all there")
	require.NoError(t, again.Close())
	require.NoError(t, parts.ForgetSimulator(c))
	for _, name := range []string{"queue.db", "journal.db"} {
		path := filepath.Join(c.Data, "simulator", name)
		require.NoFileExists(t, path)
		require.NoError(t, os.WriteFile(path, []byte("damaged"), 0o600))
	}
	require.Equal(t, filepath.Join(c.Data, "simulator"), parts.OtherStores(config.Default(c.Data)))
	require.NoError(t, parts.ForgetSimulator(c), "what cannot be read is removed too")
	require.NoFileExists(t, filepath.Join(c.Data, "simulator", "queue.db"))
}
