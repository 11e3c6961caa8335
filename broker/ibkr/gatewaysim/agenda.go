package gatewaysim

import (
	"context"
	"time"
)

// task is something that happens later.
type task struct {
	due time.Time
	do  func() // called with the exchange's lock held
}

// after does something after a delay, at once without one. The lock is held.
func (e *Exchange) after(d time.Duration, do func()) {
	if d <= 0 {
		do()
		return
	}
	e.tasks = append(e.tasks, task{time.Now().Add(d), do})
	select {
	case e.wakeup <- struct{}{}:
	default:
	}
}

// runAgenda does what is due until the context ends.
func (e *Exchange) runAgenda(ctx context.Context) {
	const idle = time.Hour
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		timer.Reset(e.doDue(idle))
		select {
		case <-ctx.Done():
			return
		case <-e.wakeup:
		case <-timer.C:
		}
	}
}

// doDue does what is due, in order, and returns the time until the next.
func (e *Exchange) doDue(idle time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		next := -1
		for i := range e.tasks {
			if next < 0 || e.tasks[i].due.Before(e.tasks[next].due) {
				next = i
			}
		}
		if next < 0 {
			return idle
		}
		if wait := time.Until(e.tasks[next].due); wait > 0 {
			return min(wait, idle)
		}
		do := e.tasks[next].do
		e.tasks = append(e.tasks[:next], e.tasks[next+1:]...)
		do()
	}
}
