package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// host is what package redistest needs of a test, for a program that is none.
// What fails the test is a panic here; see [host.try].
type host struct {
	testing.TB // nil: a method that is not here is a mistake

	mu       sync.Mutex
	cleanups []func()
}

// hostError is what a host panics with.
type hostError struct{ err error }

func (h *host) Helper()                           {}
func (h *host) Context() context.Context          { return context.Background() }
func (h *host) Logf(string, ...any)               {}
func (h *host) Errorf(format string, args ...any) { h.Fatalf(format, args...) }
func (h *host) Fatal(args ...any)                 { panic(hostError{errors.New(fmt.Sprint(args...))}) }
func (h *host) Fatalf(format string, args ...any) { panic(hostError{fmt.Errorf(format, args...)}) }
func (h *host) Skip(args ...any)                  { h.Fatal(args...) }
func (h *host) Skipf(format string, args ...any)  { h.Fatalf(format, args...) }

// Cleanup notes what close does, the last first.
func (h *host) Cleanup(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cleanups = append(h.cleanups, f)
}

// TempDir makes a folder that close removes.
func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "ek")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// close cleans up.
func (h *host) close() {
	h.mu.Lock()
	list := h.cleanups
	h.cleanups = nil
	h.mu.Unlock()
	for i := len(list) - 1; i >= 0; i-- {
		list[i]()
	}
}

// try makes an error of what fails inside.
func (h *host) try(do func()) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case hostError:
			err = v.err
		default:
			panic(v)
		}
	}()
	do()
	return nil
}
