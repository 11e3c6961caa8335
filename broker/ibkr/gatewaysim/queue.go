package gatewaysim

import (
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// maxQueue is how many frames wait for a client that does not read before the
// gateway hangs up.
const maxQueue = 1 << 18

// wireFault is how bytes are mistreated on their way out.
type wireFault struct {
	name  string
	count int // bytes, see the faults' table
	until time.Time
}

// queue is what waits to be written to one client.
type queue struct {
	mu     sync.Mutex
	frames [][]byte
	wake   chan struct{}
	ended  bool          // nothing more will come
	mute   bool          // half open
	stall  bool          // not even read
	stop   chan struct{} // closed by abort
	fault  wireFault
}

func (q *queue) push(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended || q.mute {
		return
	}
	if q.frames = append(q.frames, frame); len(q.frames) > maxQueue {
		q.frames, q.ended = nil, true
	}
	q.signal()
}

// finish lets what is queued go out, and then the connection ends.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.signal()
}

// abort drops what is queued and ends.
func (q *queue) abort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames, q.ended = nil, true
	q.signal()
	select {
	case <-q.stop:
	default:
		close(q.stop)
	}
}

// freeze is silence, and nothing is read either.
func (q *queue) freeze() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mute, q.stall, q.frames = true, true, nil
}

func (q *queue) stalled() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stall
}

// silence makes the connection half open: nothing is written any more.
func (q *queue) silence() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mute, q.frames = true, nil
}

func (q *queue) silent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mute
}

func (q *queue) mistreat(f wireFault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fault = f
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns what is queued; ok is false at the end.
func (q *queue) take() (frames [][]byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	frames, q.frames = q.frames, nil
	return frames, len(frames) > 0 || !q.ended
}

// over reports that nothing is left and nothing will come.
func (q *queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.frames) == 0 && q.ended
}

// present is the fault that bytes meet now.
func (q *queue) present() wireFault {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fault.until.IsZero() && time.Now().After(q.fault.until) {
		q.fault = wireFault{}
	}
	return q.fault
}

// write writes what is queued until the end, and closes the connection.
func (s *tcpSession) write() {
	defer s.conn.Close()
	for range s.out.wake {
		frames, ok := s.out.take()
		if !ok || !s.writeAll(frames) {
			return
		}
		if s.out.over() {
			return
		}
	}
}

// writeAll writes frames as the faults want it; false ends the connection.
func (s *tcpSession) writeAll(frames [][]byte) bool {
	for len(frames) > 0 {
		fault := s.out.present()
		frame := frames[0]
		frames = frames[1:]
		if fault.name == FaultMergedFrames {
			frame, frames = append(frame, slices.Concat(frames...)...), nil
		}
		if !s.writeFrame(frame, fault) {
			return false
		}
	}
	return true
}

// writeFrame writes one frame as the fault wants it; false ends the connection.
func (s *tcpSession) writeFrame(frame []byte, fault wireFault) bool {
	switch fault.name {
	case FaultSplitFrames:
		return s.writeSplit(frame, max(fault.count, 1))
	case FaultResetAfterBytes:
		return s.writeAndReset(frame, fault.count)
	}
	_, err := s.conn.Write(frame)
	return err == nil
}

// writeSplit writes a few bytes at a time, each in a packet of its own.
func (s *tcpSession) writeSplit(frame []byte, most int) bool {
	for len(frame) > 0 {
		n := min(len(frame), 1+rand.IntN(most))
		if _, err := s.conn.Write(frame[:n]); err != nil {
			return false
		}
		frame = frame[n:]
	}
	return true
}

// writeAndReset writes at most n bytes and then resets the connection.
func (s *tcpSession) writeAndReset(frame []byte, n int) bool {
	if n > len(frame) {
		s.out.mistreat(wireFault{name: FaultResetAfterBytes, count: n - len(frame)})
		_, err := s.conn.Write(frame)
		return err == nil
	}
	_, _ = s.conn.Write(frame[:n]) // it is lost either way
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return false
}
