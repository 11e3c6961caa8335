package sim

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
)

// simQueue is the queue as one process reaches it.
type simQueue struct{ p *process }

var (
	_ queue.EventQueue = simQueue{}
	_ queue.Admin      = simQueue{}
)

// out reports whether the queue does not answer now.
func (w *world) out(until func(*outages) time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(until(&w.down))
}

func queueDown(o *outages) time.Time   { return o.queue }
func journalDown(o *outages) time.Time { return o.journal }

// Publish implements [queue.EventQueue].
func (q simQueue) Publish(ctx context.Context, event queue.Event) (queue.Receipt, error) {
	account := broker.AccountID(event.Account)
	c := q.p.enter(ctx, "publish "+event.Command, account)
	receipt, err := q.publish(ctx, c, event)
	c.leave(ctx, err)
	return receipt, err
}

func (q simQueue) publish(ctx context.Context, c call, event queue.Event) (queue.Receipt, error) {
	w := q.p.w
	if w.out(queueDown) || w.strikes(c.a, PublishFails) {
		return queue.Receipt{}, &lie{"not published"}
	}
	receipt, err := w.queue.Publish(ctx, event)
	w.check.published(&event, receipt, err)
	if !receipt.Duplicate {
		w.stir(receipt.ID, event.NotBefore)
	}
	if err == nil && w.strikes(c.a, PublishLost) {
		return queue.Receipt{}, &lie{"published, but the answer is lost"}
	}
	return receipt, err
}

// stir tells the waiting workers that the queue has changed, and notes when time
// alone will change it.
func (w *world) stir(id string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.After(time.Now()) {
		w.alarms[id] = at
	} else {
		delete(w.alarms, id)
	}
	w.ring()
}

// next returns how long nothing will be due in the queue unless somebody changes
// it, and the bell that rings then. Zero is not known: it is worth a look.
func (w *world) next() (time.Duration, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	left := 10 * time.Minute
	for id, at := range w.alarms {
		if !at.After(now) {
			delete(w.alarms, id)
			w.dry = false
			continue
		}
		left = min(left, at.Sub(now))
	}
	if !w.dry || now.Sub(w.looked) >= left {
		return 0, w.bell
	}
	return left, w.bell
}

// tooOften is how often a world may look into its queue in vain, some hundred
// times what is usual.
const tooOften = 1_000_000

// foundNothing notes that nothing is due.
func (w *world) foundNothing() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dry, w.looked = true, time.Now()
	if w.looks++; w.looks == tooOften {
		w.violate("I-20", "", "the queue was looked into %d times in vain", w.looks)
	}
}

// Receive implements [queue.EventQueue].
func (q simQueue) Receive(ctx context.Context) (*queue.Delivery, error) {
	w := q.p.w
	for {
		if err := q.idle(ctx); err != nil {
			return nil, err
		}
		c := call{p: q.p, a: q.p.who(ctx).actor, what: "receive", rank: 2 * quantum}
		q.p.alive(c.a, c.rank)
		c.a.sleep(c.a.between(0, 8*quantum))
		q.p.alive(c.a, c.rank)
		c.a.beyond(ctx)
		if ctx.Err() == nil && (w.out(queueDown) || w.strikes(c.a, ReceiveFails)) {
			err := &lie{"receive failed"}
			c.leave(ctx, err)
			return nil, err
		}
		if d, err := q.take(ctx, c); d != nil || err != nil {
			return d, err
		}
		w.foundNothing()
	}
}

// idle waits until it is worth to look into the queue, or ctx ends. Most of a
// world's nights pass here, so it is no step and draws nothing.
func (q simQueue) idle(ctx context.Context) error {
	for {
		left, bell := q.p.w.next()
		if left == 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-bell:
		case <-ctx.Done():
		}
		timer.Stop()
		if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
			<-ctx.Done() // at its very instant
		}
		if q.p.isDead() {
			q.p.die()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// take takes what is due; without anything it returns nothing.
func (q simQueue) take(ctx context.Context, c call) (*queue.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	look, stop := context.WithTimeout(ctx, 1)
	d, err := q.p.w.queue.Receive(look)
	stop()
	switch {
	case d != nil:
		return q.delivered(ctx, c, d)
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return nil, nil //nolint:nilnil // nothing is due
	}
	c.leave(ctx, err)
	return nil, err
}

// delivered hands a delivery to the worker, unless it gets lost on the way.
func (q simQueue) delivered(ctx context.Context, c call, d *queue.Delivery) (*queue.Delivery, error) {
	w := q.p.w
	lease := d.Lease()
	c.what, c.account = "receive "+d.Event.ID+" "+d.Event.Command, broker.AccountID(d.Event.Account)
	w.check.delivered(d)
	w.stir(d.Event.ID, lease.Expires)
	if w.strikes(c.a, ReceiveLost) {
		err := &lie{"delivered, but the answer is lost"}
		c.leave(ctx, err)
		return nil, err
	}
	c.leave(ctx, nil)
	mine := queue.NewDelivery(d.Event, lease, driver{q.p, q.p.who(ctx)})
	mine.Attempt, mine.Crashes, mine.First = d.Attempt, d.Crashes, d.First
	return mine, nil
}

// driver is what a worker and its keeper do with a delivery.
type driver struct {
	p      *process
	worker *worker
}

// Extend implements [queue.Driver]. It is quick, so that the keeper is back
// before its next tick.
func (d driver) Extend(ctx context.Context, lease queue.Lease) (queue.Lease, error) {
	w := d.p.w
	c := call{p: d.p, a: d.worker.keeper, what: "extend " + lease.Event, account: broker.AccountID(lease.Account)}
	c.reach(ctx, 0)
	if w.out(queueDown) || w.strikes(c.a, ExtendFails) {
		err := &lie{"not extended"}
		c.done(err)
		return lease, err
	}
	longer, err := w.queue.Extend(ctx, lease)
	if err == nil {
		w.stir(lease.Event, longer.Expires)
	}
	c.done(err)
	if err == nil && w.strikes(c.a, ExtendLost) {
		return lease, &lie{"extended, but the answer is lost"}
	}
	return longer, err
}

// Settle implements [queue.Driver].
func (d driver) Settle(ctx context.Context, lease queue.Lease, v queue.Verdict) error {
	c := d.p.enter(ctx, "settle "+lease.Event+" "+string(v.Verb)+" "+v.Note.Class, broker.AccountID(lease.Account))
	err := d.settle(ctx, c, lease, v)
	c.leave(ctx, err)
	return err
}

func (d driver) settle(ctx context.Context, c call, lease queue.Lease, v queue.Verdict) error {
	w := d.p.w
	if w.out(queueDown) || w.strikes(c.a, SettleFails) {
		return &lie{"not settled"}
	}
	w.check.settling(&lease, &v)
	err := w.queue.Settle(ctx, lease, v)
	w.check.settledEvent(&lease, &v, err)
	if err == nil {
		due := v.Until
		if v.Verb == queue.VerbRetry {
			due = time.Now().Add(v.After)
		}
		w.stir(lease.Event, due)
		if w.strikes(c.a, SettleLost) {
			return &lie{"settled, but the answer is lost"}
		}
	}
	return err
}

// Stats implements [queue.Admin].
func (q simQueue) Stats(ctx context.Context) (queue.Stats, error) {
	c := q.p.enter(ctx, "stats", "")
	stats, err := q.p.w.queue.Stats(ctx)
	c.leave(ctx, err)
	return stats, err
}

// Entry implements [queue.Admin].
func (q simQueue) Entry(ctx context.Context, id string) (queue.Entry, error) {
	c := q.p.enter(ctx, "entry "+id, "")
	entry, err := q.p.w.queue.Entry(ctx, id)
	c.leave(ctx, err)
	return entry, err
}

// Entries implements [queue.Admin].
func (q simQueue) Entries(ctx context.Context, state queue.State) iter.Seq2[queue.Entry, error] {
	c := q.p.enter(ctx, "entries "+string(state), "")
	c.leave(ctx, nil)
	return q.p.w.queue.Entries(ctx, state)
}

// Operator implements [queue.Admin].
func (q simQueue) Operator(ctx context.Context, action queue.Action) (queue.Receipt, error) {
	w := q.p.w
	c := q.p.enter(ctx, string(action.Verb)+" "+action.ID, "")
	receipt, err := w.queue.Operator(ctx, action)
	w.check.acted(&action, receipt, err)
	w.stir(action.ID, time.Time{})
	c.leave(ctx, err)
	return receipt, err
}
