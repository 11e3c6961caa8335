package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/remotebroker"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/retry"
)

// childSpec is what a worker process is told, as JSON in its argument.
type childSpec struct {
	Seed     uint64
	Name     string
	Exchange string // socket
	Control  string // socket
	Store    storeSpec
	Breakers breakerPlan
	Verbose  bool
	Bug      string // for tests of the tests
}

// The exit codes of a worker.
const (
	exitDrained   = 0
	exitFailed    = 3 // a mistake
	exitNoStore   = 4 // the stores cannot be opened now
	exitNoParent  = 5
	childArgument = "worker"
)

// childMain is the main function of a worker process.
func childMain(argument string) int {
	var spec childSpec
	if err := json.Unmarshal([]byte(argument), &spec); err != nil {
		fmt.Fprintln(os.Stderr, "crashtest: worker:", err)
		return exitFailed
	}
	conn, err := net.Dial("unix", spec.Control)
	if err != nil {
		return exitNoParent
	}
	c := &child{spec: spec, control: rpc.NewClient(conn)}
	code, err := c.run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashtest: worker:", err)
	}
	return code
}

// child is a worker process.
type child struct {
	spec    childSpec
	control *rpc.Client
}

// run runs an engine until the parent wants it to stop.
func (c *child) run() (int, error) {
	st, err := c.spec.Store.open()
	if err != nil {
		return exitNoStore, err
	}
	x := remotebroker.NewClient("unix", c.spec.Exchange, c.spec.Name)
	var log *os.File
	if c.spec.Verbose {
		log = os.Stderr
	}
	cfg, err := scenarioOf(c.spec.Seed).config(log)
	if err != nil {
		return exitFailed, err
	}
	cfg.Broker, cfg.Prices = x, x
	cfg.Journal, cfg.Queue = pointJournal{st.journal, c.point}, pointQueue{st.queue, c.point}
	if err := infect(&cfg, c.spec.Bug); err != nil {
		return exitFailed, err
	}
	engine, err := rebalance.New(cfg)
	if err != nil {
		return exitFailed, err
	}
	if err := c.work(engine, &cfg, st); err != nil {
		return exitFailed, err
	}
	if err := closeAll(st.close, x.Close)(); err != nil {
		return exitFailed, err
	}
	return exitDrained, nil
}

// work runs the engine and does jobs beside it.
func (c *child) work(engine *rebalance.Engine, cfg *rebalance.Config, st *stores) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var all sync.WaitGroup
	var failed error
	all.Go(func() {
		recovering, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, _ = engine.Recover(recovering) // a store that is down is no mistake
		cancel()
		failed = engine.Run(ctx)
	})
	c.serve(ctx, engine, cfg, st)
	stop()
	all.Wait()
	return failed
}

// serve does jobs until there is one to stop.
func (c *child) serve(ctx context.Context, engine *rebalance.Engine, cfg *rebalance.Config, st *stores) {
	seen := map[string]retry.State{}
	for {
		var job Job
		if err := c.control.Call("Control.Next", c.spec.Name, &job); err != nil {
			os.Exit(exitNoParent)
		}
		c.watch(engine, seen)
		if job.Calm && c.spec.Breakers == breakersHelped {
			_ = closeBreakers(engine) // there are such
		}
		report := Report{Worker: c.spec.Name, Job: job}
		bounded, cancel := context.WithTimeout(ctx, jobTime/2)
		var err error
		switch job.Kind {
		case jobDrain:
			cancel()
			return
		case jobPublish:
			report.Receipt, err = cfg.Queue.Publish(bounded, job.Event)
		case jobCount:
			report.Stats, err = st.admin.Stats(bounded)
			for i := range cfg.Accounts {
				id := cfg.Accounts[i].ID
				if standing, fault := st.journal.Account(bounded, id); fault == nil && standing.Block != nil {
					report.Blocked = append(report.Blocked, id)
				}
			}
		}
		cancel()
		if job.Kind == jobNone {
			continue
		}
		if err != nil {
			report.Err = err.Error()
		}
		if err := c.control.Call("Control.Done", report, &struct{}{}); err != nil {
			os.Exit(exitNoParent)
		}
	}
}

// storeBreakers are those that stop the claiming of events.
var storeBreakers = []string{rebalance.BreakerJournal, rebalance.BreakerQueue}

func closeBreakers(engine *rebalance.Engine) error {
	for _, name := range storeBreakers {
		if err := engine.ForceBreaker(name, retry.ForceClosed); err != nil {
			return err
		}
	}
	return nil
}

// watch tells the parent what became of the breakers since it looked last.
func (c *child) watch(engine *rebalance.Engine, seen map[string]retry.State) {
	states := engine.Breakers()
	for _, name := range storeBreakers {
		was, is := seen[name], states[name]
		seen[name] = is
		if is == was || is == retry.HalfOpen {
			continue
		}
		if err := c.control.Call("Control.Saw", fmt.Sprintf("breaker of the %s %v", name, is), &struct{}{}); err != nil {
			os.Exit(exitNoParent)
		}
	}
}

// point tells the parent where this process is, and waits until it may go on.
func (c *child) point(name, account string) {
	if err := c.control.Call("Control.Point", PointArgs{c.spec.Name, name, account}, &struct{}{}); err != nil {
		os.Exit(exitNoParent)
	}
}
