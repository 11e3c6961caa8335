package parts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// Stores are the queue and the journal. Close them.
type Stores struct {
	Queue   ops.Queue
	Journal journal.Journal
	closers
}

// closers are ended in reverse.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

// Close ends what was opened, the last first.
func (c *closers) Close() error {
	var faults []error
	for i := len(*c) - 1; i >= 0; i-- {
		faults = append(faults, (*c)[i]())
	}
	*c = nil
	return errors.Join(faults...)
}

// InUse reports whether an error says that another process has the files.
func InUse(err error) bool {
	return errors.Is(err, boltqueue.ErrInUse) || errors.Is(err, boltjournal.ErrInUse)
}

// MemoryStores are for a dry run: nothing of it stays.
func MemoryStores() *Stores {
	return &Stores{Queue: memqueue.New(memqueue.Options{}), Journal: journal.NewMemory(journal.MemoryOptions{})}
}

// OpenStores opens the queue and the journal.
func OpenStores(ctx context.Context, c *config.Config, logger *slog.Logger) (*Stores, error) {
	folder := c.Data
	if c.Broker.Simulator {
		folder = filepath.Join(c.Data, simulatorFolder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("parts: data folder: %w", err)
	}
	s := &Stores{}
	if err := s.openQueue(ctx, c, folder, logger); err != nil {
		return nil, err
	}
	if err := s.openJournal(ctx, c, folder, logger); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stores) openQueue(ctx context.Context, c *config.Config, folder string, logger *slog.Logger) error {
	if c.Queue.Kind == config.KindRedis {
		o := c.Queue.Redis
		o.OnWarning = func(err error) { logger.Warn("redis queue", "err", err) }
		o.OnFailover = func(was, is string) { logger.Error("another redis server answers", "was", was, "is", is) }
		q, err := redisqueue.Dial(ctx, c.Queue.URL.Reveal(), o)
		if err != nil {
			return fmt.Errorf("parts: queue: %w", err)
		}
		s.Queue = q
		s.add(q.Close)
		return nil
	}
	q, err := boltqueue.Open(filepath.Join(folder, "queue.db"), &c.Queue.Bolt)
	if err != nil {
		return fmt.Errorf("parts: queue: %w", err)
	}
	s.Queue = q
	s.add(q.Close)
	return nil
}

func (s *Stores) openJournal(ctx context.Context, c *config.Config, folder string, logger *slog.Logger) error {
	if c.Journal.Kind == config.KindRedis {
		o := c.Journal.Redis
		o.Logger = logger
		j, err := redisjournal.Open(ctx, c.Journal.URL.Reveal(), o)
		if err != nil {
			return fmt.Errorf("parts: journal: %w", err)
		}
		s.Journal = j
		s.add(j.Close)
		return nil
	}
	j, err := boltjournal.Open(filepath.Join(folder, "journal.db"), &c.Journal.Bolt)
	if err != nil {
		return fmt.Errorf("parts: journal: %w", err)
	}
	s.Journal = j
	s.add(j.Close)
	return nil
}
