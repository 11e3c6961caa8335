package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/rebalance"
)

// Change is something that a page should look at.
type Change struct {
	Time    time.Time `json:"time"`
	What    string    `json:"what"` // step, order, result or look
	Account string    `json:"account,omitempty"`
	Run     string    `json:"run,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Hub tells all readers of changes. Make it with [NewHub]. Safe for concurrent
// use; a reader that is too slow misses changes.
type Hub struct {
	mu      sync.Mutex
	readers map[chan Change]bool
	closed  bool
	// slowest is how long one write to a reader may take: who reads nothing makes
	// room for others. It is longer than the pause between two beats.
	slowest time.Duration
}

var _ rebalance.Tracker = (*Hub)(nil)

// NewHub returns a hub without readers.
func NewHub() *Hub { return &Hub{readers: map[chan Change]bool{}, slowest: 20 * time.Second} }

// Track tells what happened in a run.
func (h *Hub) Track(_ context.Context, p rebalance.Progress) {
	c := Change{Time: p.Time, Account: string(p.Account), Run: string(p.Run)}
	switch {
	case p.Result != nil:
		c.What, c.Detail = "result", string(p.Result.Outcome)
	case p.Order != nil:
		c.What, c.Detail = "order", fmt.Sprintf("%s %s %s %s", p.Order.Side, p.Order.Sent, p.Order.Symbol, p.Order.Outcome)
	default:
		c.What, c.Detail = "step", string(p.Step)
	}
	h.Tell(c)
}

// Tell tells all readers. It never blocks.
func (h *Hub) Tell(c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for reader := range h.readers {
		select {
		case reader <- c:
		default:
		}
	}
}

// Close ends all streams.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for reader := range h.readers {
		close(reader)
		delete(h.readers, reader)
	}
}

// maxReaders bounds the streams.
const maxReaders = 100

// join adds a reader, or returns nil if there are too many.
func (h *Hub) join() chan Change {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.readers) >= maxReaders {
		return nil
	}
	reader := make(chan Change, 64)
	h.readers[reader] = true
	return reader
}

func (h *Hub) leave(reader chan Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, reader)
}

// beatEvery is the longest pause of a stream.
const beatEvery = 15 * time.Second

// serve streams changes as server-sent events.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request) {
	reader := h.join()
	if reader == nil {
		http.Error(w, "too many streams", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(reader)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) //nolint:errcheck // then it ends sooner
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	h.stream(w, r, control, reader, beat.C)
}

// stream writes changes until somebody ends it.
func (h *Hub) stream(w http.ResponseWriter, r *http.Request, control *http.ResponseController, reader <-chan Change, beat <-chan time.Time) {
	within := func() { _ = control.SetWriteDeadline(time.Now().Add(h.slowest)) } //nolint:errcheck // then the server's limit holds
	within()
	fmt.Fprint(w, "retry: 2000\n: welcome\n\n")
	for control.Flush() == nil {
		select {
		case <-r.Context().Done():
			return
		case <-beat:
			within()
			fmt.Fprint(w, ": beat\n\n")
		case c, ok := <-reader:
			if !ok {
				return
			}
			data, err := json.Marshal(c)
			if err != nil {
				return
			}
			within()
			fmt.Fprintf(w, "data: %s\n\n", data)
		}
	}
}
