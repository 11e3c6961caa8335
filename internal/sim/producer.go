package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// producer publishes the events.
type producer struct {
	w    *world
	p    *process
	a    *actor
	keys int
	last queue.Event
}

// run publishes until ctx ends.
func (p *producer) run(ctx context.Context) {
	p.a.sleep(0)
	for !p.w.isQuiet() && ctx.Err() == nil {
		n := 1
		if p.w.strikes(p.a, EventBurst) {
			n = 2 + p.a.rng.IntN(6)
		}
		for range n {
			p.publish(ctx, p.event())
		}
		p.a.wait(ctx, p.a.between(time.Minute, 90*time.Minute), nil)
	}
}

// event draws an event.
func (p *producer) event() queue.Event {
	if p.last.Account != "" && p.w.strikes(p.a, DuplicateEvent) {
		return p.last
	}
	p.keys++
	e := queue.Event{
		Key: fmt.Sprintf("key-%d", p.keys), Account: string(pick(p.a.rng, p.w.accounts).ID), Command: "rebalance",
		Payload: pick(p.a.rng, []json.RawMessage{
			nil, nil, nil, nil, []byte(`{"force":true}`), []byte(`{"automatic":true}`), []byte(`{"mode":"raise_cash","raise_amount":"1000"}`),
			[]byte(`{"mode":"invest_cash"}`),
		}),
	}
	switch {
	case p.w.strikes(p.a, BadEvent):
		p.spoil(&e)
	case p.w.strikes(p.a, PoisonEvent):
		e.Payload = []byte(`{"strategy":"` + poisoned + `"}`)
	case p.w.strikes(p.a, NewerEvent):
		e.Schema = queue.Schema + 1
	case p.a.odds(200):
		e.Command, e.Payload = pick(p.a.rng, []string{"preview", "snapshot", "cancel_orders", "reconcile", "health"}), nil
	case p.a.odds(100):
		e.NotBefore = time.Now().Add(p.a.between(time.Minute, 3*time.Hour))
	}
	p.last = e
	return e
}

// spoil makes an event that can never work.
func (p *producer) spoil(e *queue.Event) {
	switch p.a.rng.IntN(4) {
	case 0:
		e.Command = "sell_everything"
	case 1:
		e.Account = "U404"
	case 2:
		e.Payload = []byte(`{"strateg":"x"}`)
	default:
		e.Payload = []byte(`{"schema":99}`)
	}
}

// publish publishes until the queue has it: after an error nobody knows, so the
// same key goes again.
func (p *producer) publish(ctx context.Context, e queue.Event) {
	q := simQueue{p.p}
	for range 20 {
		if _, err := q.Publish(ctx, e); err == nil {
			return
		}
		p.a.wait(ctx, p.a.between(time.Second, time.Minute), nil)
	}
}

// isPoison reports whether an event kills whoever handles it.
func isPoison(e *queue.Event) bool {
	return string(e.Payload) == `{"strategy":"`+poisoned+`"}`
}
