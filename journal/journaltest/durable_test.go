package journaltest_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/journaltest"
)

// disk is what a durable journal stored: one list of records.
type disk struct {
	mu      sync.Mutex
	journal *journal.Memory
	records [][]byte
}

// write does a write and stores the records of it, if it was accepted.
func (d *disk) write(do func(j *journal.Memory) ([]journal.Record, error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	list, err := do(d.journal)
	if err != nil {
		return err
	}
	for _, r := range list {
		data, err := journal.EncodeRecord(r)
		if err != nil {
			return err
		}
		d.records = append(d.records, data)
	}
	return nil
}

// replay builds the journal from the records.
func (d *disk) replay(ctx context.Context) error {
	j := journal.NewMemory(journal.MemoryOptions{})
	for _, data := range d.records {
		r, err := journal.DecodeRecord(data)
		if err != nil {
			return err
		}
		if err := apply(ctx, j, &r); err != nil {
			return err
		}
	}
	d.journal = j
	return nil
}

// apply writes a record again.
func apply(ctx context.Context, j *journal.Memory, r *journal.Record) error {
	switch {
	case r.Claim != nil:
		_, err := j.Begin(ctx, *r.Claim)
		return err
	case r.Step != nil:
		return j.Checkpoint(ctx, r.Grant, *r.Step)
	case r.Intent != nil:
		return j.Intend(ctx, r.Grant, *r.Intent)
	case r.Settlement != nil:
		return j.Settle(ctx, r.Grant, *r.Settlement)
	case r.Outcome != nil:
		return j.Finish(ctx, r.Grant, *r.Outcome)
	case r.Block != nil:
		return j.Block(ctx, *r.Block)
	case r.Unblock != nil:
		return j.Unblock(ctx, *r.Unblock)
	case r.Kill != nil:
		return j.Kill(ctx, *r.Kill)
	case r.Approval != nil:
		return j.Approve(ctx, *r.Approval)
	}
	return j.Resume(ctx, *r.Resume)
}

func (d *disk) Begin(ctx context.Context, c journal.Claim) (b journal.Begun, err error) {
	err = d.write(func(j *journal.Memory) ([]journal.Record, error) {
		b, err = j.Begin(ctx, c)
		c.Number, c.Fence = b.Run.Number, b.Grant.Fence
		return []journal.Record{{Claim: &c}}, err
	})
	return b, err
}

func (d *disk) Checkpoint(ctx context.Context, g journal.Grant, s journal.Step) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Grant: g, Step: &s}}, j.Checkpoint(ctx, g, s)
	})
}

func (d *disk) Finish(ctx context.Context, g journal.Grant, o journal.Outcome) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Grant: g, Outcome: &o}}, j.Finish(ctx, g, o)
	})
}

func (d *disk) Intend(ctx context.Context, g journal.Grant, list ...journal.Intent) error {
	return d.write(func(j *journal.Memory) (records []journal.Record, err error) {
		for _, i := range list {
			records = append(records, journal.Record{Grant: g, Intent: &i})
		}
		return records, j.Intend(ctx, g, list...)
	})
}

func (d *disk) Settle(ctx context.Context, g journal.Grant, list ...journal.Settlement) error {
	return d.write(func(j *journal.Memory) (records []journal.Record, err error) {
		for _, s := range list {
			records = append(records, journal.Record{Grant: g, Settlement: &s})
		}
		return records, j.Settle(ctx, g, list...)
	})
}

func (d *disk) Block(ctx context.Context, b journal.Block) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Block: &b}}, j.Block(ctx, b)
	})
}

func (d *disk) Unblock(ctx context.Context, u journal.Unblock) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Unblock: &u}}, j.Unblock(ctx, u)
	})
}

func (d *disk) Kill(ctx context.Context, k journal.Kill) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Kill: &k}}, j.Kill(ctx, k)
	})
}

func (d *disk) Resume(ctx context.Context, k journal.Kill) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Resume: &k}}, j.Resume(ctx, k)
	})
}

func (d *disk) Approve(ctx context.Context, a journal.Approval) error {
	return d.write(func(j *journal.Memory) ([]journal.Record, error) {
		return []journal.Record{{Approval: &a}}, j.Approve(ctx, a)
	})
}

func (d *disk) Account(ctx context.Context, a broker.AccountID) (journal.Standing, error) {
	return d.journal.Account(ctx, a)
}

func (d *disk) Run(ctx context.Context, id journal.RunID) (journal.Run, error) {
	return d.journal.Run(ctx, id)
}

func (d *disk) Runs(ctx context.Context, a broker.AccountID) iter.Seq2[journal.Run, error] {
	return d.journal.Runs(ctx, a)
}

// newDisk returns the harness of a durable journal; lose may drop records
// whenever it is reopened.
func newDisk(lose func(records [][]byte) [][]byte) func(journaltest.T) journaltest.Harness {
	return func(journaltest.T) journaltest.Harness {
		d := &disk{journal: journal.NewMemory(journal.MemoryOptions{})}
		return journaltest.Harness{Journal: d, Reopen: func(t journaltest.T) journal.Journal {
			d.records = lose(d.records)
			require.NoError(t, d.replay(t.Context()))
			return d
		}}
	}
}

// TestRecordsSuffice runs the suite on a journal that is rebuilt from its
// encoded records before each call.
func TestRecordsSuffice(t *testing.T) {
	harness := newDisk(func(records [][]byte) [][]byte { return records })
	journaltest.Run(t, func(t *testing.T) journaltest.Harness {
		t.Helper()
		return harness(t)
	})
}

// TestCounterCheckDurable shows that the suite notices what is lost when a
// journal is opened again.
func TestCounterCheckDurable(t *testing.T) {
	every := func(string) bool { return true }
	isKind := func(data []byte, kind func(r *journal.Record) bool) bool {
		r, err := journal.DecodeRecord(data)
		return err == nil && kind(&r)
	}
	for name, kind := range map[string]func(r *journal.Record) bool{
		"steps":       func(r *journal.Record) bool { return r.Step != nil },
		"intents":     func(r *journal.Record) bool { return r.Intent != nil },
		"settlements": func(r *journal.Record) bool { return r.Settlement != nil },
		"outcomes":    func(r *journal.Record) bool { return r.Outcome != nil },
		"blocks":      func(r *journal.Record) bool { return r.Block != nil },
		"unblocks":    func(r *journal.Record) bool { return r.Unblock != nil },
		"kills":       func(r *journal.Record) bool { return r.Kill != nil },
		"resumes":     func(r *journal.Record) bool { return r.Resume != nil },
		"approvals":   func(r *journal.Record) bool { return r.Approval != nil },
	} {
		t.Run("lost "+name, func(t *testing.T) {
			failed := journaltest.Failures(t.Context(), newDisk(func(records [][]byte) [][]byte {
				return slices.DeleteFunc(slices.Clone(records), func(data []byte) bool { return isKind(data, kind) })
			}), every)
			require.NotEmpty(t, failed)
		})
	}
	t.Run("lost last record", func(t *testing.T) {
		failed := journaltest.Failures(t.Context(), newDisk(func(records [][]byte) [][]byte {
			return records[:max(len(records)-1, 0)]
		}), every)
		require.Greater(t, len(failed), 30)
	})
}
