package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
)

// storeSpec says how a process opens the durable stores of a run.
type storeSpec struct {
	Kind string // one of the kinds
	// Path is a socket for memory, a folder for bolt.
	Path string
	// Shared has bolt keep the queue and the journal in one file.
	Shared bool
	// Addr and Prefix are for Redis.
	Addr, Prefix string
}

// The kinds of stores.
const (
	kindMemory = "memory" // in the parent process, for several workers
	kindBolt   = "bolt"   // files, for one worker
	kindRedis  = "redis"  // a server, for several workers
)

// stores are an open queue and an open journal.
type stores struct {
	queue   queue.EventQueue
	admin   queue.Admin
	journal journal.Journal
	close   func() error
}

// open opens the stores.
func (s storeSpec) open() (*stores, error) {
	switch s.Kind {
	case kindMemory:
		return openMemory(s.Path)
	case kindBolt:
		return openBolt(s.Path, s.Shared)
	case kindRedis:
		return openRedis(s.Addr, s.Prefix)
	}
	return nil, fmt.Errorf("crashtest: store %q is none of %s, %s, %s", s.Kind, kindMemory, kindBolt, kindRedis)
}

// files are where bolt keeps what.
func files(dir string) (queuePath, journalPath string) {
	return filepath.Join(dir, "queue.db"), filepath.Join(dir, "journal.db")
}

// closeAll closes in order.
func closeAll(closers ...func() error) func() error {
	return func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
}
