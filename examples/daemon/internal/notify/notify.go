package notify

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/rebalance"
)

// Post hands results to the outbox and the letters in it to the notifiers. Make
// it with [New], and run it.
type Post struct {
	outbox    *Outbox
	notifiers []config.Notifier
	send      sender
	logger    *slog.Logger
	incoming  chan Message
	wake      map[string]chan struct{}
	first     time.Duration // before the second try; each further one is twice as long
}

var _ rebalance.Tracker = (*Post)(nil)

// New returns a post for some notifiers.
func New(outbox *Outbox, notifiers []config.Notifier, logger *slog.Logger) *Post {
	p := &Post{
		outbox: outbox, notifiers: notifiers, send: newSender(), logger: logger,
		incoming: make(chan Message, 1024), wake: map[string]chan struct{}{}, first: 5 * time.Second,
	}
	for i := range notifiers {
		p.wake[notifiers[i].Name] = make(chan struct{}, 1)
	}
	return p
}

// Track notes how a run ended. It never blocks.
func (p *Post) Track(_ context.Context, progress rebalance.Progress) {
	r := progress.Result
	if r == nil || len(p.to(r.Outcome)) == 0 {
		return
	}
	select {
	case p.incoming <- Message{
		Time: progress.Time, Account: string(r.Account), Run: string(r.Run), Event: r.Event, Command: string(r.Command),
		Outcome: string(r.Outcome), Reason: string(r.Reason), Detail: r.Detail, Orders: len(r.Orders),
	}:
	default:
		p.logger.Error("a notification is lost: too many wait for the disk", "account", r.Account, "run", r.Run, "outcome", r.Outcome)
	}
}

// to names the notifiers that want to know of an outcome.
func (p *Post) to(o rebalance.Outcome) []string {
	var names []string
	for i := range p.notifiers {
		if slices.Contains(p.notifiers[i].Outcomes, o) {
			names = append(names, p.notifiers[i].Name)
		}
	}
	return names
}

// Waiting counts what was not sent yet.
func (p *Post) Waiting() int { return p.outbox.Len() + len(p.incoming) }

// Run stores and sends until ctx ends. What was handed over by then is stored.
func (p *Post) Run(ctx context.Context) {
	var names []string
	for i := range p.notifiers {
		names = append(names, p.notifiers[i].Name)
	}
	if gone, err := p.outbox.prune(names); err != nil {
		p.logger.Error("outbox cannot be read", "err", err)
	} else if gone > 0 {
		p.logger.Warn("notifications are given up: they cannot be read, or are to somebody who is in the configuration no more", "count", gone)
	}
	var workers sync.WaitGroup
	for i := range p.notifiers {
		workers.Go(func() { p.deliver(ctx, &p.notifiers[i]) })
	}
	for {
		select {
		case m := <-p.incoming:
			p.store(m)
			continue
		case <-ctx.Done():
		}
		break
	}
	workers.Wait()
	for len(p.incoming) > 0 {
		p.store(<-p.incoming)
	}
}

func (p *Post) store(m Message) {
	names := p.to(rebalance.Outcome(m.Outcome))
	if err := p.outbox.put(m, names...); err != nil {
		p.logger.Error("a notification is lost: the outbox cannot be written", "account", m.Account, "run", m.Run, "err", err)
		return
	}
	for _, name := range names {
		select {
		case p.wake[name] <- struct{}{}:
		default:
		}
	}
}

// deliver sends the letters to one notifier, in their order.
func (p *Post) deliver(ctx context.Context, n *config.Notifier) {
	for ctx.Err() == nil {
		l, err := p.outbox.next(n.Name)
		if err != nil {
			p.logger.Error("outbox cannot be read", "notifier", n.Name, "err", err)
		}
		wait := time.Minute
		if l != nil {
			wait = time.Until(l.Next)
		}
		if l == nil || wait > 0 {
			p.pause(ctx, n.Name, wait, l == nil)
			continue
		}
		p.try(ctx, n, l)
	}
}

// try sends one letter, or says when to try again.
func (p *Post) try(ctx context.Context, n *config.Notifier, l *letter) {
	err := p.send.send(ctx, n, &l.Message)
	if err != nil && ctx.Err() != nil {
		return
	}
	old := time.Since(l.Message.Time) > MaxAge
	switch {
	case err == nil:
		err = p.outbox.done(l)
	case old || permanent(err):
		p.logger.Error("a notification is given up", "notifier", n.Name, "run", l.Message.Run, "tries", l.Tries+1, "err", err)
		err = p.outbox.done(l)
	default:
		l.Tries++
		l.Next = time.Now().Add(min(p.first<<min(l.Tries-1, 8), 15*time.Minute))
		p.logger.Warn("notifier does not take the message, it will be tried again", "notifier", n.Name, "tries", l.Tries, "next", l.Next, "err", err)
		err = p.outbox.later(l)
	}
	if err != nil {
		p.logger.Error("outbox cannot be written", "notifier", n.Name, "err", err)
		p.pause(ctx, n.Name, time.Second, false)
	}
}

// pause waits, or until something new came if that matters.
func (p *Post) pause(ctx context.Context, name string, wait time.Duration, wakeable bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	wake := p.wake[name]
	if !wakeable {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}
