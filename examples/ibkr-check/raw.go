package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/scmhub/ibapi"
)

// raw is a connection by way of the bare client library, for what package ibkr
// does not do on purpose: low order ids, a connection that is cut behind an order.
// The library's bytes pass a relay, so that it is known when a message has left,
// and so that the library cannot dial again.
type raw struct {
	ibapi.Wrapper
	client  *ibapi.EClient
	library net.Conn
	gateway net.Conn

	events chan event
	sent   chan struct{} // one for each message that was written to the gateway
	closed chan struct{}
	once   sync.Once
	relays sync.WaitGroup
}

// event is one callback.
type event struct {
	kind  string // nextID, code, order, status, tag or tagEnd
	id    int64
	code  int64
	text  string
	order *ibapi.Order
}

// dialRaw connects and waits for the first order id, which it returns. If the
// client id is still taken it tries again until ctx ends.
func dialRaw(ctx context.Context, address string, client int) (*raw, int64, error) {
	for {
		r, id, err := dialOnce(ctx, address, client)
		if err == nil || !errors.Is(err, errTaken) {
			return r, id, err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return nil, 0, err
		}
	}
}

// errTaken says that the client id is in use.
var errTaken = errors.New("the client id is in use")

func dialOnce(ctx context.Context, address string, client int) (*raw, int64, error) {
	r := &raw{events: make(chan event, 4096), sent: make(chan struct{}, 64), closed: make(chan struct{})}
	var dialer net.Dialer
	var err error
	if r.gateway, err = dialer.DialContext(ctx, "tcp", address); err != nil {
		return nil, 0, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		_ = r.gateway.Close()
		return nil, 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	r.client = ibapi.NewEClient(r)
	connected := make(chan error, 1)
	go func() { connected <- r.client.Connect("127.0.0.1", port, int64(client)) }()
	r.library, err = l.Accept()
	_ = l.Close()
	if err != nil {
		_ = r.gateway.Close()
		return nil, 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.gateway.Close() })
	defer stop()
	r.relays.Go(r.outward)
	r.relays.Go(r.inward)
	if err := <-connected; err != nil {
		r.close()
		return nil, 0, err
	}
	r.client.ReqCurrentTime() // the library must not be closed before its goroutines have begun
	for range 2 {             // the greeting's answer and this
		select {
		case <-r.sent:
		case <-time.After(time.Second):
		}
	}
	var id int64
	err = r.await(ctx, 15*time.Second, func(e *event) (bool, error) {
		if e.kind == "code" && e.code == 326 {
			return false, errTaken
		}
		id = e.id
		return e.kind == "nextID", nil
	})
	if err != nil {
		r.close()
		return nil, 0, err
	}
	return r, id, nil
}

// outward relays the library's messages, one by one.
func (r *raw) outward() {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r.library, head); err != nil { // "API"
		return
	}
	if _, err := r.gateway.Write(head); err != nil {
		return
	}
	for {
		if _, err := io.ReadFull(r.library, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(r.library, body); err != nil {
			return
		}
		if _, err := r.gateway.Write(append(head[:4:4], body...)); err != nil {
			return
		}
		select {
		case r.sent <- struct{}{}:
		default:
		}
	}
}

// inward relays what the gateway says, to the end.
func (r *raw) inward() {
	_, _ = io.Copy(r.library, r.gateway)
	_ = r.library.Close()
}

// cut closes the connection to the gateway at once.
func (r *raw) cut() { _ = r.gateway.Close() }

// close ends the connection and waits until nothing runs any more.
func (r *raw) close() {
	_ = r.gateway.Close()
	r.relays.Wait()
	select {
	case <-r.closed:
	case <-time.After(2 * time.Second): // a library that never connected says nothing
	}
}

// await takes callbacks until one is what is wanted.
func (r *raw) await(ctx context.Context, most time.Duration, wanted func(*event) (bool, error)) error {
	limit := time.NewTimer(most)
	defer limit.Stop()
	for {
		select {
		case e := <-r.events:
			if ok, err := wanted(&e); ok || err != nil {
				return err
			}
			continue
		default:
		}
		select {
		case e := <-r.events:
			if ok, err := wanted(&e); ok || err != nil {
				return err
			}
		case <-r.closed:
			return errors.New("the gateway closed the connection")
		case <-limit.C:
			return fmt.Errorf("%w %s", errSilent, most)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errSilent says that the gateway did not say what was waited for.
var errSilent = errors.New("the gateway said nothing of it within")

// The callbacks.

func (r *raw) put(e event) {
	select {
	case r.events <- e:
	default: // nobody reads: it is of no use any more
	}
}

func (r *raw) ConnectAck()                {}
func (r *raw) ConnectionClosed()          { r.once.Do(func() { close(r.closed) }) }
func (r *raw) NextValidID(id int64)       { r.put(event{kind: "nextID", id: id}) }
func (r *raw) ManagedAccounts([]string)   {}
func (r *raw) AccountSummaryEnd(id int64) { r.put(event{kind: "tagEnd", id: id}) }

func (r *raw) Error(id, _, code int64, text, _ string) {
	r.put(event{kind: "code", id: id, code: code, text: text})
}

func (r *raw) OpenOrder(id int64, _ *ibapi.Contract, o *ibapi.Order, s *ibapi.OrderState) {
	copied := *o
	r.put(event{kind: "order", id: id, text: s.Status, order: &copied})
}

func (r *raw) OrderStatus(id int64, status string, _, _ ibapi.Decimal, _ float64, _, _ int64, _ float64, _ int64, _ string, _ float64) {
	r.put(event{kind: "status", id: id, text: status})
}

func (r *raw) AccountSummary(id int64, account, tag, value, _ string) {
	r.put(event{kind: "tag", id: id, text: account + " " + tag + " " + value})
}
