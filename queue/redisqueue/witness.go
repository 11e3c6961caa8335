package redisqueue

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
)

// witness is what a process knows of the queue's clock, see lua/clock.lua. It is safe
// for concurrent use.
type witness struct {
	mu    sync.Mutex
	at    int64     // what the clock showed, in microseconds; 0: not known
	when  time.Time // not before that, with the monotonic clock
	ahead string    // how far it was ahead of the server's
}

// soon is how fast an answer must come that says what the clock shows: how long it was
// on its way is what a witness knows less.
const soon = 100 * time.Millisecond

// learn takes note of what the clock showed in an answer that has just come to a call
// that was made then.
func (w *witness) learn(at string, sent time.Time) {
	when := time.Now()
	n, err := strconv.ParseInt(at, 10, 64)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && (w.at == 0 || when.Sub(sent) < soon) {
		w.at, w.when = n, when
	}
}

// least is what the clock shows at least, "" if that is not known.
func (w *witness) least() any {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == 0 {
		return ""
	}
	return strconv.FormatInt(w.at+time.Since(w.when).Microseconds(), 10)
}

// moved returns by how much the server's clock went forward since the last call,
// without time having passed; 0 if that is not worth a word.
func (w *witness) moved(ahead string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, err1 := strconv.ParseInt(w.ahead, 10, 64)
	is, err2 := strconv.ParseInt(ahead, 10, 64)
	w.ahead = ahead
	by := time.Duration(was-is) * time.Microsecond
	if err1 != nil || err2 != nil || by < 5*time.Second {
		return 0
	}
	return by.Round(time.Second)
}

// enter makes the key space if there is none, and waits until its clock is certain:
// what another process knows of it, or for some seconds if there is none.
func (q *Queue) enter(ctx context.Context, epoch string) (reply, error) {
	for range 100 {
		sent := time.Now()
		r, err := q.run(ctx, q.scripts.init, epoch)
		if err != nil {
			return nil, err
		}
		q.witness.learn(r.text(2), sent)
		if r.text(2) != "" {
			q.witness.moved(r.text(3))
			return r, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, errors.New("the clock of the server is set again and again, or stands still: look after its time service")
}
