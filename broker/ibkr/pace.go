package ibkr

import (
	"time"
)

// bucket lets messages pass at an even rate, a few at once, and never more in any
// second than it may. Not safe for concurrent use.
type bucket struct {
	size   float64
	rate   float64 // tokens a second
	tokens float64
	last   time.Time
	window window
}

// second is a little more than that: messages that leave apart may arrive closer
// together.
const second = time.Second + 10*time.Millisecond

// newBucket passes at most perSecond messages in any second, a tenth of them at
// once.
func newBucket(perSecond int, now time.Time) *bucket {
	size := max(float64(perSecond)/10, 1)
	return &bucket{size: size, rate: float64(perSecond), tokens: size, last: now, window: window{most: perSecond, span: second}}
}

// take takes a token, or returns how long to wait for one.
func (b *bucket) take(now time.Time) time.Duration {
	if d := now.Sub(b.last); d > 0 {
		b.tokens = min(b.size, b.tokens+d.Seconds()*b.rate)
		b.last = now
	}
	if b.tokens < 1 {
		return max(time.Duration((1-b.tokens)/b.rate*float64(time.Second)), time.Microsecond)
	}
	if wait := b.window.take(now); wait > 0 {
		return wait
	}
	b.tokens--
	return 0
}

// slower halves the rate, down to one message a second.
func (b *bucket) slower() {
	b.rate, b.size, b.window.most = max(b.rate/2, 1), max(b.size/2, 1), max(b.window.most/2, 1)
	b.tokens = min(b.tokens, b.size)
}

// window allows a number of events in any span of time. Not safe for concurrent
// use.
type window struct {
	most int
	span time.Duration
	past []time.Time
}

// take books an event, or returns how long to wait until one is allowed.
func (w *window) take(now time.Time) time.Duration {
	for len(w.past) > 0 && now.Sub(w.past[0]) >= w.span {
		w.past = w.past[1:]
	}
	if len(w.past) >= w.most {
		return w.span - now.Sub(w.past[0])
	}
	w.past = append(w.past, now)
	return 0
}
