package redistest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// busOffset is the distance from a server's port to that of its cluster bus.
const busOffset = 10000

// port is a port for a server, reserved against other users of this package, in
// this process and in others. The reservation is a listener on the next port,
// which ends with the process at the latest.
type port struct {
	number int
	guard  net.Listener
}

// reserve finds a port that is free, as is that of its cluster bus. The ports
// lie below those that systems give to outgoing connections.
func reserve() (*port, error) {
	var last error
	for range 200 {
		n := 12000 + 2*rand.IntN(5000)
		guard, err := listen(n + 1)
		if err != nil {
			last = err
			continue
		}
		if err := free(n, n+busOffset); err != nil {
			_ = guard.Close()
			last = err
			continue
		}
		return &port{number: n, guard: guard}, nil
	}
	return nil, fmt.Errorf("redistest: no free port found: %w", last)
}

// release ends the reservation.
func (p *port) release() { _ = p.guard.Close() }

// addr is the address of the port on the loopback interface.
func (p *port) addr() string { return loopback(p.number) }

// free returns an error unless all ports can be listened on.
func free(numbers ...int) error {
	var errs []error
	for _, n := range numbers {
		l, err := listen(n)
		if err == nil {
			err = l.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// listen listens on a port of the loopback interface.
func listen(n int) (net.Listener, error) { return net.Listen("tcp", loopback(n)) }

// listens returns an error unless somebody listens at the address.
func listens(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// loopback is an address on the loopback interface.
func loopback(n int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n)) }
