package redisqueue

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/retry"
)

// Barrier asks for the durability of a publication: on replicas, on disks.
type Barrier = redisconn.Barrier

// Options tunes a [Queue]. The zero value has the defaults. All processes that
// share a queue should have the same ones.
type Options struct {
	// Name tells queues on one server apart: printable ASCII without braces.
	// Default: "main".
	Name string
	// Lease is how long a delivery may go without an extension, at least 1 ms.
	// Default: 30 s.
	Lease time.Duration
	// MaxCrashes is how many deliveries of an event may end by their lease
	// running out; then the event is dead. Default: 3.
	MaxCrashes int
	// MaxEvents bounds the events that did not end, the dead ones included.
	// Default: 100,000.
	MaxEvents int
	// MaxPerAccount bounds the line of an account: its queued, delayed and leased
	// events. Default: 100.
	MaxPerAccount int
	// History is how many items of history an event keeps, at least 50.
	// Default: 50.
	History int
	// KeepDone is how many events that ended are kept beyond KeyWindow, or slightly
	// more, and how many tokens of operators' actions. Default: 10,000.
	KeepDone int
	// KeyWindow is for how long after its end an event's Key and ID are known in
	// any case, so that publishing it again is a duplicate: all that time the event
	// needs memory of the server. Default: 7 days.
	KeyWindow time.Duration
	// NewID makes the ID of an event: printable ASCII, never the same twice in
	// any process. Default: 26 random letters and digits.
	NewID func() string
	// Barrier is what a publication and an operator's action must reach before
	// they succeed. One that is not reached is a transient error, after which the
	// event is in the queue. One with Fsync needs Redis 7.2 with an append-only
	// file; [Open] refuses a server without. Default: nil, the memory of the master.
	Barrier *Barrier
	// Retry surrounds the repetitions of a call after a transient error.
	// Default: 5 tries within 10 s.
	Retry retry.Policy
	// OnWarning is told what the start-up checks found that is no reason to stop,
	// and later errors of the upkeep. It must not block. Default: nobody is told.
	OnWarning func(error)
	// OnFailover is told the run_id of the server that answered before and of the
	// one that answers now. It must not block. Default: nobody is told.
	OnFailover func(was, is string)
}

// withDefaults fills in what was left zero and reports every fault.
func (o Options) withDefaults() (Options, error) {
	o.Name = cmp.Or(o.Name, "main")
	o.Lease = cmp.Or(o.Lease, 30*time.Second)
	o.MaxCrashes = cmp.Or(o.MaxCrashes, 3)
	o.MaxEvents = cmp.Or(o.MaxEvents, 100_000)
	o.MaxPerAccount = cmp.Or(o.MaxPerAccount, 100)
	o.KeepDone = cmp.Or(o.KeepDone, 10_000)
	o.KeyWindow = cmp.Or(o.KeyWindow, 7*24*time.Hour)
	var faults []error
	for _, f := range [...]struct {
		name  string
		value int
	}{
		{"MaxCrashes", o.MaxCrashes},
		{"MaxEvents", o.MaxEvents},
		{"MaxPerAccount", o.MaxPerAccount},
		{"History", o.History},
		{"KeepDone", o.KeepDone},
	} {
		if f.value < 0 {
			faults = append(faults, fmt.Errorf("Options.%s is %d: want 0 for the default, or more", f.name, f.value))
		}
	}
	o.History = max(o.History, 50)
	if o.KeyWindow < 0 {
		faults = append(faults, fmt.Errorf("Options.KeyWindow is %s: want 0 for the default, or more", o.KeyWindow))
	}
	if o.Lease < time.Millisecond {
		faults = append(faults, fmt.Errorf("Options.Lease is %s: want at least 1ms", o.Lease))
	}
	if len(o.Name) > 128 || strings.ContainsFunc(o.Name, func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }) {
		faults = append(faults, fmt.Errorf("Options.Name %.40q is not 1 to 128 printable ASCII characters without braces", o.Name))
	}
	if err := o.Barrier.Check(); err != nil {
		faults = append(faults, err)
	}
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	if o.Retry == nil {
		o.Retry = redisconn.Backoff()
	}
	if o.OnWarning == nil {
		o.OnWarning = func(error) {}
	}
	if o.OnFailover == nil {
		o.OnFailover = func(string, string) {}
	}
	return o, errors.Join(faults...)
}

// prefix is what all keys of the queue begin with.
func (o *Options) prefix() string { return "evenkeel:{evenkeel:" + o.Name + "}:queue:" }

// limits is the first argument of every script. It ends with what a test adds to
// the clock, and the epoch of the key space, "" if it is not known yet.
func (o *Options) limits(off int64, epoch string) string {
	return fmt.Sprintf("%d %d %d %d %d %d %d %d %d %s",
		keySchema, o.Lease.Microseconds(), o.MaxCrashes, o.History, o.KeepDone, o.KeyWindow.Microseconds(), o.MaxEvents, o.MaxPerAccount, off, epoch)
}

// keySchema is the version of the key space that this release writes.
const keySchema = 1

// Errors of this package; besides these there are those of package queue.
var (
	// ErrLost: the queue's keys are gone from the server, or somebody has made new
	// ones since: it was flushed, or a replica without them took over. Find out why,
	// then open the queue again.
	ErrLost = errors.New("redisqueue: key space lost")
	// ErrForeign: the queue's keys hold what is not a queue.
	ErrForeign = errors.New("redisqueue: key space of something else")
)
