package boltqueue

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/boltfile"
)

// Options tunes a [Queue]. The zero value has the defaults.
type Options struct {
	// Lease is how long a delivery may go without an extension. Default: 30 s.
	Lease time.Duration
	// MaxCrashes is how many deliveries of an event may end by their lease
	// running out; then the event is dead. Default: 3.
	MaxCrashes int
	// MaxEvents bounds the events that did not end, the dead ones included.
	// Default: 1,000,000.
	MaxEvents int
	// MaxPerAccount bounds the line of an account: its queued, delayed and leased
	// events. Default: 100.
	MaxPerAccount int
	// History is how many items of history an event keeps, at least 50.
	// Default: 50.
	History int
	// Retain is how long an event that ended is kept, and the token of an
	// operator's action. At least KeyWindow. Default: 30 days.
	Retain time.Duration
	// RetainDead is how long a dead event is kept that nobody asked for again.
	// Default: until an operator acts.
	RetainDead time.Duration
	// KeepDone is how many events that ended are kept beyond KeyWindow.
	// Default: 100,000.
	KeepDone int
	// KeyWindow is for how long after its end an event's Key and ID are known in
	// any case. Default: 7 days.
	KeyWindow time.Duration
	// LockWait is how long [Open] waits for another process to close the file.
	// Default: 1 s.
	LockWait time.Duration
	// MaxBytes bounds the size of the file. Default: not bounded.
	MaxBytes int64
	// CheckLimit is up to which size, in bytes, the whole file is checked when it
	// is opened. Default: 64 MiB.
	CheckLimit int64
	// Now says what time it is. It must not use the queue. Default: time.Now.
	Now func() time.Time
	// NewID makes the ID of an event: printable ASCII, never the same twice. It
	// must not use the queue. Default: 26 random letters and digits.
	NewID func() string
}

// filled returns the options with the defaults, or every fault, joined.
func (o *Options) filled() (Options, error) {
	var f Options
	if o != nil {
		f = *o
	}
	var faults []error
	for _, n := range [...]struct {
		name  string
		value int64
	}{
		{"Lease", int64(f.Lease)},
		{"MaxCrashes", int64(f.MaxCrashes)},
		{"MaxEvents", int64(f.MaxEvents)},
		{"MaxPerAccount", int64(f.MaxPerAccount)},
		{"History", int64(f.History)},
		{"Retain", int64(f.Retain)},
		{"RetainDead", int64(f.RetainDead)},
		{"KeepDone", int64(f.KeepDone)},
		{"KeyWindow", int64(f.KeyWindow)},
	} {
		if n.value < 0 {
			faults = append(faults, fmt.Errorf("%s is negative", n.name))
		}
	}
	f.Lease = cmp.Or(f.Lease, 30*time.Second)
	f.MaxCrashes = cmp.Or(f.MaxCrashes, 3)
	f.MaxEvents = cmp.Or(f.MaxEvents, 1_000_000)
	f.MaxPerAccount = cmp.Or(f.MaxPerAccount, 100)
	f.History = max(f.History, 50)
	f.Retain = cmp.Or(f.Retain, 30*24*time.Hour)
	f.KeepDone = cmp.Or(f.KeepDone, 100_000)
	f.KeyWindow = cmp.Or(f.KeyWindow, min(7*24*time.Hour, f.Retain))
	if f.Now == nil {
		f.Now = time.Now
	}
	if f.NewID == nil {
		f.NewID = rand.Text
	}
	if f.Retain < f.KeyWindow {
		faults = append(faults, fmt.Errorf("Retain %v is shorter than KeyWindow %v: a Key is known only as long as its event is kept", f.Retain, f.KeyWindow))
	}
	file := f.file()
	if err := errors.Join(append(faults, file.Check())...); err != nil {
		return Options{}, fmt.Errorf("boltqueue: options: %w", err)
	}
	return f, nil
}

// file returns the options of the file.
func (o *Options) file() boltfile.Options {
	return boltfile.Options{LockWait: o.LockWait, MaxBytes: o.MaxBytes, CheckLimit: o.CheckLimit}
}
