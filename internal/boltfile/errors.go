package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"
)

// What can be wrong with a file. Use errors.Is.
var (
	// ErrInUse: somebody else has the file open.
	ErrInUse = errors.New("file is in use")
	// ErrDamaged: the file was cut off, or is not what was written to it.
	ErrDamaged = errors.New("file is damaged")
	// ErrForeign: the file is none of ours, or one with other content.
	ErrForeign = errors.New("file holds something else")
	// ErrNewerSchema: the file was written by a newer release.
	ErrNewerSchema = errors.New("file of a newer schema")
	// ErrDiskFull: there is no room for what was to be written.
	ErrDiskFull = errors.New("disk is full")
	// ErrClosed: the file was closed.
	ErrClosed = errors.New("file is closed")
	// ErrUnusable: an earlier write failed, and what the disk holds is not known.
	ErrUnusable = errors.New("file is unusable until it is opened again")
)

// explainOpen turns the error of opening a file into one that says what to do.
func explainOpen(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w by another process, or twice by this one: stop the other one, or use another file", ErrInUse)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("it cannot be written: give this process the right to read and write it: %w", err)
	case isFull(err):
		return fmt.Errorf("%w: make room: %w", ErrDiskFull, err)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return damaged("%v", err)
	}
	return err
}

// explainWrite turns the error of a transaction into one that says what to do.
// It reports whether the file may still be used.
func explainWrite(err error) (explained error, usable bool) {
	var path *os.PathError
	switch {
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return ErrClosed, true
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		return fmt.Errorf("%w: the file has reached its limit: raise it, or compact the file: %w", ErrDiskFull, err), true
	case isFull(err) && errors.As(err, &path) && path.Op == "write":
		// Pages in use were not touched: nothing was committed, and nothing broke.
		return fmt.Errorf("%w: make room, then try again: %w", ErrDiskFull, err), true
	}
	return fmt.Errorf("%w: whether this was stored is not known: %w", ErrUnusable, err), false
}

// isFull reports whether there was no room.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// damaged is the error of a file that is not what was written to it.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s: restore it from a copy; do not trade with an older one before the broker was asked",
		ErrDamaged, fmt.Sprintf(format, args...))
}

// recovered runs work and turns a panic of bbolt, or a fault of its memory map,
// into an error. It reports whether there was one.
func recovered(work func() error) (broke bool, err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if p := recover(); p != nil {
			broke, err = true, damaged("%v", p)
		}
	}()
	return false, work()
}
