package redisjournal

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/retry"
)

// Options changes how a [Journal] works.
type Options struct {
	// Prefix begins all keys, in braces. Journals with different prefixes have
	// nothing in common. Letters, digits, and the signs -_.:/ are allowed.
	// Default: "evenkeel".
	Prefix string
	// KeepRuns is how many finished runs of each account are kept, the newest
	// ones; a negative number keeps all. A run with an unknown outcome is always
	// kept. Default: 100.
	KeepRuns int
	// MaxData bounds the JSON of a step, a result, a memo or a piece of evidence,
	// in bytes. Default: 4 MiB.
	MaxData int
	// Replicas is how many replicas must have a claim or an intent before it is
	// accepted. Default: 0.
	Replicas int
	// Fsync demands that a claim or an intent is on the disk of the master, and of
	// these replicas, before it is accepted. It needs Redis 7.2 with an append-only
	// file; [Open] and [Journal.Check] refuse a server without. Default: false.
	Fsync bool
	// BarrierTimeout is how long to wait for replicas and disks, at most 1 s.
	// Default: 100 ms.
	BarrierTimeout time.Duration
	// Logger hears what [Open] finds wanting about the server. Default: nobody.
	Logger *slog.Logger
}

// Sentinels beside those of package journal.
var (
	// ErrServerChanged: another server answers than the one that granted the
	// claim, so the last writes may be lost. The error is a
	// [*journal.FencedError], too: begin again, and compare with the broker.
	ErrServerChanged = errors.New("server changed since the claim")
	// ErrForeign: a key of the journal holds something else. Choose another
	// prefix, or remove the key.
	ErrForeign = errors.New("key is not the journal's")
	// ErrLost: the journal's keys are gone from the server since it was opened, or
	// are those of another journal: it was flushed, or restarted without its data.
	// Fences, kills and open intents went with them, so nothing is written or
	// read any more. Find out why, and compare every account with the broker
	// before you open the journal again.
	ErrLost = errors.New("the journal's keys are lost")
	// ErrDamaged: what is stored cannot be understood.
	ErrDamaged = errors.New("stored record is damaged")
	// ErrTooMany: a limit of the journal is reached.
	ErrTooMany = errors.New("too many records")
)

// Limits that no sound run comes near.
const (
	maxSteps     = 10_000 // of a run
	maxOpen      = 10_000 // intents of an account
	maxApprovals = 1_000  // of an account
)

// Journal is a [journal.Journal] in Redis. Create it with [Open] or [New]. It is
// safe for concurrent use, also by many processes.
type Journal struct {
	conn    *redisconn.Conn
	prefix  string
	opts    Options
	barrier *redisconn.Barrier
	repeat  retry.Policy
	id      string      // tells this journal from others, in claims
	begun   atomic.Bool // an account was claimed

	mu     sync.Mutex
	epoch  string                            // of the keys when the journal was opened, "" before
	fences map[broker.AccountID]uint64       // the newest given to this journal
	recent map[broker.OrderID]journal.Intent // recorded here and not settled here
}

var _ journal.Journal = (*Journal)(nil)

// Open connects to a server by its URL, and checks that it is fit and that its
// journal is of a schema that this release knows:
//
//	redis://[user:password@]host:port[/database]
//	redis+cluster://[user:password@]host:port[,host:port…]
//	redis+sentinel://[user:password@]host:port[,host:port…]/master[/database]
//
// With rediss instead of redis the connection is encrypted. The caller closes the
// journal.
func Open(ctx context.Context, url string, opts Options) (*Journal, error) {
	o, err := redisconn.Parse(url)
	if err != nil {
		return nil, fmt.Errorf("redisjournal: open: %w", err)
	}
	j, err := newJournal(opts)
	if err != nil {
		return nil, err
	}
	j.conn = redisconn.Open(o)
	warnings, err := j.Check(ctx)
	if err != nil {
		return nil, errors.Join(err, j.Close()) //nolint:contextcheck // it closes also if ctx has ended
	}
	logger := cmp.Or(opts.Logger, slog.New(slog.DiscardHandler))
	for _, w := range warnings {
		logger.Warn("redis server of the journal", "err", w)
	}
	return j, nil
}

// New uses a client that the caller made, and leaves its closing to the caller.
// The client must not repeat commands by itself (MaxRetries -1) and must heed
// contexts (ContextTimeoutEnabled). New does not talk to the server; see
// [Journal.Check]. The first call then opens the journal, as Check does.
func New(client redis.UniversalClient, opts Options) (*Journal, error) {
	j, err := newJournal(opts)
	if err != nil {
		return nil, err
	}
	if j.conn, err = redisconn.New(client); err != nil {
		return nil, fmt.Errorf("redisjournal: new: %w", err)
	}
	return j, nil
}

// newJournal checks the options.
func newJournal(opts Options) (*Journal, error) {
	opts.Prefix = cmp.Or(opts.Prefix, "evenkeel")
	opts.KeepRuns = cmp.Or(opts.KeepRuns, 100)
	opts.MaxData = cmp.Or(opts.MaxData, 4<<20)
	j := &Journal{
		prefix: "{" + opts.Prefix + "}:", opts: opts, repeat: redisconn.Backoff(), id: rand.Text(),
		fences: make(map[broker.AccountID]uint64), recent: make(map[broker.OrderID]journal.Intent),
	}
	var faults []error
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/"
	if len(opts.Prefix) > 100 || strings.Trim(opts.Prefix, allowed) != "" {
		faults = append(faults, fmt.Errorf("redisjournal: options: Prefix %.100q: want up to 100 letters, digits and -_.:/", opts.Prefix))
	}
	if opts.MaxData < 0 || opts.MaxData > journal.MaxData {
		faults = append(faults, fmt.Errorf("redisjournal: options: MaxData is %d: want 1 to %d", opts.MaxData, journal.MaxData))
	}
	if opts.Replicas != 0 || opts.Fsync {
		j.barrier = &redisconn.Barrier{Replicas: opts.Replicas, Fsync: opts.Fsync, Timeout: opts.BarrierTimeout}
	}
	if err := j.barrier.Check(); err != nil {
		faults = append(faults, fmt.Errorf("redisjournal: options: %w", err))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return j, nil
}

// Close waits for the calls under way and closes what [Open] opened. It may be
// repeated.
func (j *Journal) Close() error {
	if err := j.conn.Close(); err != nil {
		return fmt.Errorf("redisjournal: close: %w", err)
	}
	return nil
}

// Check looks at the server and the schema of the journal, and opens the journal:
// it notes in the server, if that was not done before, by what its keys will be
// known again. An error says why the server must not be used; warnings say what is
// wanting.
func (j *Journal) Check(ctx context.Context) (warnings []error, err error) {
	findings, err := j.conn.Check(ctx, j.prefix+"meta", j.barrier)
	if err != nil {
		return nil, fmt.Errorf("redisjournal: check: %w", err)
	}
	for _, f := range findings {
		warnings = append(warnings, f)
	}
	return warnings, j.open(ctx, of("check", ""))
}

// ask runs a script until there is an answer, and returns the answer if it is
// "ok", or else the error that it stands for. What a caller wants to see for
// itself it names in see.
func (j *Journal) ask(ctx context.Context, what op, s *script, see []string, args ...any) (reply, error) {
	epoch, err := j.opened(ctx, what)
	if err != nil {
		return nil, err
	}
	return j.askAs(ctx, what, s, see, epoch, args...)
}

// askAs is ask with the epoch that the keys must have, "" for any.
func (j *Journal) askAs(ctx context.Context, what op, s *script, see []string, epoch string, args ...any) (reply, error) {
	me := ""
	if j.begun.Load() {
		me = j.id
	}
	head := j.prefix + " " + epoch + " " + me
	call := redisconn.Call{Script: s.Script, Keys: []string{j.prefix + "meta"}, Args: append([]any{head}, args...)}
	if s.barred {
		call.Barrier = j.barrier
	}
	var r reply
	err := j.repeat.Do(ctx, func(ctx context.Context) error {
		var err error
		r, err = j.once(ctx, call, see)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("redisjournal: %s: %w", what, err)
	}
	return r, r.verdict(what, see)
}

// once runs a script once.
func (j *Journal) once(ctx context.Context, call redisconn.Call, see []string) (reply, error) {
	answer, fault := j.conn.Run(ctx, call)
	if fault != nil && !errors.Is(fault, redisconn.ErrNotDurable) {
		return nil, fault
	}
	r, err := readReply(answer)
	switch {
	case err != nil:
		return nil, retry.As(err, retry.Permanent)
	case r.refuses(see): // it wrote nothing that must be kept
		return r, nil
	}
	return r, fault
}

// limit returns an error if data is longer than the journal takes.
func (j *Journal) limit(what op, data ...[]byte) error {
	for _, d := range data {
		if len(d) > j.opts.MaxData {
			return fmt.Errorf("redisjournal: %s: %w: data of %d bytes, at most %d are allowed (Options.MaxData)", what, journal.ErrInvalid, len(d), j.opts.MaxData)
		}
	}
	return nil
}
