package faultproxy_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that answers each line with "ok <line>" and remembers it.
type echo struct {
	net.Listener
	all sync.WaitGroup

	mu    sync.Mutex
	lines []string
	conns []net.Conn
}

// newEcho starts a server.
func newEcho() (*echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &echo{Listener: l}
	e.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.conns = append(e.conns, c)
			e.mu.Unlock()
			e.all.Go(func() { e.serve(c) })
		}
	})
	return e, nil
}

func (e *echo) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		e.mu.Lock()
		e.lines = append(e.lines, lines.Text())
		e.mu.Unlock()
		if _, err := fmt.Fprintf(c, "ok %s\n", lines.Text()); err != nil {
			return
		}
	}
}

func (e *echo) seen() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.lines...)
}

func (e *echo) stop() {
	e.Listener.Close()
	e.mu.Lock()
	for _, c := range e.conns {
		c.Close()
	}
	e.mu.Unlock()
	e.all.Wait()
}

// start starts a server behind a proxy.
func start(t *testing.T) (*echo, *faultproxy.Proxy) {
	t.Helper()
	e, err := newEcho()
	require.NoError(t, err)
	t.Cleanup(e.stop)
	p, err := faultproxy.New(e.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return e, p
}

// client is a connection to the proxy.
type client struct {
	*testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, p *faultproxy.Proxy) *client {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return &client{T: t, Conn: c, r: bufio.NewReader(c)}
}

// ask sends a line and returns the answer.
func (c *client) ask(line string) (string, error) {
	c.Helper()
	require.NoError(c, c.SetDeadline(time.Now().Add(5*time.Second)))
	if _, err := fmt.Fprintln(c, line); err != nil {
		return "", err
	}
	answer, err := c.r.ReadString('\n')
	return strings.TrimSpace(answer), err
}

func (c *client) works() {
	c.Helper()
	answer, err := c.ask("hello")
	require.NoError(c, err)
	require.Equal(c, "ok hello", answer)
}

func TestForwards(t *testing.T) {
	_, p := start(t)
	a, b := dial(t, p), dial(t, p)
	a.works()
	b.works()
	a.works()
	require.Empty(t, p.Counts())
}

func TestLoseReplyOfTheNthMatch(t *testing.T) {
	e, p := start(t)
	called := make(chan []string, 1)
	armed := p.On(faultproxy.Rule{Match: "SET", Nth: 2, Fault: faultproxy.LoseReply, Then: func() { called <- e.seen() }})
	c := dial(t, p)
	c.works()
	answer, err := c.ask("SET 1")
	require.NoError(t, err)
	require.Equal(t, "ok SET 1", answer)
	_, err = c.ask("SET 2")
	require.Error(t, err)
	<-armed.Done()
	require.Contains(t, <-called, "SET 2", "the request had its effect")
	require.Equal(t, 1, p.Count(faultproxy.LoseReply))
	c = dial(t, p)
	_, err = c.ask("SET 3")
	require.NoError(t, err, "a rule takes effect once")
}

func TestMatchSplitOverReads(t *testing.T) {
	e, p := start(t)
	armed := p.On(faultproxy.Rule{Match: "SECRET", Fault: faultproxy.LoseRequest})
	c := dial(t, p)
	c.works()
	p.Delay(faultproxy.ToServer, time.Microsecond)
	_, err := fmt.Fprint(c, "a SEC")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return p.Count(faultproxy.Delayed) == 1 }, 5*time.Second, time.Millisecond, "the first piece is read")
	_, err = fmt.Fprint(c, "RET\n")
	require.NoError(t, err)
	<-armed.Done()
	require.NotContains(t, e.seen(), "a SECRET")
}

func TestHideReplyKeepsTheConnection(t *testing.T) {
	e, p := start(t)
	armed := p.On(faultproxy.Rule{Fault: faultproxy.HideReply})
	c := dial(t, p)
	_, err := fmt.Fprintln(c, "x")
	require.NoError(t, err)
	<-armed.Done()
	require.Eventually(t, func() bool { return len(e.seen()) == 1 }, 5*time.Second, time.Millisecond)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = c.r.ReadString('\n')
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout(), "silence, not an end: %v", err)
}

func TestRequestsThatNeverArrive(t *testing.T) {
	for _, fault := range []faultproxy.Fault{faultproxy.LoseRequest, faultproxy.ResetRequest} {
		t.Run(string(fault), func(t *testing.T) {
			e, p := start(t)
			armed := p.On(faultproxy.Rule{Match: "SET", Fault: fault})
			c := dial(t, p)
			c.works()
			_, err := c.ask("SET 1")
			require.Error(t, err)
			<-armed.Done()
			require.Equal(t, []string{"hello"}, e.seen())
			require.Equal(t, 1, p.Count(fault))
		})
	}
}

func TestStallHoldsBackUntilHealed(t *testing.T) {
	for name, d := range map[string]faultproxy.Direction{"to server": faultproxy.ToServer, "to client": faultproxy.ToClient, "both": faultproxy.Both} {
		t.Run(name, func(t *testing.T) {
			e, p := start(t)
			c := dial(t, p)
			c.works()
			p.Stall(d)
			_, err := fmt.Fprintln(c, "late")
			require.NoError(t, err)
			require.Eventually(t, func() bool { return p.Count(faultproxy.Stalled) > 0 }, 5*time.Second, time.Millisecond)
			if d != faultproxy.ToClient {
				require.Equal(t, []string{"hello"}, e.seen())
			}
			p.Heal()
			answer, err := c.r.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ok late\n", answer)
		})
	}
}

func TestCloseWhileStalled(t *testing.T) {
	_, p := start(t)
	c := dial(t, p)
	p.Stall(faultproxy.Both)
	_, err := fmt.Fprintln(c, "never")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return p.Count(faultproxy.Stalled) > 0 }, 5*time.Second, time.Millisecond)
}

func TestCutAndReset(t *testing.T) {
	for fault, do := range map[faultproxy.Fault]func(*faultproxy.Proxy){
		faultproxy.CutOff: (*faultproxy.Proxy).Cut, faultproxy.ResetOff: (*faultproxy.Proxy).Reset,
	} {
		_, p := start(t)
		a, b := dial(t, p), dial(t, p)
		a.works()
		b.works()
		do(p)
		for _, c := range []*client{a, b} {
			_, err := c.ask("x")
			require.Error(t, err, fault)
		}
		require.Equal(t, 2, p.Count(fault))
		dial(t, p).works()
	}
}

func TestRefuseUntilHealed(t *testing.T) {
	_, p := start(t)
	old := dial(t, p)
	old.works()
	p.Refuse()
	c, err := net.Dial("tcp", p.Addr())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		c.Close()
	}
	require.Error(t, err)
	require.Equal(t, 1, p.Count(faultproxy.Refused))
	old.works()
	p.Heal()
	dial(t, p).works()
}

func TestDelay(t *testing.T) {
	_, p := start(t)
	c := dial(t, p)
	c.works()
	p.Delay(faultproxy.Both, 20*time.Millisecond)
	begin := time.Now()
	c.works()
	require.GreaterOrEqual(t, time.Since(begin), 40*time.Millisecond)
	require.Equal(t, 2, p.Count(faultproxy.Delayed))
}

func TestTargetThatIsNotThere(t *testing.T) {
	e, p := start(t)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	p.SetTarget(gone.Addr().String())
	c, err := net.Dial("tcp", p.Addr())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		c.Close()
	}
	require.Error(t, err)
	p.SetTarget(e.Addr().String())
	dial(t, p).works()
}

func TestUnfitFaultPanics(t *testing.T) {
	_, p := start(t)
	require.Panics(t, func() { p.On(faultproxy.Rule{Fault: faultproxy.CutOff}) })
}

func TestManyClientsUnderFaults(t *testing.T) {
	_, p := start(t)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 20 {
				c, err := net.Dial("tcp", p.Addr())
				if err != nil {
					continue
				}
				_ = c.SetDeadline(time.Now().Add(time.Second))
				_, _ = fmt.Fprintf(c, "n%d\n", n)
				_, _ = c.Read(make([]byte, 16))
				c.Close()
			}
		})
	}
	for n := range 20 {
		p.On(faultproxy.Rule{Match: "n3", Fault: faultproxy.LoseReply})
		switch n % 4 {
		case 0:
			p.Cut()
		case 1:
			p.Reset()
		case 2:
			p.Stall(faultproxy.Both)
		case 3:
			p.Heal()
		}
	}
	p.Heal()
	all.Wait()
}
