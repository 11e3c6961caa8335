// Package cli is the daemon's command line. Its sub-commands talk to the daemon
// that runs on the data folder, over HTTP; when none runs, they open the stores
// themselves.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/client"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/parts"
)

// The exit codes.
const (
	ExitOK          = 0
	ExitFailed      = 1 // something unexpected
	ExitUsage       = 2 // the command line is wrong
	ExitConfig      = 3 // the configuration has faults
	ExitNotFound    = 4 // no such event, run or account
	ExitRefused     = 5 // invalid or not allowed as things stand, or the token is wrong
	ExitUnavailable = 6 // daemon, store or broker does not answer, or files or address are in use
	ExitBadNews     = 7 // it was done, and the answer is bad: not ready, a run that did not complete
	ExitStuck       = 8 // the daemon did not stop in time
)

// Process is what a program gets from its surroundings.
type Process struct {
	Args           []string
	Stdout, Stderr io.Writer
	Environ        func(string) (string, bool)
}

// errUsage marks faults of the command line.
var errUsage = errors.New("usage")

// errBadNews marks answers that are bad.
var errBadNews = errors.New("bad news")

// errStuck: the daemon did not stop in time.
var errStuck = errors.New("the daemon did not stop in time; what it was doing goes on with the next start")

// command is a sub-command.
type command struct {
	name, args, does string
	run              func(ctx context.Context, c *call) error
}

// commands are all of them, in the order of the help. It is a function because
// help is one of them.
func commands() []command {
	return []command{
		{"run", "", "run the daemon (also without a sub-command)", run},
		{"check", "", "validate the configuration and probe everything, without trading", check},
		{"enqueue", "ACCOUNT [COMMAND]", "ask for work: rebalance, preview, snapshot, reconcile, cancel_orders, health", enqueue},
		{"preview", "[ACCOUNT]", "plan a rebalance and change nothing", preview},
		{"status", "", "how everything stands", status},
		{"deadletters", "list | show ID | requeue ID | drop ID | release ID", "events that will not be tried again, or are held", deadletters},
		{"runs", "list [ACCOUNT] | show RUN", "what happened, order by order", runs},
		{"approve", "ACCOUNT HASH", "let the held plan with this hash be traded", approve},
		{"block", "ACCOUNT", "stop an account until it is reconciled", block},
		{"unblock", "ACCOUNT", "let a blocked account go on, after a reconciliation", unblock},
		{"kill", "[ACCOUNT]", "send nothing more, of one account or of all", kill},
		{"resume", "[ACCOUNT]", "lift a kill of the same scope", resume},
		{"breakers", "list | force-open NAME | force-closed NAME | auto NAME", "what stands before broker, prices, allocations, queue and journal", breakers},
		{"import", "REDIS-URL", "take over the waiting events of a Python event processor", importEvents},
		{"help", "", "this text", help},
	}
}

// call is one call of a sub-command.
type call struct {
	Process
	flags *flag.FlagSet
	args  []string
	usage string // of the arguments

	configFile, data, address string
	output                    string
	simulator, dryRun         bool
	operator, reason          string
	force, wait               bool
	limit                     int
	key, payload              string
	lost, skipFaults          bool
	onlyConfig                bool
	changes                   bool // an operator changes something that is there
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, p Process) int {
	err := dispatch(ctx, p)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return ExitOK
	case errors.Is(err, errBadNews):
		if text := strings.TrimPrefix(err.Error(), errBadNews.Error()+": "); text != errBadNews.Error() {
			fmt.Fprintln(p.Stderr, "daemon:", text)
		}
		return ExitBadNews
	}
	fmt.Fprintln(p.Stderr, "daemon:", strings.TrimPrefix(err.Error(), "ops: "))
	for _, known := range []struct {
		err  error
		code int
	}{
		{errUsage, ExitUsage},
		{config.ErrInvalid, ExitConfig},
		{ops.ErrNotFound, ExitNotFound},
		{ops.ErrInvalid, ExitRefused},
		{ops.ErrRefused, ExitRefused},
		{client.ErrUnauthorized, ExitRefused},
		{ops.ErrUnavailable, ExitUnavailable},
		{errStuck, ExitStuck},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	if parts.InUse(err) {
		return ExitUnavailable
	}
	return ExitFailed
}

// dispatch finds the sub-command.
func dispatch(ctx context.Context, p Process) error {
	name, args := "run", p.Args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		name, args = "help", nil
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return fmt.Errorf("%w: there is no sub-command %q: see daemon help", errUsage, name)
	}
	c := &call{Process: p}
	if err := c.parse(&all[i], args); err != nil {
		return err
	}
	return all[i].run(ctx, c)
}

// parse reads flags and arguments, in any order.
func (c *call) parse(cmd *command, args []string) error {
	c.flags = flag.NewFlagSet("daemon "+cmd.name, flag.ContinueOnError)
	c.flags.SetOutput(io.Discard) // what is wrong is the error
	c.flags.Usage = func() {}
	c.usage = cmd.args
	c.common()
	c.special(cmd.name)
	for {
		if err := c.flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				fmt.Fprintf(c.Stdout, "%s\n  %s\n\n", strings.TrimSpace("daemon "+cmd.name+" "+cmd.args), cmd.does)
				c.flags.SetOutput(c.Stdout)
				c.flags.PrintDefaults()
				return err
			}
			return fmt.Errorf("%w: %w: see daemon %s -h", errUsage, err, cmd.name)
		}
		if args = c.flags.Args(); len(args) == 0 {
			break
		}
		c.args, args = append(c.args, args[0]), args[1:]
	}
	if file, ok := c.Environ(configVariable); ok && c.configFile == "" && !c.simulator {
		c.configFile = file
	}
	if c.output != "table" && c.output != "json" {
		return fmt.Errorf("%w: -o %q: want table or json", errUsage, c.output)
	}
	return nil
}

// configVariable is the environment variable that names the configuration file.
const configVariable = "EVENKEEL_CONFIG"

// common are the flags of every sub-command.
func (c *call) common() {
	c.flags.StringVar(&c.configFile, "config", "", "the configuration file; default $"+configVariable+"; without one a paper account runs on bundled prices")
	c.flags.StringVar(&c.data, "data", "", "the data folder; default evenkeel-data, or as configured")
	c.flags.StringVar(&c.address, "http", "", "the address of the API and the page; default "+config.DefaultAddress+", or as configured")
	c.flags.BoolVar(&c.simulator, "simulator", false, "trade at a simulated gateway, over the wire; it begins anew each time")
	c.flags.StringVar(&c.output, "o", "table", "output: table or json")
}

// special are the flags of some.
func (c *call) special(name string) {
	switch name {
	case "run", "import":
		c.flags.BoolVar(&c.dryRun, "dry-run", false, "show what would be done, and do none of it")
	}
	switch name {
	case "approve", "block", "unblock", "kill", "resume", "deadletters", "breakers":
		user, _ := c.Environ("USER")
		c.flags.StringVar(&c.operator, "operator", user, "who you are; it is written down")
		c.flags.StringVar(&c.reason, "reason", "", "why; it is written down")
	}
	switch name {
	case "check":
		c.flags.BoolVar(&c.onlyConfig, "only-config", false, "validate the configuration, connect to nothing")
	case "unblock":
		c.flags.BoolVar(&c.force, "force", false, "an order that cannot be found is not at the broker: you have looked")
	case "enqueue":
		c.flags.StringVar(&c.key, "key", "", "idempotency key: the same one again is the same event")
		c.flags.StringVar(&c.payload, "payload", "", "arguments as JSON, such as {\"force\":true}")
	case "runs":
		c.flags.IntVar(&c.limit, "n", 20, "how many")
	case "import":
		c.flags.BoolVar(&c.lost, "lost", false, "publish anew what was in work when its worker died")
		c.flags.BoolVar(&c.skipFaults, "skip-faults", false, "import the rest if some events cannot be")
	}
	switch name {
	case "enqueue", "approve", "unblock":
		c.flags.BoolVar(&c.wait, "wait", false, "wait for the end, and show the run")
	}
}

// need checks how many arguments there are.
func (c *call) need(least, most int) error {
	if len(c.args) < least || len(c.args) > most {
		return fmt.Errorf("%w: %q: want %s; see %s -h", errUsage, c.args, strings.TrimSpace(c.flags.Name()+" "+c.usage), c.flags.Name())
	}
	return nil
}

// arg returns an argument, or nothing.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// signed says who asks, and why.
func (c *call) signed() (ops.Signed, error) {
	if c.operator == "" || c.reason == "" {
		return ops.Signed{}, fmt.Errorf("%w: -operator and -reason are required: they are written down", errUsage)
	}
	c.changes = true
	return ops.Signed{Operator: c.operator, Reason: c.reason, Force: c.force}, nil
}

// help prints all sub-commands and exit codes.
func help(_ context.Context, c *call) error {
	fmt.Fprintln(c.Stdout, "daemon keeps accounts at their target allocation.\n\nusage: daemon [sub-command] [arguments] [flags]; daemon SUB-COMMAND -h shows its flags")
	fmt.Fprintln(c.Stdout)
	t := c.table()
	for _, cmd := range commands() {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", cmd.name, cmd.args, cmd.does)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(c.Stdout, `
exit codes
  0  done
  1  something unexpected
  2  the command line is wrong
  3  the configuration has faults
  4  no such event, run or account
  5  invalid, not allowed as things stand, or the token is wrong
  6  daemon, store or broker does not answer, or files or address are in use
  7  it was done, and the answer is bad: not ready, or the run did not complete
  8  the daemon did not stop in time
`)
	return err
}
