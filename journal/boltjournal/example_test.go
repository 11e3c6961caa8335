package boltjournal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/boltjournal"
)

// A run that was begun is continued after a restart.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "journal.db")
	claim := journal.Claim{Account: "U1234567", Event: "e1", Command: "rebalance", Time: start}

	j, err := boltjournal.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	begun, err := j.Begin(ctx, claim)
	fmt.Println("begun:", begun.Grant.Run, err)
	step := journal.Step{Name: "plan", Time: start, Data: json.RawMessage(`{"orders":2}`)}
	fmt.Println("recorded:", j.Checkpoint(ctx, begun.Grant, step))
	fmt.Println("closed:", j.Close())

	j, err = boltjournal.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	begun, err = j.Begin(ctx, claim)
	fmt.Println("resumed:", begun.Resumed, "fence", begun.Grant.Fence, err)
	fmt.Println("plan:", string(begun.Run.Step("plan").Data))
	// Output:
	// begun: e1/1 <nil>
	// recorded: <nil>
	// closed: <nil>
	// resumed: true fence 2 <nil>
	// plan: {"orders":2}
}
