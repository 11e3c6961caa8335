package redisconn_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

// A script counts, and is safe to repeat because of its token.
func Example() {
	server, err := miniredis.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	options, err := redisconn.Parse("redis://" + server.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := redisconn.Open(options)
	defer func() { _ = conn.Close() }()

	once := redisconn.NewScript("count once", `
		if redis.call('HSETNX', KEYS[1], ARGV[1], '1') == 1 then redis.call('HINCRBY', KEYS[1], 'n', 1) end
		return redis.call('HGET', KEYS[1], 'n')`)
	for range 2 {
		n, err := conn.Run(context.Background(), redisconn.Call{Script: once, Keys: []string{"{example}"}, Args: []any{"token"}})
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 1 <nil>
}
