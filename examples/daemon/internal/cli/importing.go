package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/redisimport"
	"github.com/evenkeel/evenkeel/rebalance"
)

// importEvents takes over the waiting events of a Python event processor.
func importEvents(ctx context.Context, c *call) error {
	if err := c.need(1, 1); err != nil {
		return err
	}
	address, err := redisconn.Parse(c.arg(0))
	if err != nil {
		return fmt.Errorf("%w: REDIS-URL: %s", errUsage, strings.TrimPrefix(err.Error(), "redisconn: parse URL: "))
	}
	logging.Disable() // its errors come back, and are told once
	from := redis.NewUniversalClient(address)
	defer from.Close()
	opts := &redisimport.Options{Lost: c.lost, SkipFaults: c.skipFaults}
	if c.dryRun {
		ended := c.progress("reading the old events")
		report, err := redisimport.Read(ctx, from, opts)
		ended()
		return c.imported(report, err)
	}
	return c.with(ctx, func(conn *connection) error {
		ended := c.progress("importing")
		report, err := redisimport.Import(ctx, from, publisher{conn}, opts)
		ended()
		return c.imported(report, err)
	})
}

// importedRow is a row of the report, for machines.
type importedRow struct {
	Place   string            `json:"place"`
	OldID   string            `json:"old_id"`
	Account string            `json:"account"`
	Command string            `json:"command"`
	State   redisimport.State `json:"state"`
	ID      string            `json:"id,omitempty"`
	LeftOut []string          `json:"left_out,omitempty"`
	Fault   string            `json:"fault,omitempty"`
}

// imported shows the report, also that of an import that failed.
func (c *call) imported(report *redisimport.Report, err error) error {
	if report != nil {
		rows := []importedRow{}
		for _, r := range report.Rows {
			row := importedRow{Place: r.Place, OldID: r.OldID, Account: r.Account, Command: r.Command, State: r.State, ID: r.ID, LeftOut: r.LeftOut}
			if r.Fault != nil {
				row.Fault = r.Fault.Error()
			}
			rows = append(rows, row)
		}
		if shown := c.show(rows, func() error { return report.Table(c.Stdout) }); shown != nil {
			return shown
		}
	}
	switch {
	case errors.Is(err, redisimport.ErrFaulty):
		return fmt.Errorf("%w: %w", errBadNews, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	return nil
}

// publisher is a queue to publish to, by way of the daemon if one runs.
type publisher struct{ conn *connection }

var _ queue.EventQueue = publisher{}

// Publish publishes by the verb.
func (p publisher) Publish(ctx context.Context, e queue.Event) (queue.Receipt, error) {
	return p.conn.Enqueue(ctx, ops.NewEvent{
		Account: broker.AccountID(e.Account), Command: rebalance.Command(e.Command), Key: e.Key, Payload: e.Payload, NotBefore: e.NotBefore,
	})
}

// Receive is not for an import.
func (publisher) Receive(context.Context) (*queue.Delivery, error) {
	return nil, errors.New("cli: an import receives nothing")
}
