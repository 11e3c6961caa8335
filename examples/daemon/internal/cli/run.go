package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/service"
	"github.com/evenkeel/evenkeel/rebalance"
)

// spare is how long the daemon may take to stop beyond its drain time.
const spare = 20 * time.Second

// run runs the daemon until it is told to stop, and in bounded time after that.
func run(ctx context.Context, c *call) error {
	if len(c.args) > 0 {
		return fmt.Errorf("%w: %q: run takes flags only; another sub-command stands before its flags, such as daemon status -data folder", errUsage, c.args)
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx, cfg, c.options(cfg)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends it at once
	limit := time.NewTimer(cmp.Or(cfg.Timing.Drain, 30*time.Second) + spare)
	defer limit.Stop()
	select {
	case err := <-ended:
		if errors.Is(err, context.Canceled) {
			return nil // it was told to stop while it still connected
		}
		return err
	case <-limit.C:
		return errStuck
	}
}

func (c *call) options(cfg *config.Config) service.Options {
	return service.Options{
		DryRun: c.dryRun, Logger: c.logger(cfg),
		Ready: func(address string) {
			fmt.Fprintf(c.Stdout, "evenkeel serves %d account(s)%s\n  operations page  http://%s\n", len(cfg.Accounts), c.kind(cfg), address)
			if cfg.HTTP.Token == "" {
				fmt.Fprintf(c.Stdout, "  its token        in the file %s\n", filepath.Join(cfg.Data, service.TokenFile))
			}
			fmt.Fprintf(c.Stdout, "  stop it          ctrl-c, or SIGTERM\n")
		},
		Tracker: rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) { c.tell(p) }),
	}
}

// kind says what the money is.
func (c *call) kind(cfg *config.Config) string {
	switch {
	case c.dryRun:
		return ", as a dry run: nothing is sent"
	case cfg.Broker.Simulator:
		return " at a simulated gateway, which begins anew each time"
	case cfg.Simulated():
		return " of paper money, kept in " + filepath.Join(cfg.Data, "paper.json")
	case cfg.PaperMoney():
		return " of paper money, at " + cfg.Broker.Gateway.Address
	}
	return " with REAL MONEY, at " + cfg.Broker.Gateway.Address
}

// tell writes a line for each end of a run, and the plan of a preview.
func (c *call) tell(p rebalance.Progress) {
	r := p.Result
	if r == nil {
		return
	}
	fmt.Fprintf(c.Stdout, "%s  %s %s: %s%s\n", when(p.Time), r.Command, clean(r.Account), strings.TrimSpace(string(r.Outcome)+" "+string(r.Reason)), told(r))
	if c.dryRun && r.Plan != nil {
		fmt.Fprintln(c.Stdout, r.Plan.Table())
	}
}

// told is what a result is in half a line.
func told(r *rebalance.Result) string {
	if r.Outcome == rebalance.Completed && r.Before != nil && r.After != nil {
		return fmt.Sprintf(": %d orders, furthest off %s before, %s after", len(r.Orders), percent(r.Before.Drift), percent(r.After.Drift))
	}
	if r.Detail != "" {
		return ": " + clean(r.Detail)
	}
	return ""
}

// check validates the configuration and asks every dependency.
func check(ctx context.Context, c *call) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if c.onlyConfig {
		_, err := fmt.Fprintln(c.Stdout, "the configuration is right")
		return err
	}
	ended := c.progress("asking every dependency")
	report, err := c.probe(ctx, cfg)
	ended()
	if err != nil {
		return err
	}
	err = c.show(report, func() error {
		t := c.table()
		fmt.Fprintln(t, "CHECK\tSTATE\tNEEDED\tDETAIL")
		for _, one := range report.Checks {
			state, needed := "ok", ""
			if !one.OK {
				state = "FAILED"
			}
			if one.Needed {
				needed = "yes"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", one.Name, state, needed, clean(one.Detail))
		}
		return t.Flush()
	})
	if err != nil {
		return err
	}
	for _, one := range report.Checks {
		if !one.OK {
			return fmt.Errorf("%w: a check failed", errBadNews)
		}
	}
	return nil
}

// probe asks the daemon that runs, or connects to everything.
func (c *call) probe(ctx context.Context, cfg *config.Config) (*rebalance.Report, error) {
	token, err := service.Token(cfg)
	if err != nil {
		return nil, err
	}
	if remote := c.remote(ctx, cfg, token); remote != nil {
		s, err := remote.Status(ctx)
		if err == nil && s.Health == nil {
			err = fmt.Errorf("%w: the daemon has only just begun", ops.ErrUnavailable)
		}
		return s.Health, err
	}
	stores, err := parts.OpenStores(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	defer stores.Close()
	world, err := parts.Open(ctx, cfg, stores, parts.Options{DryRun: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	report := world.Engine.Health(ctx)
	return &report, world.Close()
}
