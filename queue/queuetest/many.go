package queuetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/queue"
)

var manyCases = []testCase{
	{name: "many consumers settle each event once", run: manyConsumers},
	{name: "a consumer killed between receive and ack loses nothing", run: killedConsumers},
}

func manyConsumers(e *env) { (&crowd{env: e, deaths: 0}).run() }

func killedConsumers(e *env) { (&crowd{env: e, deaths: 5}).run() }

// crowd is many producers and consumers at once, and what they saw.
type crowd struct {
	*env
	deaths int // one delivery of so many ends by the death of its consumer

	mu        sync.Mutex
	faults    []string
	published map[string][]string // by account, in the order of acceptance
	started   map[string][]string // by account, in the order of first deliveries
	fences    map[string]uint64
	busy      map[string]bool
	acked     map[string]int
	crashes   map[string]int
	attempts  map[string]int
	left      int
}

const crowdAccounts, crowdEvents, crowdConsumers = 6, 6, 8

func (c *crowd) run() {
	c.Helper()
	c.published, c.started = map[string][]string{}, map[string][]string{}
	c.fences, c.busy = map[string]uint64{}, map[string]bool{}
	c.acked, c.crashes, c.attempts = map[string]int{}, map[string]int{}, map[string]int{}
	c.left = crowdAccounts * crowdEvents
	ctx, stop := context.WithTimeout(c.Context(), 200*c.Lease)
	defer stop()

	var wg sync.WaitGroup
	for i := range crowdAccounts {
		wg.Go(func() { c.produce(ctx, fmt.Sprintf("A%d", i)) })
	}
	finished := make(chan struct{})
	for range crowdConsumers {
		wg.Go(func() { c.consume(ctx, stop) })
	}
	go func() { wg.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(200*c.Lease + c.Patience):
		require.Fail(c, "consumers did not stop")
	}

	require.Empty(c, c.faults)
	require.Zero(c, c.left, "events that were never settled: acked %v", c.acked)
	for account, ids := range c.published {
		require.True(c, slices.Equal(ids, c.started[account]), "account %s: accepted %v, started %v", account, ids, c.started[account])
		for _, id := range ids {
			require.Equal(c, 1, c.acked[id], "event %s", id)
			c.is(id, queue.Done)
		}
	}
	c.none("all is done")
}

func (c *crowd) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *crowd) produce(ctx context.Context, account string) {
	for i := range crowdEvents {
		receipt, err := c.Queue.Publish(ctx, queue.Event{Account: account, Command: fmt.Sprintf("c%d", i), Key: fmt.Sprintf("%s/%d", account, i)})
		c.mu.Lock()
		if err != nil {
			c.fault("publish: %v", err)
		} else {
			c.accepted[receipt.ID] = true
			c.published[account] = append(c.published[account], receipt.ID)
		}
		c.mu.Unlock()
	}
}

func (c *crowd) consume(ctx context.Context, stop context.CancelFunc) {
	for {
		d, err := c.Queue.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.mu.Lock()
				c.fault("receive: %v", err)
				c.mu.Unlock()
				stop()
			}
			return
		}
		verdict, killed := c.handle(d)
		if killed {
			continue // the lease must run out by itself
		}
		if err := d.Settle(context.WithoutCancel(ctx), verdict); err != nil {
			c.mu.Lock()
			c.fault("settle: %v", err)
			c.mu.Unlock()
		}
		c.mu.Lock()
		finished := c.left == 0 || len(c.faults) > 0
		c.mu.Unlock()
		if finished {
			stop()
		}
	}
}

// handle checks a delivery, works on it and decides how it ends.
func (c *crowd) handle(d *queue.Delivery) (verdict queue.Verdict, killed bool) {
	id, account := d.Event.ID, d.Event.Account
	c.mu.Lock()
	if c.busy[account] {
		c.fault("event %s was delivered while another worker had account %s", id, account)
	}
	c.busy[account] = true
	if d.Fence <= c.fences[account] {
		c.fault("fence %d of account %s after %d", d.Fence, account, c.fences[account])
	}
	c.fences[account] = d.Fence
	if !slices.Contains(c.started[account], id) {
		c.started[account] = append(c.started[account], id)
	}
	if c.acked[id] > 0 {
		c.fault("event %s was delivered after its ack", id)
	}
	if want := c.attempts[id] + 1; d.Attempt != want {
		c.fault("event %s: attempt %d, not %d", id, d.Attempt, want)
	}
	if d.Crashes != c.crashes[id] {
		c.fault("event %s: %d crashes, not %d", id, d.Crashes, c.crashes[id])
	}
	c.mu.Unlock()
	c.Advance(c.Lease / 1000)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy[account] = false
	verdict, killed = c.decide(d)
	switch {
	case killed:
		c.crashes[id]++
	case verdict.Verb == queue.VerbRetry:
		c.attempts[id]++
	case verdict.Verb == queue.VerbAck:
		c.acked[id]++
		c.left--
	}
	return verdict, killed
}

// decide draws lots, the same ones in every run.
func (c *crowd) decide(d *queue.Delivery) (verdict queue.Verdict, killed bool) {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s/%s/%d", d.Event.Account, d.Event.Command, d.Attempt+len(c.started)+int(d.Fence))
	lot := int(h.Sum32() >> 8)
	if c.deaths > 0 && lot%c.deaths == 0 && d.Crashes+1 < c.MaxCrashes {
		return verdict, true
	}
	switch lot % 7 {
	case 0, 1:
		return queue.Verdict{Verb: queue.VerbRetry, After: time.Duration(lot%5) * c.Lease / 100}, false
	case 2:
		return queue.Verdict{Verb: queue.VerbDefer, Until: c.Now().Add(time.Duration(lot%5) * c.Lease / 100)}, false
	}
	return queue.Verdict{Verb: queue.VerbAck}, false
}
