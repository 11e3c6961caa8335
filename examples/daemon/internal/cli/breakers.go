package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
)

// breakers lists the breakers, or sets one.
func breakers(ctx context.Context, c *call) error {
	verb, name := c.arg(0), c.arg(1)
	if verb == "" || verb == "list" {
		if len(c.args) > 1 {
			return c.need(0, 1)
		}
		return c.with(ctx, func(conn *connection) error {
			all, err := conn.Breakers(ctx)
			if err != nil {
				return err
			}
			return c.show(all, func() error { return c.breakersTable(all) })
		})
	}
	mode := ops.BreakerMode(verb)
	if !slices.Contains(ops.BreakerModes(), mode) {
		return fmt.Errorf("%w: breakers %q: want list, force-open, force-closed or auto", errUsage, verb)
	}
	if err := c.need(2, 2); err != nil {
		return err
	}
	signed, err := c.signed()
	if err != nil {
		return err
	}
	return c.with(ctx, func(conn *connection) error {
		if err := conn.ForceBreaker(ctx, name, mode, signed); err != nil {
			return err
		}
		return c.show(map[string]string{"breaker": name, "mode": verb}, func() error {
			text := map[ops.BreakerMode]string{
				ops.BreakerForceOpen:   "is open until it is set otherwise, or the daemon restarts: no new work begins that needs it",
				ops.BreakerForceClosed: "is closed until it is set otherwise, or the daemon restarts: every call is made, however many fail",
				ops.BreakerAuto:        "opens and closes by the results of the calls",
			}[mode]
			_, err := fmt.Fprintf(c.Stdout, "%s: %s\n", clean(name), text)
			return err
		})
	})
}
