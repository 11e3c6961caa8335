package redisimport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/queue"
)

// ErrFaulty is the error of an import that was not begun because some old events
// cannot be imported.
var ErrFaulty = errors.New("some events cannot be imported")

// State is what becomes of an old event.
type State string

// The states.
const (
	Planned   State = "planned"   // would be published
	Published State = "published" // is in the new queue
	Earlier   State = "earlier"   // was published by an earlier import
	Duplicate State = "duplicate" // the same event stands further up
	Lost      State = "lost"      // was in work when its worker died; reported only
	Faulty    State = "faulty"    // cannot be imported
)

// Report is the old system's events, in the order in which it would run them.
type Report struct{ Rows []Row }

// Row is one old event.
type Row struct {
	Place       string // the key where it stands
	OldID       string
	Account     string
	Exec        string // the old command
	Command     string // the new one
	Due         time.Time
	TimesQueued int
	// LeftOut are the old fields that have no meaning in the new system.
	LeftOut []string
	// Raw is the old text.
	Raw string
	// Key is the new event's idempotency key, ID its identity once published.
	Key, ID string
	State   State
	Fault   error
}

// Import publishes the old events and returns what became of each. It may be
// repeated at any time, also after it failed half way. It fails with [ErrFaulty],
// having published nothing, if there are faulty events and [Options.SkipFaults]
// is not set; if it fails later, the report tells how far it came.
func Import(ctx context.Context, client redis.UniversalClient, to queue.EventQueue, opts *Options) (*Report, error) {
	m, err := newImporter(client, opts)
	if err != nil {
		return nil, err
	}
	if to == nil {
		return nil, errors.New("redisimport: the queue to import into is nil")
	}
	report, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := report.Faults(); err != nil && !m.SkipFaults {
		return report, err
	}
	for i := range report.Rows {
		if report.Rows[i].State != Planned {
			continue
		}
		if err := m.publish(ctx, to, &report.Rows[i]); err != nil {
			return report, err
		}
	}
	return report, nil
}

// publish publishes one event, then notes that it did.
func (m *importer) publish(ctx context.Context, to queue.EventQueue, row *Row) error {
	receipt, err := to.Publish(ctx, row.event())
	if err != nil {
		return fmt.Errorf("redisimport: account %s: publish event %q: %w", row.Account, row.OldID, err)
	}
	row.State, row.ID = Published, receipt.ID
	if receipt.Duplicate {
		row.State = Earlier
	}
	if err := m.client.HSet(ctx, m.Marks, m.mark(row), receipt.ID).Err(); err != nil {
		return failed(ctx, "write", m.Marks, "hash", err)
	}
	return nil
}

// mark is the field of the hash that notes the import of a row. Keys are all of one
// length, so no two targets have a mark in common.
func (m *importer) mark(row *Row) string { return m.Target + row.Key }

// Faults returns [ErrFaulty] with the fault of every event that cannot be
// imported, or nil.
func (r *Report) Faults() error {
	var faults []error
	for i := range r.Rows {
		if row := &r.Rows[i]; row.State == Faulty {
			faults = append(faults, fmt.Errorf("%s: account %q: event %q: %w", row.Place, row.Account, row.OldID, row.Fault))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("redisimport: %w: %w", ErrFaulty, errors.Join(faults...))
}

// Count returns how many events are in a state.
func (r *Report) Count(state State) int {
	n := 0
	for i := range r.Rows {
		if r.Rows[i].State == state {
			n++
		}
	}
	return n
}

// Table writes the report for a person.
func (r *Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PLACE\tOLD EVENT\tACCOUNT\tOLD\tNEW\tDUE\tTRIED\tSTATE\tNOTE")
	for i := range r.Rows {
		row := &r.Rows[i]
		due, note := "now", row.ID
		if !row.Due.IsZero() {
			due = row.Due.Format(time.RFC3339)
		}
		if len(row.LeftOut) > 0 {
			note = strings.TrimSpace(note + " left out: " + strings.Join(row.LeftOut, ", "))
		}
		if row.Fault != nil {
			note = row.Fault.Error()
		}
		cells := []string{row.Place, row.OldID, row.Account, row.Exec, row.Command, due, strconv.Itoa(row.TimesQueued), string(row.State), note}
		for c := range cells {
			cells[c] = printable(cells[c])
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// printable keeps a cell on its line: its text came from outside.
func printable(s string) string {
	quoted := strconv.QuoteToGraphic(s)
	if len(quoted) > 202 {
		quoted = quoted[:200] + `…"`
	}
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
