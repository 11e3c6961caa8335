package ibkr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scmhub/ibapi"
)

// door stands between the client library and the gateway. The library dials it
// on a port of the loopback that accepts exactly one connection: the library
// answers a failed write by dialling again and sending on, without a handshake,
// and that second dial finds nobody. Everything passes the door frame by frame,
// so there are deadlines, pacing and counts, and the gateway may be anywhere.
type door struct {
	library net.Conn
	gateway net.Conn
	version int // of the server
	// ahead is how far the gateway's clocks are ahead of UTC, if it told the time.
	ahead time.Duration
	tells bool
	count counters

	mu       sync.Mutex
	welcomed bool // the library may have read the welcome
}

// counters are what has passed a door.
type counters struct {
	framesIn, framesOut, bytesIn, bytesOut atomic.Int64
}

// minServer is the oldest server version whose executions carry a time zone and
// whose quantities are decimals.
const minServer = 176

// openDoor connects the library to the gateway, up to the point where both have
// agreed on a version and the client id was sent. Whatever fails leaves nothing
// open.
func openDoor(ctx context.Context, dial dialFunc, address string, now time.Time, client *ibapi.EClient, clientID int64) (*door, error) {
	gateway, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("ibkr: connect to %s: %w: is the gateway running, with its API port set to this one?", address, err)
	}
	d := &door{gateway: gateway}
	connected := make(chan error, 1)
	if err := d.accept(ctx, client, clientID, connected); err != nil {
		d.shut()
		<-connected
		return nil, err
	}
	err = d.handshake(ctx, address, now, connected)
	if err == nil && !client.IsConnected() {
		// It returns no error when its connection just ends: somebody else came
		// through the door.
		err = fmt.Errorf("ibkr: connect to %s: the client library has no connection", address)
	}
	if err != nil {
		d.retire(client)
		return nil, err
	}
	return d, nil
}

// dialFunc opens the connection to the gateway.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// accept has the library dial the door, and closes the door behind it.
func (d *door) accept(ctx context.Context, client *ibapi.EClient, clientID int64, connected chan<- error) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		connected <- nil
		return fmt.Errorf("ibkr: no port on the loopback: %w", err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	go func() { connected <- connect(client, port, clientID) }()
	d.library, err = l.Accept()
	if err != nil {
		return fmt.Errorf("ibkr: the client library did not connect: %w", errors.Join(context.Cause(ctx), err))
	}
	return nil
}

// connect calls the library, whose faults it turns into errors.
func connect(client *ibapi.EClient, port int, clientID int64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ibkr: the client library panicked in the handshake: %v", p)
		}
	}()
	return client.Connect("127.0.0.1", port, clientID)
}

// handshake relays the greeting, the welcome and the client id.
func (d *door) handshake(ctx context.Context, address string, now time.Time, connected <-chan error) error {
	stop := context.AfterFunc(ctx, d.giveUp)
	defer stop()
	err := d.relayHandshake(address, now)
	if err != nil {
		d.giveUp()
	}
	libraryErr := <-connected
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ibkr: connect to %s: no handshake in time: is it a gateway, and is a dialog open in it?: %w", address, context.Cause(ctx))
	case err != nil:
		return err
	case libraryErr != nil:
		return fmt.Errorf("ibkr: connect to %s: %w", address, libraryErr)
	}
	return nil
}

func (d *door) relayHandshake(address string, now time.Time) error {
	greeting, err := readGreeting(d.library)
	if err != nil {
		return err
	}
	if _, err := d.gateway.Write(greeting); err != nil {
		return fmt.Errorf("ibkr: connect to %s: %w", address, err)
	}
	welcome, err := readFrame(d.gateway, maxGreeting)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it closed the connection: is 'Enable ActiveX and Socket Clients' set, and this machine a trusted address?")
		}
		return fmt.Errorf("ibkr: connect to %s: %w", address, err)
	}
	if d.version, err = parseWelcome(welcome); err != nil {
		return fmt.Errorf("ibkr: connect to %s: %w", address, err)
	}
	d.ahead, d.tells = parseClock(welcome, now)
	if d.version < minServer {
		return &fatalError{fmt.Errorf("ibkr: connect to %s: server version %d is older than %d: upgrade the gateway", address, d.version, minServer)}
	}
	d.mu.Lock()
	d.welcomed = true
	d.mu.Unlock()
	if _, err := d.library.Write(welcome); err != nil {
		return err
	}
	if err := d.library.SetReadDeadline(time.Now().Add(libraryWait)); err != nil {
		return err
	}
	start, err := readFrame(d.library, maxOutFrame)
	if err != nil {
		return err
	}
	if id, _, _, err := frameID(d.version, start); err != nil || id != msgStartAPI {
		return fmt.Errorf("ibkr: the client library begins with message %d: %w", id, err)
	}
	if _, err := d.gateway.Write(start); err != nil {
		return fmt.Errorf("ibkr: connect to %s: %w", address, err)
	}
	return nil
}

// relay passes the gateway's frames to the library until one of them ends, and
// says why. Whole frames only: what is cut off is never decoded.
func (d *door) relay() error {
	for {
		frame, err := readFrame(d.gateway, maxInFrame)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the gateway closed it")
			}
			return fmt.Errorf("ibkr: connection lost: %w", err)
		}
		d.count.framesIn.Add(1)
		d.count.bytesIn.Add(int64(len(frame)))
		if err := d.deliver(frame); err != nil {
			return err
		}
	}
}

// libraryWait is how long the library may leave what it is given unread.
const libraryWait = 10 * time.Second

// deliver writes a frame to the library.
func (d *door) deliver(frame []byte) error {
	if err := d.library.SetWriteDeadline(time.Now().Add(libraryWait)); err != nil {
		return err
	}
	if _, err := d.library.Write(frame); err != nil {
		return fmt.Errorf("ibkr: the client library has stopped reading: %w", err)
	}
	return nil
}

// giveUp ends a handshake. A library that waits for the welcome stops doing so when
// its connection ends. Once it has the welcome it waits for nothing, and must not lose
// its connection before its call has returned: it would take itself apart while it
// still puts itself together, which can end the process.
func (d *door) giveUp() {
	_ = d.gateway.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.welcomed {
		_ = d.library.Close()
	}
}

// retire closes both sides after the library's call has returned. If it has a
// connection, its goroutines must have begun before that ends: see [outbox.prime].
func (d *door) retire(client *ibapi.EClient) {
	if client.IsConnected() {
		o := &outbox{client: client, library: d.library}
		_ = o.prime() // whatever it says: nothing more is asked
	}
	d.shut()
}

// shut closes both sides.
func (d *door) shut() {
	_ = d.gateway.Close()
	if d.library != nil {
		_ = d.library.Close()
	}
}

// fatalError is a fault that trying again does not mend.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }
