package redisimport_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/queue/redisimport"
)

func ExampleImport() {
	server, err := miniredis.Run() // stands for the old system's Redis
	if err != nil {
		panic(err)
	}
	defer server.Close()
	_, _ = server.Lpush("rebalance_queue", `{"event_id": "7f3a", "account_id": "U123456", "exec": "rebalance", "times_queued": 2}`)

	ctx := context.Background()
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{server.Addr()}})
	defer client.Close()
	queue := memqueue.New(memqueue.Options{})

	plan, err := redisimport.Read(ctx, client, nil) // a dry run
	if err != nil {
		panic(err)
	}
	fmt.Println(plan.Rows[0].Account, plan.Rows[0].Command, plan.Rows[0].State)
	for range 2 {
		report, err := redisimport.Import(ctx, client, queue, nil)
		if err != nil {
			panic(err)
		}
		fmt.Println(report.Count(redisimport.Published), "published,", report.Count(redisimport.Earlier), "earlier")
	}
	// Output:
	// U123456 rebalance planned
	// 1 published, 0 earlier
	// 0 published, 1 earlier
}
