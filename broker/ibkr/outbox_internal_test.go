package ibkr

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/scmhub/ibapi"
	"github.com/stretchr/testify/require"
)

// post is an outbox without a library: jobs write their frames themselves.
type post struct {
	*outbox
	library net.Conn // the library's end
	gateway net.Conn // the gateway's end
	failed  chan error
}

func newPost(t *testing.T, perSecond int) *post {
	t.Helper()
	libraryOut, libraryIn := net.Pipe()
	gatewayOut, gatewayIn := net.Pipe()
	p := &post{library: libraryOut, gateway: gatewayIn, failed: make(chan error, 10)}
	p.outbox = &outbox{
		library: libraryIn, gateway: gatewayOut, timeout: 200 * time.Millisecond, count: &counters{}, bucket: newBucket(perSecond, time.Now()),
		exact: true, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), fail: func(err error) { p.failed <- err },
	}
	t.Cleanup(func() {
		p.close(errors.New("over"))
		for _, c := range []net.Conn{libraryOut, libraryIn, gatewayOut, gatewayIn} {
			_ = c.Close()
		}
	})
	return p
}

// start runs the outbox.
func (p *post) start(t *testing.T) {
	t.Helper()
	go p.run()
	t.Cleanup(func() { p.close(errors.New("over")); <-p.done })
}

// letter is a job that writes a frame with a text.
func (p *post) letter(prio priority, text string) *job {
	return &job{
		prio: prio, verdict: make(chan error, 1),
		encode: func(*ibapi.EClient) { _, _ = p.library.Write(framed(text)) },
	}
}

// read reads the next frame at the gateway.
func (p *post) read(t *testing.T) string {
	t.Helper()
	require.NoError(t, p.gateway.SetReadDeadline(time.Now().Add(5*time.Second)))
	frame, err := readFrame(p.gateway, 100)
	require.NoError(t, err)
	return string(frame[4:])
}

func TestOutboxSendsTheUrgentFirst(t *testing.T) {
	p := newPost(t, 50)
	for _, j := range []*job{
		p.letter(prioOther, "other"), p.letter(prioPrice, "price"), p.letter(prioSend, "order 1"), p.letter(prioSend, "order 2"),
		p.letter(prioResolve, "resolve"), p.letter(prioCancel, "cancel"),
	} {
		p.add(j)
	}
	p.start(t)
	for _, want := range []string{"cancel", "resolve", "order 1", "order 2", "price", "other"} {
		require.Equal(t, want, p.read(t))
	}
}

func TestOutboxWithdraws(t *testing.T) {
	p := newPost(t, 50)
	gone, ended, refused, kept := p.letter(prioSend, "gone"), p.letter(prioSend, "ended"), p.letter(prioSend, "refused"), p.letter(prioSend, "kept")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended.ended = ctx.Err
	refused.permit = func(frame []byte) error {
		require.Equal(t, "refused", string(frame[4:]), "the frame is there when it is asked")
		return errors.New("too late")
	}
	for _, j := range []*job{gone, ended, refused, kept} {
		p.add(j)
	}
	require.True(t, p.withdraw(gone))
	require.False(t, p.withdraw(gone))
	p.start(t)
	require.Equal(t, "kept", p.read(t), "nothing else leaves")
	require.NoError(t, <-kept.verdict)
	require.False(t, p.withdraw(kept))
	err := <-ended.verdict
	require.ErrorIs(t, err, errUnsent)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, <-refused.verdict, errUnsent)
	require.Empty(t, p.failed)
}

// A write that took some bytes is a doubt; one that took none is not.
func TestOutboxTellsHalfWrites(t *testing.T) {
	p := newPost(t, 50)
	p.start(t)
	half := p.letter(prioSend, "half an order")
	p.add(half)
	_, err := io.ReadFull(p.gateway, make([]byte, 6))
	require.NoError(t, err)
	err = <-half.verdict // its deadline passes
	require.Error(t, err)
	require.NotErrorIs(t, err, errUnsent)
	require.Error(t, <-p.failed)

	p = newPost(t, 50)
	p.start(t)
	none := p.letter(prioSend, "an order")
	p.add(none)
	require.ErrorIs(t, <-none.verdict, errUnsent)
	require.Error(t, <-p.failed)

	p = newPost(t, 50)
	p.exact = false // a connection of another kind may have sent what it does not count
	p.start(t)
	unsure := p.letter(prioSend, "an order")
	p.add(unsure)
	require.NotErrorIs(t, <-unsure.verdict, errUnsent)
}

// If the library writes no frame the next one might be this one: the end.
func TestOutboxWithoutAFrame(t *testing.T) {
	p := newPost(t, 50)
	p.start(t)
	j := p.letter(prioSend, "")
	j.encode = func(*ibapi.EClient) {}
	p.add(j)
	require.ErrorIs(t, <-j.verdict, errUnsent)
	require.ErrorContains(t, <-p.failed, "did not encode")
}

func TestOutboxCloses(t *testing.T) {
	p := newPost(t, 50)
	waiting := p.letter(prioSend, "waiting")
	p.add(waiting)
	p.close(errors.New("the end"))
	p.close(errors.New("again"))
	late := p.letter(prioSend, "late")
	p.add(late)
	for _, j := range []*job{waiting, late} {
		err := <-j.verdict
		require.ErrorIs(t, err, errUnsent)
		require.ErrorContains(t, err, "the end")
	}
}

// The door lets in one connection: the library's second dial finds nobody.
func TestDoorOpensOnce(t *testing.T) {
	gatewayOut, gatewayIn := net.Pipe()
	defer gatewayOut.Close()
	d := &door{gateway: gatewayIn}
	client := ibapi.NewEClient(&ibapi.Wrapper{})
	connected := make(chan error, 1)
	require.NoError(t, d.accept(t.Context(), client, 1, connected))
	port := d.library.LocalAddr().(*net.TCPAddr)
	c, err := net.DialTCP("tcp4", nil, port)
	if err == nil {
		_ = c.Close()
	}
	require.Error(t, err)
	d.shut()
	<-connected
}
