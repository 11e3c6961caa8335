package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
)

// patienceOfRedis is how long the client waits for an answer: less than a lease.
const patienceOfRedis = 150 * time.Millisecond

// openRedis opens a queue and a journal on a server, with one client for both.
func openRedis(addr, prefix string) (*stores, error) {
	client := redis.NewUniversalClient(redisconn.Harden(&redis.UniversalOptions{
		Addrs: []string{addr}, DialTimeout: patienceOfRedis, ReadTimeout: patienceOfRedis, WriteTimeout: patienceOfRedis,
		PoolTimeout: patienceOfRedis,
	}))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	q, err := redisqueue.Open(ctx, client, redisqueue.Options{
		Name: prefix, Lease: lease, MaxCrashes: maxCrashes, History: historyKept,
	})
	if err != nil {
		return nil, closeAll(func() error { return err }, client.Close)()
	}
	j, err := redisjournal.New(client, redisjournal.Options{Prefix: prefix, KeepRuns: -1})
	if err != nil {
		return nil, closeAll(func() error { return err }, q.Close, client.Close)()
	}
	return &stores{queue: q, admin: q, journal: j, close: closeAll(j.Close, q.Close, client.Close)}, nil
}
