package rebalance

import (
	"context"
	"time"
)

// sendWindow bounds the writing of orders that are sent one right after another:
// each by Timing.Acknowledge. As long as that has hardly begun, the next order
// shares the context of the one before it, which ends at most a hundredth too
// early. A clock that stands still cannot tell, so nothing is shared then.
type sendWindow struct {
	e      *Engine
	ctx    context.Context //nolint:containedctx // it lives as long as one batch
	cancel context.CancelFunc
	made   time.Time
}

// open returns the context for an order that is sent now. It stays open for the next.
func (w *sendWindow) open(ctx context.Context, now time.Time) context.Context {
	limit := w.e.cfg.Timing.Acknowledge
	if w.ctx != nil && w.ctx.Err() == nil && now.After(w.made) && now.Sub(w.made) <= limit/100 {
		return w.ctx
	}
	w.close()
	w.ctx, w.cancel = w.e.cfg.WithTimeout(ctx, limit)
	w.made = now
	return w.ctx
}

// close ends the context.
func (w *sendWindow) close() {
	if w.cancel != nil {
		w.cancel()
	}
}
