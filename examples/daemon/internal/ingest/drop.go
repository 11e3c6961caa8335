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
	"time"

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
// rejected/ with a text that says why; one that is no event as it stands, but was
// written to a moment ago, is looked at again first. If the process dies in between,
// the file is read again, and its key makes it the same event: the one that it
// holds, or else its name, its content and when it was written. Links and folders
// are left alone.
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
	data, written, err := readAtMost(path)
	if err != nil {
		return err
	}
	e, err := Decode(data)
	if err != nil && len(data) <= MaxBody && time.Since(written).Abs() < halfWritten {
		return nil
	}
	if err == nil {
		sum := sha256.Sum256(append(fmt.Appendf(nil, "%s\x00%d\x00", name, written.UnixNano()), data...))
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

// halfWritten is how long ago a file must have been written to that is no event,
// before it is rejected: a sender that does not rename it may still write it.
const halfWritten = 5 * time.Second

// readAtMost reads a file, cut off where it is too long to be an event, and says
// when it was last written to.
func readAtMost(path string) ([]byte, time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBody+1))
	return data, info.ModTime(), err
}
