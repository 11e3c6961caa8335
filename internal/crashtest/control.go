package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
)

// Control is the service of the parent that its workers call.
type Control struct{ w *world }

// PointArgs names who reached which point, for which account.
type PointArgs struct{ Worker, Name, Account string }

// Job is something that the parent wants done by a worker.
type Job struct {
	Kind  string // one of the jobs
	ID    int
	Round int         // of publishing
	After int         // how many events had been accepted then
	Event queue.Event // to be published
	Calm  bool        // the faults are over
}

// The jobs.
const (
	jobNone    = ""
	jobPublish = "publish"
	jobCount   = "count" // the events by state
	jobDrain   = "drain" // stop in good order
)

// Report is what came of a job.
type Report struct {
	Worker  string
	Job     Job
	Receipt queue.Receipt
	Stats   queue.Stats
	Blocked []broker.AccountID // accounts, for a count
	Err     string
}

var errDead = errors.New("crashtest: the worker was killed here")

// Point is called at a point and returns when the worker may go on.
func (c *Control) Point(a PointArgs, _ *struct{}) error {
	return c.w.reached(a.Worker, a.Name, broker.AccountID(a.Account))
}

// Next returns the next job for a worker. It waits a little for one.
func (c *Control) Next(worker string, job *Job) error {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for range 30 {
		if !c.w.lives(worker) {
			return errDead
		}
		if *job = c.w.jobs.next(worker); job.Kind != jobNone {
			break
		}
		<-tick.C
	}
	job.Calm = c.w.isCalm()
	if !c.w.lives(worker) { // it died meanwhile, and its jobs were given to others before
		c.w.jobs.died(worker)
		return errDead
	}
	return nil
}

// Saw counts something that a worker saw.
func (c *Control) Saw(what string, _ *struct{}) error {
	c.w.count(what)
	return nil
}

// Done takes the report of a job.
func (c *Control) Done(r Report, _ *struct{}) error {
	c.w.jobs.done(r)
	return nil
}

// serveRPC serves a service on a socket until the listener is closed.
func serveRPC(socket, name string, service any) (net.Listener, error) {
	s := rpc.NewServer()
	if err := s.RegisterName(name, service); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("crashtest: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.ServeConn(conn) // ends with the child
		}
	}()
	return l, nil
}
