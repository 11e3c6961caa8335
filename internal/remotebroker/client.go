package remotebroker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

var (
	_ Exchange               = (*Client)(nil)
	_ marketdata.PriceSource = (*Client)(nil)
)

// Client is an exchange in another process. Make one with [NewClient]. Safe for
// concurrent use.
type Client struct {
	network, address, name string

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

// NewClient returns a client of the server at an address, such as "unix" and a
// path. The name is what the server's hooks call it. Nothing is dialled yet.
func NewClient(network, address, name string) *Client {
	return &Client{network: network, address: address, name: name}
}

// Close closes the idle connections. Calls under way go on; later ones fail.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	for _, w := range c.idle {
		errs = append(errs, w.Close())
	}
	c.idle = nil
	return errors.Join(errs...)
}

// failure is a call without an answer.
type failure struct {
	sent bool // some of the request may have left
	err  error
}

// roundTrip makes one call. It never repeats one.
func (c *Client) roundTrip(ctx context.Context, q *request) (*response, *failure) {
	if err := ctx.Err(); err != nil {
		return nil, &failure{err: err}
	}
	w, err := c.take(ctx)
	if err != nil {
		return nil, &failure{err: orEnded(ctx, err)}
	}
	q.Client = c.name
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	left, err := w.send(q)
	if err != nil {
		stop()
		_ = w.Close()
		return nil, &failure{sent: left, err: orEnded(ctx, err)}
	}
	r := new(response)
	err = w.dec.Decode(r)
	if !stop() || err != nil {
		_ = w.Close()
	} else {
		c.give(w)
	}
	if err != nil {
		return nil, &failure{sent: true, err: orEnded(ctx, err)}
	}
	return r, nil
}

// take returns an idle connection, or a new one.
func (c *Client) take(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, broker.ErrClosed
	}
	if n := len(c.idle); n > 0 {
		w := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return w, nil
	}
	c.mu.Unlock()
	var d net.Dialer
	raw, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return nil, err
	}
	return newConn(raw), nil
}

// give takes a connection back.
func (c *Client) give(w *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = w.Close()
		return
	}
	c.idle = append(c.idle, w)
}

// orEnded is the error of a context that ended, or else err.
func orEnded(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return err
}

// call makes one call that changes nothing, or may be repeated.
func (c *Client) call(ctx context.Context, q *request) (*response, error) {
	r, failed := c.roundTrip(ctx, q)
	if failed != nil {
		return nil, c.lost(q, broker.KindTransient, failed.err)
	}
	return r, r.Err.fromWire()
}

// lost is the error of a call without an answer.
func (c *Client) lost(q *request, kind broker.Kind, err error) error {
	if errors.Is(err, broker.ErrClosed) {
		kind = broker.KindPermanent
	}
	e := &broker.Error{Op: q.Method, Kind: kind, Account: q.Account, Order: q.ID, Err: fmt.Errorf("the exchange at %s: %w", c.address, err)}
	if q.Method == MethodPlace {
		e.Account, e.Order = q.Order.Account, q.Order.ID
	}
	return e
}
