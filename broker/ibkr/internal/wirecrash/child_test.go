package wirecrash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

const (
	account       = broker.AccountID("DU1234567")
	clientID      = 17
	lease         = 700 * time.Millisecond
	childArgument = "wirecrash-child"
)

// childSpec is what a child is told.
type childSpec struct {
	Gateway string
	Dir     string
	Kill    string // the step at which it kills itself
	Bug     string // for the test of the test
}

// childReport is what a child says when it has finished all work.
type childReport struct {
	Steps     map[string]int
	Unblocked int
}

// childMain is the main function of a child.
func childMain(argument string) int {
	var spec childSpec
	if err := json.Unmarshal([]byte(argument), &spec); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	report, err := child(ctx, &spec)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return 1
	}
	return 0
}

// child runs the engine until all events have ended.
func child(ctx context.Context, spec *childSpec) (*childReport, error) {
	steps := &points{kill: spec.Kill, counts: map[string]int{}}
	q, err := boltqueue.Open(filepath.Join(spec.Dir, "queue.db"), &boltqueue.Options{Lease: lease, MaxCrashes: 1000, LockWait: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	defer q.Close()
	j, err := boltjournal.Open(filepath.Join(spec.Dir, "journal.db"), &boltjournal.Options{KeepRuns: -1, LockWait: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	b, err := ibkr.Open(ctx, gatewayConfig(spec.Gateway))
	if err != nil {
		return nil, err
	}
	defer b.Close()
	x := pointBroker{b, b, steps}
	cfg, err := engineConfig()
	if err != nil {
		return nil, err
	}
	cfg.Broker, cfg.Prices = x, x
	if spec.Bug == bugSendAgain {
		cfg.Broker = sendsAgain{x, b}
	}
	cfg.Journal, cfg.Queue = pointJournal{j, steps}, pointQueue{q, steps}
	engine, err := rebalance.New(cfg)
	if err != nil {
		return nil, err
	}
	report := &childReport{}
	w := &worker{queue: cfg.Queue, admin: q, journal: j, engine: engine}
	if report.Unblocked, err = w.work(ctx); err != nil {
		return nil, err
	}
	report.Steps = steps.reached()
	return report, nil
}

// gatewayConfig waits for nothing longer than it must.
func gatewayConfig(address string) ibkr.Config {
	hour := time.Duration((time.Now().UTC().Hour()+12)%24) * time.Hour
	never := &ibkr.Window{From: hour, To: hour + time.Minute, Zone: "UTC"}
	return ibkr.Config{
		Address: address, ClientID: clientID, Restart: never, Login: never,
		Accounts: []ibkr.Account{{ID: account, Mode: broker.Paper, Type: broker.Margin}},
		Timing: ibkr.Timing{
			Connect: 5 * time.Second, Retry: 20 * time.Millisecond, LongestRetry: 100 * time.Millisecond, Retries: 100,
			Settle: 50 * time.Millisecond, Answer: 5 * time.Second, Acknowledge: 300 * time.Millisecond, Stable: time.Millisecond, Quiet: 50 * time.Millisecond,
		},
	}
}

func engineConfig() (rebalance.Config, error) {
	source, err := allocation.NewStatic(allocation.Rules{}, allocation.Allocation{
		Schema: allocation.Schema, Strategy: "core",
		Targets: []allocation.Target{{Symbol: "AAPL", Weight: decimal.New(5, -1)}, {Symbol: "MSFT", Weight: decimal.New(5, -1)}},
	})
	if err != nil {
		return rebalance.Config{}, err
	}
	policy := rebalance.DefaultPolicy()
	policy.Reserve.Fraction = decimal.New(1, -2)
	policy.Band.Absolute = decimal.NewNullDecimal(decimal.New(1, -2))
	quick := func(retries int, total time.Duration) retry.Policy {
		return retry.NewBackoff(retry.BackoffOptions{Initial: 10 * time.Millisecond, Max: 100 * time.Millisecond, Retries: retries, MaxElapsed: total})
	}
	var log *slog.Logger
	if os.Getenv("EVENKEEL_WIRECRASH_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return rebalance.Config{
		Allocations: source, Logger: log,
		Accounts: []rebalance.Account{{ID: account, Mode: broker.Paper, Strategy: "core", Policy: &policy}},
		Timing: rebalance.Timing{
			Acknowledge: 500 * time.Millisecond, Complete: 3 * time.Second, Cancel: time.Second, Settle: 2 * time.Second,
			Sweep: 700 * time.Millisecond, LeaseMargin: 100 * time.Millisecond, Drain: 2 * time.Second,
		},
		Events: rebalance.EventPolicy{
			Attempts: 50, First: 20 * time.Millisecond, Factor: 2, Longest: 100 * time.Millisecond, Recheck: 100 * time.Millisecond,
		},
		Policies: rebalance.Policies{Broker: quick(3, 0), Prices: quick(3, 0), Resolve: quick(retry.Unlimited, 5*time.Second)},
	}, nil
}

// worker runs the engine and is its operator.
type worker struct {
	queue   queue.EventQueue
	admin   queue.Admin
	journal *boltjournal.Journal
	engine  *rebalance.Engine
}

// work publishes an event, and when it has ended two more, which make good what
// the ones before could not. If the account is blocked the operator, who has
// looked at the broker, unblocks it.
func (w *worker) work(ctx context.Context) (unblocked int, err error) {
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, _ = w.engine.Recover(running)
		done <- w.engine.Run(running)
	}()
	for _, key := range []string{"first", "second", "third"} {
		n, fault := w.serve(ctx, key)
		unblocked += n
		if fault != nil {
			err = fault
			break
		}
	}
	stop()
	return unblocked, errors.Join(err, <-done)
}

// serve waits until an event has ended.
func (w *worker) serve(ctx context.Context, key string) (unblocked int, err error) {
	receipt, err := w.queue.Publish(ctx, queue.Event{Key: key, Account: string(account), Command: string(rebalance.CommandRebalance)})
	if err != nil {
		return 0, err
	}
	blocks := map[string]bool{}
	defer func() { unblocked = len(blocks) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		entry, err := w.admin.Entry(ctx, receipt.ID)
		if err != nil {
			return 0, err
		}
		standing, err := w.journal.Account(ctx, account)
		if err != nil {
			return 0, err
		}
		switch {
		case standing.Block != nil:
			unblock := "unblock-" + standing.Block.Time.UTC().Format(time.RFC3339Nano)
			if _, err := w.queue.Publish(ctx, queue.Event{
				Key: unblock, Account: string(account), Command: string(rebalance.CommandUnblock),
				Payload: json.RawMessage(`{"operator":"test","reason":"the broker does not have it","force":true}`),
			}); err != nil {
				return 0, err
			}
			blocks[unblock] = true
		case entry.State == queue.Dead:
			return 0, fmt.Errorf("event %s is dead: %+v", key, entry.History)
		case entry.State == queue.Done:
			return 0, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("event %s has not ended, it is %s; all events: %s", key, entry.State, w.events())
		}
	}
}

// events tells what became of all events.
func (w *worker) events() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var b strings.Builder
	for _, state := range []queue.State{queue.Queued, queue.Delayed, queue.Leased, queue.Held, queue.Dead, queue.Done, queue.Superseded} {
		for e, err := range w.admin.Entries(ctx, state) {
			if err != nil {
				return b.String() + err.Error()
			}
			fmt.Fprintf(&b, "\n%s %s is %s", e.Event.Command, e.Event.Key, e.State)
			for _, h := range e.History[max(len(e.History)-6, 0):] {
				fmt.Fprintf(&b, "\n  %s %s %s %s", h.Time.Format(time.TimeOnly), h.What, h.Class, h.Detail)
			}
		}
	}
	return b.String()
}

// bugSendAgain makes a child that sends each order twice, under two references.
const bugSendAgain = "send again"

type sendsAgain struct {
	pointBroker
	inner broker.Broker
}

func (s sendsAgain) Place(ctx context.Context, o broker.Order) (broker.OrderState, error) {
	twin := o
	twin.ID = o.ID[:len(o.ID)-1] + "~"
	if _, err := s.inner.Place(ctx, twin); err != nil {
		return broker.OrderState{}, err
	}
	return s.pointBroker.Place(ctx, o)
}
