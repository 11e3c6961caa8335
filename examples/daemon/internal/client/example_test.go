package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/client"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/web"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// The same verbs, asked of a daemon over HTTP.
func Example() {
	ctx := context.Background()
	hub := web.NewHub()
	defer hub.Close()
	server := httptest.NewServer(web.New(web.Config{
		Verbs: &ops.Local{
			Queue: memqueue.New(memqueue.Options{}), Journal: journal.NewMemory(journal.MemoryOptions{}),
			Accounts: []rebalance.Account{{ID: "U1", Strategy: "core"}},
		},
		Health: func(context.Context) rebalance.Report { return rebalance.Report{} },
		Live:   func() bool { return true }, Ready: func() bool { return true },
		Metrics: http.NotFoundHandler(), Token: "a-secret-of-the-operators", Instance: "one", Hub: hub, Logger: slog.New(slog.DiscardHandler),
	}))
	defer server.Close()

	verbs := client.New(strings.TrimPrefix(server.URL, "http://"), "a-secret-of-the-operators")
	if err := verbs.Kill(ctx, "U1", ops.Signed{Operator: "ana", Reason: "the targets are wrong"}); err != nil {
		fmt.Println(err)
		return
	}
	status, err := verbs.Status(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Accounts[0].ID, "is stopped by", status.Accounts[0].Kill.Operator)
	// Output:
	// U1 is stopped by ana
}
