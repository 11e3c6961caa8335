package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/rebalance"
)

// jobs is what the parent wants done: each event published, in order for each
// account, until it is acknowledged; and the events counted.
type jobs struct {
	mu     sync.Mutex
	events []*published
	began  time.Time
	ids    int
	out    map[int]outstanding
	// acceptances counts the acknowledgements so far.
	acceptances int
	counted     time.Time
	counting    bool
	waiting     int // events that did not end, when they were last counted; -1 before
	round       int // of publishing: what was lost is published again
	draining    bool
	leaving     map[string]bool // workers that are to stop
	faults      []string
	lastErr     string
	// operator, if set, has blocked accounts unblocked: it is how often that was.
	operator bool
	unblocks int
	blocked  map[broker.AccountID]bool // being unblocked
}

// published is an event on its way into the queue.
type published struct {
	event    queue.Event
	after    time.Duration // from the begin
	accepted string        // its ID, once that was acknowledged
	asked    int
	busy     bool
	operator bool // not one of the scenario's
}

// outstanding is a job that a worker has.
type outstanding struct {
	worker string
	event  *published // nil for a count
	since  time.Time
}

// jobTime is how long a job may take before somebody else gets it.
const jobTime = 3 * time.Second

func newJobs(s *scenario, gaps []time.Duration) *jobs {
	j := &jobs{began: time.Now(), out: map[int]outstanding{}, waiting: -1, blocked: map[broker.AccountID]bool{}, leaving: map[string]bool{}}
	for i, e := range s.events {
		j.events = append(j.events, &published{event: e, after: gaps[i]})
	}
	return j
}

// next returns the next job for a worker, if there is one.
func (j *jobs) next(worker string) Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	for id, o := range j.out {
		if now.Sub(o.since) > jobTime {
			j.giveBack(id)
		}
	}
	if j.draining || j.leaving[worker] {
		return Job{Kind: jobDrain}
	}
	busy := map[string]bool{}
	all := true
	for _, e := range j.events {
		if e.accepted != "" {
			continue
		}
		all = false
		if e.busy || busy[e.event.Account] && !e.operator || now.Sub(j.began) < e.after {
			busy[e.event.Account] = true
			continue
		}
		e.busy = true
		e.asked++
		return j.hand(worker, Job{Kind: jobPublish, Event: e.event}, e)
	}
	if all && !j.counting && now.Sub(j.counted) > 10*time.Millisecond {
		j.counting = true
		return j.hand(worker, Job{Kind: jobCount}, nil)
	}
	return Job{}
}

// hand notes a job that a worker gets. The caller holds mu.
func (j *jobs) hand(worker string, job Job, e *published) Job {
	j.ids++
	job.ID, job.Round, job.After = j.ids, j.round, j.acceptances
	j.out[job.ID] = outstanding{worker: worker, event: e, since: time.Now()}
	return job
}

// giveBack makes a job available again. The caller holds mu.
func (j *jobs) giveBack(id int) {
	o := j.out[id]
	delete(j.out, id)
	if o.event != nil {
		o.event.busy = false
	} else {
		j.counting = false
	}
}

// allow lets the operator act. In a run that is not manned no account may need
// one.
func (j *jobs) allow() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.operator = true
}

// close asks once more for the last targets of each account: an account that was
// blocked and unblocked may have been left on the way.
func (j *jobs) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := map[string]queue.Event{}
	for _, e := range j.events {
		if !e.operator {
			last[e.event.Account] = e.event
		}
	}
	for _, account := range slices.Sorted(maps.Keys(last)) {
		e := last[account]
		e.Key = "closing-" + account
		j.events = append(j.events, &published{event: e})
	}
	j.waiting = -1
}

// accepted counts the events that were accepted.
func (j *jobs) accepted() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, e := range j.events {
		if e.accepted != "" {
			n++
		}
	}
	return n
}

// died gives back what a dead worker had.
func (j *jobs) died(worker string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, o := range j.out {
		if o.worker == worker {
			j.giveBack(id)
		}
	}
}

// done takes a report. One of a job that was given back counts all the same, if
// it is an acknowledgement.
func (j *jobs) done(r Report) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, ok := j.out[r.Job.ID]; ok {
		j.giveBack(r.Job.ID)
	}
	if r.Err != "" {
		j.lastErr = r.Err
	}
	switch {
	case r.Err != "", r.Job.Round != j.round:
	case r.Job.Kind == jobPublish:
		for _, e := range j.events {
			if e.event.Key == r.Job.Event.Key {
				j.accept(e, r.Receipt)
			}
		}
	case r.Job.Kind == jobCount && r.Job.After == j.acceptances: // else it may have missed some
		j.counted = time.Now()
		j.waiting = r.Stats.Counts[queue.Queued] + r.Stats.Counts[queue.Delayed] + r.Stats.Counts[queue.Leased]
		j.unblock(r.Blocked)
	}
}

// unblock has the blocked accounts unblocked, as an operator would who has looked
// at the broker. The caller holds mu.
func (j *jobs) unblock(accounts []broker.AccountID) {
	for id := range j.blocked {
		if !slices.Contains(accounts, id) {
			delete(j.blocked, id)
		}
	}
	for _, id := range accounts {
		if !j.operator || j.blocked[id] {
			continue
		}
		j.blocked[id] = true
		j.unblocks++
		j.waiting = -1
		j.events = append(j.events, &published{operator: true, event: queue.Event{
			Key: fmt.Sprintf("unblock-%d", j.unblocks), Account: string(id), Command: string(rebalance.CommandUnblock),
			Payload: json.RawMessage(`{"operator":"crashtest","reason":"the stores lost what they had acknowledged","force":true}`),
		}})
	}
}

// accept notes an acknowledged event. The caller holds mu.
func (j *jobs) accept(e *published, r queue.Receipt) {
	switch {
	case r.ID == "":
		j.faults = append(j.faults, fmt.Sprintf("event %s was acknowledged without an ID", e.event.Key))
	case e.accepted != "" && e.accepted != r.ID:
		j.faults = append(j.faults, fmt.Sprintf("event %s was acknowledged as %s, and before that as %s", e.event.Key, r.ID, e.accepted))
	}
	e.accepted = r.ID
	j.acceptances++
	j.waiting = -1
}

// again has all events published once more, because the queue may have lost some.
func (j *jobs) again() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.round++
	for _, e := range j.events {
		e.accepted = ""
	}
	j.waiting = -1
}

// ended reports whether all events were accepted, and none waits.
func (j *jobs) ended() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.accepted == "" {
			return false
		}
	}
	return j.waiting == 0
}

// drain has the workers stop.
func (j *jobs) drain() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.draining = true
}

// drainOne has one worker stop.
func (j *jobs) drainOne(worker string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.leaving[worker] = true
}

// state is a text for messages.
func (j *jobs) state() string {
	n := j.accepted()
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprintf("%d of %d events accepted, %d waiting; the last error of a worker was: %s", n, len(j.events), j.waiting, j.lastErr)
}
