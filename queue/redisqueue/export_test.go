package redisqueue

import (
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// ReadEntry is readEntry for tests.
func ReadEntry(stored, happened, now string) (queue.Entry, error) {
	return readEntry("i", stored, happened, now, 50)
}

// ReadItem is readItem for tests.
func ReadItem(text string) (queue.HistoryItem, error) { return readItem(text) }

// ServerClock lets the server's clock be so far ahead of its true one, as the
// scripts of this queue read it.
func (q *Queue) ServerClock(ahead time.Duration) {
	q.limits.Store(q.opts.limits(ahead.Microseconds(), q.epoch))
}

// Passed lets the process have measured so much time more.
func (q *Queue) Passed(by time.Duration) {
	q.witness.mu.Lock()
	defer q.witness.mu.Unlock()
	q.witness.when = q.witness.when.Add(-by)
}

// Store returns what the server keeps of an event behind its line, and what is read
// from that with such a line.
func Store(event queue.Event) (stored []byte, read queue.Event, err error) {
	if stored, err = storedForm(event); err != nil {
		return nil, queue.Event{}, err
	}
	a := readAbout(event.ID, "1 1 0 "+event.Account+" "+event.Command+" "+event.Key+" "+sameness(&event)+" op ")
	read, err = a.decode(string(stored))
	return stored, read, err
}
