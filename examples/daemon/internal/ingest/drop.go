package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
)

// The folders beside the dropped files.
const (
	doneFolder     = "done"
	rejectedFolder = "rejected"
)

// Drop publishes the events in the files of a folder until ctx ends. Each file
// *.json holds one event; put it there by renaming, so that it is never seen
// half-written. A file moves to done/ once its event is in the queue, or to
// rejected/ with a text that says why. If the process dies in between, the file
// is read again and its key makes it the same event.
func Drop(ctx context.Context, g *Gate, c config.Drop, logger *slog.Logger) error {
	for _, folder := range []string{doneFolder, rejectedFolder} {
		if err := os.MkdirAll(filepath.Join(c.Folder, folder), 0o700); err != nil {
			return fmt.Errorf("ingest: drop folder: %w", err)
		}
	}
	for {
		if err := sweep(ctx, g, c.Folder, logger); err != nil && ctx.Err() == nil {
			logger.Error("drop folder", "folder", c.Folder, "err", err)
		}
		if !pause(ctx, c.Every) {
			return nil
		}
	}
}

// sweep takes the files that are there.
func sweep(ctx context.Context, g *Gate, folder string, logger *slog.Logger) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var faults []error
	for _, entry := range entries {
		name := entry.Name()
		if !entry.Type().IsRegular() || !strings.HasSuffix(name, ".json") || strings.HasPrefix(name, ".") {
			continue
		}
		if err := take(ctx, g, folder, name, logger); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// take publishes one file and moves it away.
func take(ctx context.Context, g *Gate, folder, name string, logger *slog.Logger) error {
	path := filepath.Join(folder, name)
	data, err := readAtMost(path)
	if err != nil {
		return err
	}
	e, err := Decode(data)
	if err == nil {
		sum := sha256.Sum256(append([]byte(name+"\x00"), data...))
		e.Key = "drop:" + cmp.Or(e.Key, hex.EncodeToString(sum[:]))
		receipt, fault := g.Publish(ctx, e)
		if err = fault; err == nil {
			logger.Info("event dropped in", "file", name, "account", e.Account, "event", receipt.ID, "duplicate", receipt.Duplicate)
			return os.Rename(path, filepath.Join(folder, doneFolder, name))
		}
	}
	if !Refused(err) {
		return err // stays where it is
	}
	logger.Error("file rejected", "file", name, "err", err)
	why := os.WriteFile(filepath.Join(folder, rejectedFolder, name+".why.txt"), []byte(err.Error()+"\n"), 0o600)
	return errors.Join(why, os.Rename(path, filepath.Join(folder, rejectedFolder, name)))
}

// readAtMost reads a file, cut off where it is too long to be an event.
func readAtMost(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxBody+1))
}
