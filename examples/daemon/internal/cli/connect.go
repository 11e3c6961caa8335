package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/client"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/service"
)

// config reads the configuration and what flags say otherwise.
func (c *call) config() (*config.Config, error) {
	var cfg *config.Config
	switch {
	case c.configFile != "":
		var err error
		if cfg, err = config.Load(c.configFile, c.Environ); err != nil {
			return nil, err
		}
		if c.simulator && !cfg.Broker.Simulator {
			return nil, fmt.Errorf("%w: -simulator stands beside -config: write broker: {kind: ibkr, simulator: true} into the file", errUsage)
		}
	case c.simulator:
		cfg = config.Simulator("evenkeel-data")
	default:
		cfg = config.Default("evenkeel-data")
	}
	if c.data != "" {
		cfg.Data = c.data
	}
	if c.address != "" {
		cfg.HTTP.Address = c.address
		if err := cfg.HTTP.CheckAddress(); err != nil {
			return nil, fmt.Errorf("%w: -http %w", errUsage, err)
		}
	}
	return cfg, nil
}

// logger writes to standard error.
func (c *call) logger(cfg *config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.Stderr, options))
}

// connection is a way to do the verbs. Close it.
type connection struct {
	ops.Verbs
	cfg   *config.Config
	Local bool // no daemon runs, the stores were opened
	close func() error
}

// Close ends it.
func (c *connection) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// connect finds the daemon that runs, or opens the stores.
func (c *call) connect(ctx context.Context) (*connection, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	if err := c.something(cfg); err != nil {
		return nil, err
	}
	token, err := service.Token(cfg)
	if err != nil {
		return nil, err
	}
	if remote := c.remote(ctx, cfg, token); remote != nil {
		return &connection{Verbs: remote, cfg: cfg}, nil
	}
	logger := slog.New(slog.DiscardHandler)
	stores, err := parts.OpenStores(ctx, cfg, logger)
	if parts.InUse(err) {
		return nil, fmt.Errorf("%w: the files of %s are in use, but the daemon that has them does not answer: "+
			"does it start or stop just now? Else name its address with -http", ops.ErrUnavailable, cfg.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	c.mention(cfg)
	local := &ops.Local{Queue: stores.Queue, Journal: stores.Journal, Accounts: parts.Accounts(cfg)}
	local.Fill = func(_ context.Context, s *ops.Status) { s.Paper = cfg.PaperMoney() }
	return &connection{Verbs: local, cfg: cfg, Local: true, close: stores.Close}, nil
}

// mention tells of stores beside those that are shown: a daemon with -simulator
// keeps its own in the same data folder.
func (c *call) mention(cfg *config.Config) {
	other := parts.OtherStores(cfg)
	if other == "" {
		return
	}
	with, shown := "with -simulator", "the daemon without -simulator"
	if cfg.Broker.Simulator {
		with, shown = "without -simulator", "the daemon with -simulator"
	}
	if c.configFile != "" {
		with = "with its own configuration"
	}
	fmt.Fprintf(c.Stderr, "daemon: this is what %s left; another one, with other accounts, left its own in %s: see it %s\n", shown, clean(other), with)
}

// something makes sure that an operator changes something that is there: a kill
// in a folder that was never used stops nobody.
func (c *call) something(cfg *config.Config) error {
	if !c.changes || c.address != "" && !strings.HasSuffix(c.address, ":0") || cfg.Queue.Kind == config.KindRedis && cfg.Journal.Kind == config.KindRedis {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(cfg.Data, "*.db"))
	if err == nil && len(files) > 0 || cfg.Broker.Simulator {
		return nil
	}
	return fmt.Errorf("%w: no daemon runs on the data folder %s, and none ever did: nothing was changed; is it another one? see -config and -data", ops.ErrUnavailable, cfg.Data)
}

// remote finds the daemon: the one that works on the data folder, or the one at
// the address that -http names. It is nil if there is none.
func (c *call) remote(ctx context.Context, cfg *config.Config, token config.Secret) *client.Client {
	if address, instance, ok := service.Endpoint(cfg); ok {
		if remote := client.New(address, token); remote.Alive(ctx, instance) {
			return remote
		}
	}
	if c.address == "" || strings.HasSuffix(c.address, ":0") {
		return nil
	}
	if remote := client.New(c.address, token); remote.Alive(ctx, "") {
		return remote
	}
	return nil
}

// with connects, does something, and disconnects.
func (c *call) with(ctx context.Context, do func(*connection) error) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close())
}

// whole is a connection that can also preview: it connects to the broker if no
// daemon runs.
func (c *call) whole(ctx context.Context, do func(*connection) error) error {
	return c.with(ctx, func(conn *connection) error {
		local, ok := conn.Verbs.(*ops.Local)
		if !ok {
			return do(conn)
		}
		ended := c.progress("connecting to the broker")
		connecting, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		stores := &parts.Stores{Queue: local.Queue, Journal: local.Journal}
		world, err := parts.Open(connecting, conn.cfg, stores, parts.Options{DryRun: true})
		ended()
		if err != nil {
			return fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
		}
		local.Plan = world.Engine.Plan
		return errors.Join(do(conn), world.Close())
	})
}
