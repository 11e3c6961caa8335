package ops_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// An operator asks for a rebalance, thinks better of it, and stops everything.
func ExampleLocal() {
	ctx := context.Background()
	verbs := &ops.Local{
		Queue: memqueue.New(memqueue.Options{}), Journal: journal.NewMemory(journal.MemoryOptions{}),
		Accounts: []rebalance.Account{{ID: "U1", Strategy: "core"}},
	}
	_, err := verbs.Enqueue(ctx, ops.NewEvent{Account: "U2"})
	fmt.Println(errors.Is(err, ops.ErrNotFound), err)

	receipt, err := verbs.Enqueue(ctx, ops.NewEvent{Account: "U1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ana := ops.Signed{Operator: "ana", Reason: "the targets are wrong"}
	if _, err := verbs.Drop(ctx, receipt.ID, ana); err != nil {
		fmt.Println(err)
		return
	}
	if err := verbs.Kill(ctx, "", ana); err != nil {
		fmt.Println(err)
		return
	}
	status, err := verbs.Status(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(status.Waiting), "events wait; stopped by", status.Accounts[0].Kill.Operator)
	// Output:
	// true ops: not found: account "U2": there are ["U1"]
	// 0 events wait; stopped by ana
}
