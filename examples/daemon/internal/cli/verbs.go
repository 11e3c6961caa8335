package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func enqueue(ctx context.Context, c *call) error {
	if err := c.need(1, 2); err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		e := ops.NewEvent{Account: broker.AccountID(c.arg(0)), Command: rebalance.Command(c.arg(1)), Key: c.key, Payload: json.RawMessage(c.payload)}
		receipt, err := conn.Enqueue(ctx, e)
		return c.published(ctx, conn, receipt, err)
	})
}

func approve(ctx context.Context, c *call) error {
	if err := c.need(2, 2); err != nil {
		return err
	}
	signed, err := c.signed()
	if err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		receipt, err := conn.Approve(ctx, ops.Approve{Account: broker.AccountID(c.arg(0)), Hash: c.arg(1), Signed: signed})
		return c.published(ctx, conn, receipt, err)
	})
}

func unblock(ctx context.Context, c *call) error {
	if err := c.need(1, 1); err != nil {
		return err
	}
	signed, err := c.signed()
	if err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		receipt, err := conn.Unblock(ctx, broker.AccountID(c.arg(0)), signed)
		return c.published(ctx, conn, receipt, err)
	})
}

// published shows a receipt, or waits for the end of the event.
func (c *call) published(ctx context.Context, conn *connection, receipt queue.Receipt, err error) error {
	if err != nil {
		return err
	}
	if c.wait && !conn.Local {
		return c.await(ctx, conn, receipt.ID)
	}
	return c.show(receipt, func() error {
		fmt.Fprintf(c.Stdout, "event %s is in the queue", clean(receipt.ID))
		if receipt.Duplicate {
			fmt.Fprint(c.Stdout, " since an earlier time")
		}
		if receipt.Superseded != "" {
			fmt.Fprintf(c.Stdout, ", in the place of %s", clean(receipt.Superseded))
		}
		if conn.Local {
			fmt.Fprint(c.Stdout, "; no daemon runs, the next one works on it")
		}
		_, err := fmt.Fprintln(c.Stdout)
		return err
	})
}

func block(ctx context.Context, c *call) error {
	return c.stop(ctx, 1, "blocked", ops.Verbs.Block)
}

func kill(ctx context.Context, c *call) error {
	return c.stop(ctx, 0, "killed: nothing more is sent", ops.Verbs.Kill)
}

func resume(ctx context.Context, c *call) error {
	return c.stop(ctx, 0, "resumed", ops.Verbs.Resume)
}

// stillKilled names the accounts that a resume of another scope does not reach.
func (c *call) stillKilled(ctx context.Context, conn *connection) error {
	s, err := conn.Status(ctx)
	if err != nil {
		return err
	}
	for i := range s.Accounts {
		a := &s.Accounts[i]
		switch {
		case a.Kill == nil:
		case a.Kill.Account == "":
			fmt.Fprintf(c.Stdout, "%s: still killed with all accounts (%s): daemon resume lifts that\n", clean(a.ID), clean(a.Kill.Reason))
		case c.arg(0) == "":
			fmt.Fprintf(c.Stdout, "%s: still killed by itself (%s): daemon resume %[1]s lifts that\n", clean(a.ID), clean(a.Kill.Reason))
		}
	}
	return nil
}

// stop does what takes effect at once.
func (c *call) stop(ctx context.Context, least int, done string, verb func(ops.Verbs, context.Context, broker.AccountID, ops.Signed) error) error {
	if err := c.need(least, 1); err != nil {
		return err
	}
	signed, err := c.signed()
	if err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		if err := verb(conn, ctx, broker.AccountID(c.arg(0)), signed); err != nil {
			return err
		}
		whom, lifts := c.arg(0), strings.HasPrefix(done, "resumed")
		if whom == "" {
			whom = "all accounts"
		}
		return c.show(map[string]string{"account": c.arg(0), "done": done}, func() error {
			if conn.Local {
				done += "; no daemon runs on " + clean(conn.cfg.Data) + ", the next one heeds it"
			}
			if _, err := fmt.Fprintf(c.Stdout, "%s: %s\n", clean(whom), done); err != nil || !lifts {
				return err
			}
			return c.stillKilled(ctx, conn)
		})
	})
}

func preview(ctx context.Context, c *call) error {
	if err := c.need(0, 1); err != nil {
		return err
	}
	return c.whole(ctx, func(conn *connection) error {
		accounts := []broker.AccountID{broker.AccountID(c.arg(0))}
		if c.arg(0) == "" {
			accounts = nil
			for i := range conn.cfg.Accounts {
				accounts = append(accounts, conn.cfg.Accounts[i].ID)
			}
		}
		for _, id := range accounts {
			plan, err := conn.Preview(ctx, id)
			if err != nil {
				return err
			}
			err = c.show(plan, func() error {
				_, err := fmt.Fprintf(c.Stdout, "%s: %s %s\n%s\n", clean(id), plan.Outcome, clean(plan.Detail), plan.Table())
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func deadletters(ctx context.Context, c *call) error {
	verb, id := c.arg(0), c.arg(1)
	if verb == "" || verb == "list" {
		return c.with(ctx, func(conn *connection) error {
			all, err := conn.DeadLetters(ctx)
			if err != nil {
				return err
			}
			return c.show(all, func() error { return c.eventsTable(all, "no dead letters") })
		})
	}
	if err := c.need(2, 2); err != nil {
		return err
	}
	if verb == "show" {
		return c.with(ctx, func(conn *connection) error {
			e, err := conn.Event(ctx, id)
			if err != nil {
				return err
			}
			return c.show(e, func() error { return c.eventTable(&e) })
		})
	}
	do := map[string]func(ops.Verbs, context.Context, string, ops.Signed) (queue.Receipt, error){
		"requeue": ops.Verbs.Requeue, "drop": ops.Verbs.Drop, "release": ops.Verbs.Release,
	}[verb]
	if do == nil {
		return fmt.Errorf("%w: deadletters %q: want list, show, requeue, drop or release", errUsage, verb)
	}
	signed, err := c.signed()
	if err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		receipt, err := do(conn, ctx, id, signed)
		if err != nil {
			return err
		}
		return c.show(receipt, func() error {
			text := map[string]string{
				"requeue": "event " + clean(receipt.ID) + " is in the queue, in place of " + clean(id),
				"drop":    "event " + clean(id) + " is dropped",
				"release": "event " + clean(id) + " is back in the line",
			}[verb]
			_, err := fmt.Fprintln(c.Stdout, text)
			return err
		})
	})
}

func runs(ctx context.Context, c *call) error {
	switch c.arg(0) {
	case "", "list":
		return c.with(ctx, func(conn *connection) error {
			all, err := conn.Runs(ctx, broker.AccountID(c.arg(1)), c.limit)
			if err != nil {
				return err
			}
			return c.show(all, func() error { return c.runsTable(all) })
		})
	case "show":
		if err := c.need(2, 2); err != nil {
			return err
		}
		return c.with(ctx, func(conn *connection) error {
			r, err := conn.Run(ctx, journal.RunID(c.arg(1)))
			if err != nil {
				return err
			}
			return c.show(r, func() error { return c.runTable(&r) })
		})
	}
	return fmt.Errorf("%w: runs %q: want list or show", errUsage, c.arg(0))
}

func status(ctx context.Context, c *call) error {
	if err := c.need(0, 0); err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		s, err := conn.Status(ctx)
		if err != nil {
			return err
		}
		return c.show(s, func() error { return c.statusTable(&s, conn) })
	})
}
