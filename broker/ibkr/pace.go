package ibkr

import (
	"time"
)

// bucket is a token bucket: in any second at most size + rate messages pass.
// Not safe for concurrent use.
type bucket struct {
	size   float64
	rate   float64 // tokens a second
	tokens float64
	last   time.Time
}

// newBucket passes at most perSecond messages in any second.
func newBucket(perSecond int, now time.Time) *bucket {
	size := max(float64(perSecond)/5, 1)
	rate := max(float64(perSecond)-size, 1)
	return &bucket{size: size, rate: rate, tokens: size, last: now}
}

// take takes a token, or returns how long to wait for one.
func (b *bucket) take(now time.Time) time.Duration {
	if d := now.Sub(b.last); d > 0 {
		b.tokens = min(b.size, b.tokens+d.Seconds()*b.rate)
		b.last = now
	}
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return max(time.Duration((1-b.tokens)/b.rate*float64(time.Second)), time.Microsecond)
}

// slower halves the rate, down to one message a second.
func (b *bucket) slower() {
	b.rate, b.size = max(b.rate/2, 1), max(b.size/2, 1)
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
