// Daemon is the reference runner: it keeps accounts at their targets, day after
// day, and is operated by sub-commands, over HTTP, and on a page.
//
//	go run ./examples/daemon                # a paper account, no service needed
//	go run ./examples/daemon -simulator     # the same over the wire, at a simulated gateway
//	go run ./examples/daemon help           # everything else
//
// README.md is the way in, OPERATING.md the operator's guide.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // the zones of markets and schedules, wherever this runs

	"github.com/evenkeel/evenkeel/examples/daemon/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), cli.Process{
		Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.LookupEnv,
	}))
}
