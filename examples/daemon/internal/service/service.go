package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ingest"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/notify"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
	"github.com/evenkeel/evenkeel/rebalance"
	"github.com/evenkeel/evenkeel/rebalance/otel"
)

// Options change how the daemon runs.
type Options struct {
	// DryRun previews everything: what would rebalance is planned and shown,
	// stores are in memory, nothing is sent. Default: false.
	DryRun bool
	// Logger hears of everything. Required.
	Logger *slog.Logger
	// Ready is called once with the address of the API. Default: nobody is told.
	Ready func(address string)
	// Tracker observes runs besides the daemon's own. Default: none.
	Tracker rebalance.Tracker
}

// service is a daemon that runs.
type service struct {
	c      *config.Config
	o      Options
	stores *parts.Stores
	world  *parts.World
	local  *ops.Local
	hub    *web.Hub
	post   *notify.Post
	watch  *watcher
	m      *metrics
	nudge  chan struct{}
	// instance tells this daemon from every other.
	instance string
}

// Run runs the daemon until ctx ends, then drains: it takes no new event, lets
// the runs under way go on for timing.drain, puts down safely what is left, and
// returns. What was put down goes on with the next start.
func Run(ctx context.Context, c *config.Config, o Options) (err error) {
	s := &service{c: c, o: o, hub: web.NewHub(), nudge: make(chan struct{}, 1), instance: rand.Text()}
	listener, err := net.Listen("tcp", c.HTTP.Address)
	if err != nil {
		return fmt.Errorf("%w: service: http.address %q: %w: is another daemon there? stop it, or choose another address", ops.ErrUnavailable, c.HTTP.Address, err)
	}
	defer listener.Close()
	token, err := Token(c)
	if err != nil {
		return err
	}
	if err := s.openStores(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stores.Close()) }()
	outbox, err := s.openPost()
	if err != nil {
		return err
	}
	defer outbox.Close()
	if err := s.openWorld(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.world.Close()) }()
	return s.serve(ctx, listener, token)
}

func (s *service) openStores(ctx context.Context) error {
	if s.o.DryRun {
		s.stores = parts.MemoryStores()
		return nil
	}
	if err := parts.ForgetSimulator(s.c); err != nil {
		return fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	var err error
	if s.stores, err = parts.OpenStores(ctx, s.c, s.o.Logger); err != nil {
		return fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	return nil
}

// openPost opens the outbox; a dry run tells nobody.
func (s *service) openPost() (*notify.Outbox, error) {
	name, notifiers := "outbox.db", s.c.Notify
	if s.o.DryRun {
		name, notifiers = "outbox-dry-run.db", nil
	}
	if err := os.MkdirAll(s.c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("service: data folder: %w", err)
	}
	outbox, err := notify.OpenOutbox(filepath.Join(s.c.Data, name))
	if err != nil {
		return nil, err
	}
	s.post = notify.New(outbox, notifiers, s.o.Logger)
	return outbox, nil
}

// openWorld connects to the broker and makes the engine with all its trackers.
func (s *service) openWorld(ctx context.Context) error {
	var err error
	if s.m, err = newMetrics(); err != nil {
		return err
	}
	trackers := []rebalance.Tracker{s.m.tracker, s.hub, s.post, rebalance.TrackerFunc(func(_ context.Context, p rebalance.Progress) {
		if p.Result != nil {
			select {
			case s.nudge <- struct{}{}:
			default:
			}
		}
	})}
	if s.o.Tracker != nil {
		trackers = append(trackers, s.o.Tracker)
	}
	s.world, err = parts.Open(ctx, s.c, s.stores, parts.Options{
		DryRun: s.o.DryRun, Tracker: rebalance.Trackers(trackers...), Logger: s.o.Logger,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	s.watch = &watcher{
		c: s.c, world: s.world, stores: s.stores, hub: s.hub, metrics: s.m, waiting: s.post.Waiting, dryRun: s.o.DryRun,
	}
	s.local = &ops.Local{
		Queue: s.stores.Queue, Journal: s.stores.Journal, Accounts: parts.Accounts(s.c), Plan: s.world.Engine.Plan, Switchboard: s.world.Engine,
		Fill: s.watch.fill,
	}
	if s.o.DryRun {
		s.local.Convert = dry
	}
	return nil
}

// dry makes every command one that changes nothing.
func dry(c rebalance.Command) rebalance.Command {
	if c == rebalance.CommandSnapshot || c == rebalance.CommandHealth {
		return c
	}
	return rebalance.CommandPreview
}

// serve starts everything, and ends it in order: first what brings events, then
// the engine, then what tells of it.
func (s *service) serve(ctx context.Context, listener net.Listener, token config.Secret) error {
	found, err := s.world.Engine.Recover(ctx)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	for _, r := range found {
		s.o.Logger.Warn("an earlier process left something open", "account", r.Account, "intents", r.Open, "runs", r.Unfinished, "event", r.Event)
	}
	if !s.o.DryRun { // which may run beside the daemon that owns the folder
		forget, err := announce(s.c, listener.Addr(), s.instance)
		if err != nil {
			return err
		}
		defer forget()
	}

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	telling, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	var feeders, tellers sync.WaitGroup
	server := s.server(token)
	tellers.Go(func() {
		if err := server.Serve(telling, listener); err != nil {
			stop(fmt.Errorf("service: http: %w", err))
		}
	})
	tellers.Go(func() { s.post.Run(telling) })
	tellers.Go(func() { s.watch.run(telling, s.nudge) })
	tellers.Go(func() {
		if err := otel.Watch(telling, s.world.Engine, s.m.provider, otel.WatchOptions{}); err != nil {
			s.o.Logger.Error("no gauges of the health", "err", err)
		}
	})
	s.feed(ctx, &feeders, stop)
	s.watch.serving.Store(true)
	s.o.Logger.Info("serving", "address", listener.Addr().String(), "accounts", len(s.c.Accounts), "paper", s.c.PaperMoney(), "dry_run", s.o.DryRun)
	if s.o.Ready != nil {
		s.o.Ready(listener.Addr().String())
	}

	draining := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		defer close(draining)
		s.watch.draining.Store(true)
		s.hub.Tell(web.Change{Time: time.Now(), What: "look"})
		s.o.Logger.Info("draining: no new event is taken, runs under way go on")
	})
	err = s.world.Engine.Run(ctx)
	if !undo() {
		<-draining
	}
	s.watch.serving.Store(false)
	stop(nil)
	feeders.Wait()
	hush()
	tellers.Wait()
	s.m.tracker.Close()
	s.o.Logger.Info("stopped")
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// feed starts what brings events.
func (s *service) feed(ctx context.Context, feeders *sync.WaitGroup, stop context.CancelCauseFunc) {
	gate := &ingest.Gate{Verbs: s.local}
	if s.o.DryRun {
		feeders.Go(func() { s.preview(ctx) })
	}
	for i := range s.c.Schedules {
		feeders.Go(func() { ingest.Schedule(ctx, gate, &s.c.Schedules[i], s.o.Logger) })
	}
	if s.c.Drop.Folder != "" {
		feeders.Go(func() {
			if err := ingest.Drop(ctx, gate, s.c.Drop, s.o.Logger); err != nil {
				stop(err)
			}
		})
	}
	if s.c.Stream.URL != "" {
		feeders.Go(func() {
			if err := ingest.Stream(ctx, gate, s.c.Stream, s.o.Logger); err != nil {
				stop(err)
			}
		})
	}
}

// preview asks for a plan of each account, so that a dry run shows something before
// a schedule is due.
func (s *service) preview(ctx context.Context) {
	for i := range s.c.Accounts {
		id := s.c.Accounts[i].ID
		if slices.ContainsFunc(s.c.Schedules, func(one config.Schedule) bool {
			return one.AtStart && one.Command == rebalance.CommandRebalance && slices.Contains(one.Accounts, id)
		}) {
			continue // it shows the same
		}
		if _, err := s.local.Enqueue(ctx, ops.NewEvent{Account: id, Command: rebalance.CommandPreview}); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("no preview", "account", id, "err", err)
		}
	}
}

func (s *service) server(token config.Secret) *web.Server {
	var hook http.Handler
	if s.c.Webhook.Secret != "" {
		hook = ingest.Webhook(&ingest.Gate{Verbs: s.local}, s.c.Webhook.Secret)
	}
	return web.New(web.Config{
		Verbs: s.local, Health: s.world.Engine.Health, Live: s.world.Engine.Live, Ready: s.watch.ready, Metrics: s.m.handler,
		Hook: hook, Token: token, Instance: s.instance, Hosts: s.c.HTTP.Hosts, Hub: s.hub, Logger: s.o.Logger,
	})
}
