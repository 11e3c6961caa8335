package redisqueue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
)

// How often a sleeping queue looks whether something is ready although nobody
// woke it: messages can be lost.
const (
	longNap  = time.Second
	shortNap = 250 * time.Millisecond // while the server cannot wake us
	maxClaim = 64                     // events at once
)

// pump claims events for the receivers that wait, until the queue is closed. It
// has one claim under way at a time.
func (q *Queue) pump(ctx context.Context) {
	c := claims{q: q}
	nap := time.NewTimer(longNap)
	defer nap.Stop()
	for !q.isClosed() {
		if q.hungry() {
			nap.Reset(c.claim(ctx))
			continue
		}
		select {
		case <-q.closed:
		case <-q.poked:
		case <-nap.C:
			q.stir()
			nap.Reset(longNap)
		}
	}
}

// hungry reports whether a claim could serve a receiver. It is then up to the
// claim to say whether more is ready.
func (q *Queue) hungry() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.hot || len(q.line) == 0 {
		return false
	}
	q.hot = false
	return true
}

// wanted is how many events a claim that is sent now should take, and the witness.
func (q *Queue) wanted() any {
	q.mu.Lock()
	n := max(1, min(len(q.line), maxClaim))
	q.mu.Unlock()
	return fmt.Sprint(n, " ", q.witness.least())
}

// claims are those of one queue, one after the other.
type claims struct {
	q      *Queue
	number uint64
	unsure bool      // it is not known what the last one took
	since  time.Time // when the last one was sent
}

// claim serves the receivers that wait when it is sent. It returns how long to
// sleep if nobody wakes the queue.
func (c *claims) claim(ctx context.Context) time.Duration {
	q := c.q
	if !c.unsure {
		c.number++
	}
	first := c.unsure
	r, err := q.repeat(ctx, func(ctx context.Context, tries int) (reply, error) {
		repeated := "0"
		if tries > 0 || first {
			repeated = "1"
		}
		c.since = time.Now()
		return q.once(context.WithoutCancel(ctx), redisconn.Call{
			Script: q.scripts.claim, Keys: q.keys,
			Args: []any{q.limits.Load(), q.instance, strconv.FormatUint(c.number, 10), repeated}, Last: q.wanted, Patient: true,
		})
	})
	c.unsure = err != nil
	if err != nil {
		if !q.isClosed() {
			q.fail(fmt.Errorf("redisqueue: receive: %w", err))
		}
		q.stir()
		return longNap
	}
	c.handOut(ctx, r)
	return c.nap(r)
}

// nap reads how long to sleep.
func (c *claims) nap(r reply) time.Duration {
	if r.text(3) == "1" {
		c.q.stir()
		return longNap
	}
	c.q.mu.Lock()
	nap := shortNap
	if c.q.subscribed {
		nap = longNap
	}
	c.q.mu.Unlock()
	if n, err := strconv.ParseInt(r.text(2), 10, 64); err == nil {
		nap = min(nap, time.Duration(min(n, longNap.Microseconds()))*time.Microsecond)
	}
	return max(nap, 100*time.Microsecond)
}

// handOut gives the deliveries in an answer to the receivers, and gives back
// those for which nobody waits any more.
func (c *claims) handOut(ctx context.Context, r reply) {
	q := c.q
	const head, each = 4, 2
	all := make([]*queue.Delivery, 0, len(r)/each)
	for at := head; at+each <= len(r); at += each {
		d, err := q.delivery(r.text(at), r.text(at+1), c.since)
		if err != nil {
			q.bury(ctx, d, err)
			continue
		}
		all = append(all, d)
	}
	for _, d := range q.serve(all) {
		lease := d.Lease()
		q.work.Go(func() { q.giveBack(ctx, lease) })
	}
}

// delivery reads one of the deliveries in an answer: event, account, token,
// fence, attempt, crashes, first delivery and what is left of the lease, and the
// event's text. With an error the event cannot be read, but its delivery can be
// settled.
func (q *Queue) delivery(granted, stored string, since time.Time) (*queue.Delivery, error) {
	var part [8]string
	line, data, _ := strings.Cut(stored, "\n")
	cut(part[:], granted)
	about := readAbout(part[0], line)
	event, err := about.decode(data)
	if errors.Is(err, queue.ErrNewerSchema) {
		err = nil // the worker decides
	}
	fence, err1 := strconv.ParseUint(part[3], 10, 64)
	attempt, err2 := strconv.Atoi(part[4])
	crashes, err3 := strconv.Atoi(part[5])
	begun, err4 := instant(part[6])
	created, err5 := instant(about.created)
	left, err6 := strconv.ParseInt(part[7], 10, 64)
	event.Created = created
	d := queue.NewDelivery(event, queue.Lease{
		Event: part[0], Account: part[1], Fence: fence, Token: part[2],
		Duration: q.opts.Lease, Expires: since.Add(time.Duration(left) * time.Microsecond),
	}, q)
	d.Attempt, d.Crashes, d.First = attempt, crashes, begun
	return d, errors.Join(err, err1, err2, err3, err4, err5, err6)
}

// cut cuts a text at its spaces; the last part is the rest of it.
func cut(parts []string, text string) {
	for i := range parts {
		if i == len(parts)-1 {
			parts[i] = text
			return
		}
		parts[i], text, _ = strings.Cut(text, " ")
	}
}

// bury makes a dead letter of an event that cannot be read. What was stored of
// it stays as it is.
func (q *Queue) bury(ctx context.Context, d *queue.Delivery, fault error) {
	q.opts.OnWarning(fmt.Errorf("redisqueue: receive: event %s cannot be read and is dead now: %w", d.Lease().Event, fault))
	err := d.Dead(context.WithoutCancel(ctx), queue.Note{Class: ClassUnreadable, Cause: fault.Error()})
	if err != nil {
		q.opts.OnWarning(err)
	}
}

// ClassUnreadable is the class of the history's last item of an event that
// became dead because its stored form could not be read.
const ClassUnreadable = "unreadable"

// giveBack undoes a delivery that nobody has seen.
func (q *Queue) giveBack(ctx context.Context, lease queue.Lease) {
	r, err := q.run(context.WithoutCancel(ctx), q.scripts.giveBack, lease.Account, lease.Event, lease.Token)
	if err != nil {
		q.opts.OnWarning(fmt.Errorf("redisqueue: give event %s back: its lease must run out: %w", lease.Event, err))
		return
	}
	if r.text(1) == "1" {
		q.stir()
	}
}
