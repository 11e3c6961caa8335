package gatewaysim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// tcpSession is one connection of one client. Its fields are guarded by the
// exchange's mutex, except the queue, which has its own.
type tcpSession struct {
	ex      *Exchange
	conn    net.Conn
	number  int
	version int

	client     int
	started    bool // startApi was answered
	gone       bool // nothing is sent any more
	dismissed  bool // will be closed soon; what it says is ignored
	left       int  // messages until a fault dismisses it; 0 is no such fault
	dataType   int
	streams    map[int32]*Contract // market data by request id
	summaries  map[int32]summary
	positions  bool
	posMulti   map[int32]string // account by request id
	updMulti   map[int32]string
	account    string // subscribed with reqAccountUpdates
	pace       pace
	historyLog []historyUse

	out queue
}

// serve runs a connection to its end.
func (g *Gateway) serve(conn net.Conn) {
	s := g.ex.join(conn)
	if s == nil || g.down() {
		if s != nil {
			g.ex.leave(s, nil)
		}
		_ = conn.Close()
		return
	}
	var wg sync.WaitGroup
	written := make(chan struct{})
	wg.Go(func() {
		defer close(written)
		s.write()
	})
	wg.Go(func() {
		select {
		case <-g.ctx.Done():
			s.hangUp()
		case <-written:
		}
	})
	err := s.read(bufio.NewReaderSize(conn, 64<<10))
	g.ex.leave(s, err)
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // for what is still queued
	s.out.finish()
	wg.Wait()
}

// hangUp cuts the connection at once, with what is queued lost.
func (s *tcpSession) hangUp() {
	s.out.abort()
	_ = s.conn.Close() // a second close is harmless
}

// cut is hangUp for callers with the exchange's lock: the client id is free at
// once.
func (s *tcpSession) cut() {
	s.gone = true
	s.hangUp()
}

// farewell is how long a connection stays open after the last message, so that
// the client can read it: clients drop what they have not handled when the
// connection ends.
const farewell = 50 * time.Millisecond

// dismiss ends the connection once the client has had time to read what was
// sent. The exchange's lock is held.
func (s *tcpSession) dismiss() {
	s.gone, s.dismissed = true, true
	s.ex.after(farewell, s.out.finish)
}

// read reads the greeting and then requests until the end.
func (s *tcpSession) read(r *bufio.Reader) error {
	if err := s.greet(r); err != nil {
		return err
	}
	for {
		payload, err := readFrame(r)
		if err != nil {
			return err
		}
		if s.out.stalled() { // nothing is read until somebody cuts the connection
			<-s.out.stop
			return errors.New("gatewaysim: stalled")
		}
		if s.out.silent() { // half open: whatever comes is lost
			return drain(r)
		}
		req, err := decodeRequest(s.version, payload)
		if !s.ex.receive(s, req, len(payload), err) {
			return nil
		}
	}
}

// greet answers "API" and the client's range of versions with ours.
func (s *tcpSession) greet(r *bufio.Reader) error {
	head, err := r.Peek(4)
	if err != nil {
		return err
	}
	if string(head) != "API\x00" {
		s.ex.note(s, Entry{Kind: KindUnhandshaken, Detail: fmt.Sprintf("first bytes %q", head)})
		return errors.New("gatewaysim: no greeting")
	}
	if _, err := r.Discard(4); err != nil {
		return err
	}
	payload, err := readFrame(r)
	if err != nil {
		return err
	}
	low, high, err := parseGreeting(string(payload))
	if err != nil {
		return err
	}
	version := min(s.ex.cfg.ServerVersion, high)
	if version < low || version < OldestVersion {
		return fmt.Errorf("gatewaysim: client speaks %d to %d, the gateway %d to %d", low, high, OldestVersion, s.ex.cfg.ServerVersion)
	}
	s.ex.mu.Lock()
	s.version = version
	s.ex.mu.Unlock()
	switch s.ex.greetingFault(s) {
	case FaultNoHandshake:
		return drain(r)
	case FaultAcceptAndClose:
		return io.EOF
	}
	w := &fieldWriter{}
	w.int(int64(version))
	w.str(s.ex.now().In(s.ex.zone).Format("20060102 15:04:05 MST"))
	s.out.push(appendFrame(nil, w.buf))
	return nil
}

// drain reads and never answers.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return errors.Join(err, io.EOF)
}

// parseGreeting reads "v100..225" with options after a space.
func parseGreeting(text string) (low, high int, err error) {
	text, _, _ = strings.Cut(text, " ")
	text = strings.TrimSuffix(text, "\x00")
	if n, err := fmt.Sscanf(text, "v%d..%d", &low, &high); err == nil && n == 2 && low <= high {
		return low, high, nil
	}
	if n, err := fmt.Sscanf(text, "v%d", &low); err == nil && n == 1 {
		return low, low, nil
	}
	return 0, 0, fmt.Errorf("gatewaysim: greeting %.40q: want v100..%d", text, NewestVersion)
}

// send queues an answer. It never blocks.
func (s *tcpSession) send(m proto.Message) {
	if s.gone {
		return
	}
	frame, kind, err := encodeAnswer(s.version, m)
	if err != nil {
		s.ex.cfg.Logger.Error("gatewaysim: answer", "err", err)
		return
	}
	s.ex.record(s, Entry{Kind: KindSent, Name: kind.name, Bytes: len(frame), Detail: brief(m)})
	s.out.push(frame)
	if s.left > 0 {
		if s.left--; s.left == 0 {
			s.dismiss()
		}
	}
}

// fail sends an error about a request, or about the connection if id is -1.
func (s *tcpSession) fail(id int32, code int, format string, args ...any) {
	s.send(&protobuf.ErrorMessage{
		Id: proto.Int32(id), ErrorCode: proto.Int32(int32(code)), ErrorMsg: proto.String(fmt.Sprintf(format, args...)),
		ErrorTime: proto.Int64(s.ex.now().UnixMilli()),
	})
}

// pace counts messages in seconds.
type pace struct {
	from    time.Time
	n       int
	strikes int
}

// over counts a message and reports whether it is one too many in its second.
func (p *pace) over(limit int) bool {
	now := time.Now()
	if now.Sub(p.from) >= time.Second {
		p.from, p.n = now, 0
	}
	p.n++
	if limit < 0 || p.n <= limit {
		return false
	}
	p.strikes++
	p.from, p.n = now, 0
	return true
}
