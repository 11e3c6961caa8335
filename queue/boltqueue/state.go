package boltqueue

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// laned returns the event that a lane stands for.
func (w *work) laned(value []byte) (*item, error) {
	l, err := decodeLane(value)
	if err != nil {
		return nil, w.damaged(err)
	}
	return w.listed(l.id)
}

// listed returns an event that stands in one of the lists, so it must be kept.
func (w *work) listed(id string) (*item, error) {
	it, err := w.item(id)
	if err == nil && it == nil {
		err = w.damaged(fmt.Errorf("event %s is listed, but not kept", id))
	}
	return it, err
}

// item returns an event, nil if it is not kept.
func (w *work) item(id string) (*item, error) {
	b := w.tx.Bucket(bEvents).Get([]byte(id))
	if b == nil {
		return nil, nil
	}
	it, err := decodeItem(b)
	if err != nil {
		return nil, w.damaged(fmt.Errorf("event %s: %w", id, err))
	}
	if it.Event.ID != id {
		return nil, w.damaged(fmt.Errorf("event %s is stored as that of %s", it.Event.ID, id))
	}
	if it.State == queue.Queued || it.State == queue.Delayed {
		it.State = queue.Queued
		if w.tx.Bucket(bDelayed).Has(it.rank()) {
			it.State = queue.Delayed
		}
	}
	return it, nil
}

// put stores an event.
func (w *work) put(it *item) error {
	b, err := it.encode()
	if err != nil {
		return fmt.Errorf("boltqueue: store event %s: %w", it.Event.ID, err)
	}
	return w.tx.Bucket(bEvents).Put([]byte(it.Event.ID), b)
}

// leave takes an event out of its state. Its due time and such must be those with
// which it entered.
func (w *work) leave(it *item) error {
	w.count(it.State, -1)
	err := w.tx.Bucket(bStates).Delete(stateKey(it.State, it.seq))
	switch it.State {
	case queue.Queued:
		return errors.Join(err, w.tx.Bucket(bQueued).Delete(it.rank()))
	case queue.Delayed:
		return errors.Join(err, w.tx.Bucket(bDelayed).Delete(it.rank()))
	case queue.Leased:
		return errors.Join(err, w.tx.Bucket(bLeased).Delete(rankKey(it.expires, it.place)))
	case queue.Dead:
		if !it.kept {
			return errors.Join(err, w.tx.Bucket(bDead).Delete(rankKey(it.ended, it.seq)))
		}
	case queue.Held, queue.Done, queue.Superseded:
	}
	return err
}

// enter puts an event into a state.
func (w *work) enter(it *item, s queue.State) error {
	it.State = s
	w.count(s, 1)
	id := []byte(it.Event.ID)
	err := w.tx.Bucket(bStates).Put(stateKey(s, it.seq), id)
	switch s {
	case queue.Queued:
		return errors.Join(err, w.tx.Bucket(bQueued).Put(it.rank(), it.lane()))
	case queue.Delayed:
		return errors.Join(err, w.tx.Bucket(bDelayed).Put(it.rank(), it.lane()))
	case queue.Leased:
		return errors.Join(err, w.tx.Bucket(bLeased).Put(rankKey(it.expires, it.place), it.lane()))
	case queue.Dead:
		it.ended = w.now
		return errors.Join(err, w.tx.Bucket(bDead).Put(rankKey(it.ended, it.seq), id))
	case queue.Held, queue.Done, queue.Superseded:
	}
	return err
}

// wait makes an event queued or delayed, at its place in the line.
func (w *work) wait(it *item) error {
	s := queue.Queued
	if it.Due.After(w.now) {
		s = queue.Delayed
	}
	return errors.Join(w.enter(it, s), w.stand(it))
}

// spots are the states of an event in the line.
var spots = []queue.State{spotQueued: queue.Queued, spotDelayed: queue.Delayed, spotLeased: queue.Leased}

// stand puts an event into the line, or notes its state there.
func (w *work) stand(it *item) error {
	a, err := w.account(it.Event.Account)
	if err != nil {
		return err
	}
	line, at := w.tx.Bucket(bLine), lineKey(it.Event.Account, it.place)
	if !line.Has(at) {
		a.length++
	}
	s := spot{
		state: byte(slices.Index(spots, it.State)), delivered: it.Fence != 0, due: it.Due,
		seq: it.seq, command: it.Event.Command, id: it.Event.ID,
	}
	return line.Put(at, s.encode())
}

// depart takes an event out of the line, if it is there.
func (w *work) depart(it *item) error {
	line, at := w.tx.Bucket(bLine), lineKey(it.Event.Account, it.place)
	if !line.Has(at) {
		return nil
	}
	a, err := w.account(it.Event.Account)
	if err != nil {
		return err
	}
	a.length--
	return line.Delete(at)
}

// end moves an event to a final state.
func (w *work) end(it *item, final queue.State) error {
	return errors.Join(w.enter(it, final), w.keep(it))
}

// keep puts an event among those that ended.
func (w *work) keep(it *item) error {
	if it.kept {
		return nil
	}
	it.kept, it.ended = true, w.now
	w.counts[countEnded]++
	return w.tx.Bucket(bEnded).Put(rankKey(it.ended, it.seq), []byte(it.Event.ID))
}

// note adds to an event's history, which keeps the newest items.
func (w *work) note(it *item, h queue.HistoryItem) {
	h.Time = w.now
	if it.Fence != 0 {
		h.Attempt, h.Fence = it.Attempt, it.Fence
	}
	if over := len(it.History) + 1 - w.opts.History; over > 0 {
		it.History = slices.Delete(it.History, 0, over)
	}
	it.History = append(it.History, h)
}

// expire gives the lease of an event another end.
func (w *work) expire(it *item, at time.Time) error {
	if err := w.leave(it); err != nil {
		return err
	}
	it.expires = at
	return errors.Join(w.enter(it, queue.Leased), w.put(it))
}

// crash ends a delivery whose lease ran out.
func (w *work) crash(it *item) error {
	a, err := w.account(it.Event.Account)
	if err != nil {
		return err
	}
	if err := w.leave(it); err != nil {
		return err
	}
	a.leased = false
	it.token, it.expires = "", time.Time{}
	it.Crashes++
	w.note(it, queue.HistoryItem{What: queue.WhatCrashed, Detail: "the lease ran out"})
	if it.Crashes < w.opts.MaxCrashes {
		it.Due = w.now
		err = w.wait(it)
	} else {
		w.note(it, queue.HistoryItem{
			What: string(queue.VerbDead), Class: queue.ClassCrashes,
			Detail: strconv.Itoa(it.Crashes) + " deliveries ended by the running out of their lease",
		})
		err = errors.Join(w.depart(it), w.enter(it, queue.Dead))
	}
	return errors.Join(err, w.put(it), w.refresh(it.Event.Account))
}

// trimAtOnce is how many old events one call forgets at most: more than it ends.
const trimAtOnce = 8

// trim forgets events that ended long ago. It reports whether there may be more.
func (w *work) trim(limit int) (more bool, err error) {
	for n := range limit {
		gone, err := w.trimEnded()
		if err == nil && !gone {
			gone, err = w.trimDead()
		}
		if err != nil || !gone {
			return false, err
		}
		more = n == limit-1
	}
	return more, nil
}

// trimEnded forgets the event that ended first, if that is long ago.
func (w *work) trimEnded() (gone bool, err error) {
	k, v := w.tx.Bucket(bEnded).First()
	if k == nil {
		return false, nil
	}
	at, err := readInstant(k)
	if err != nil {
		return false, w.damaged(err)
	}
	age := w.aged.Sub(at)
	if age < w.opts.Retain && (w.counts[countEnded] <= uint64(w.opts.KeepDone) || age < w.opts.KeyWindow) {
		return false, nil
	}
	k, id := slices.Clone(k), string(v)
	w.counts[countEnded]--
	if err := w.tx.Bucket(bEnded).Delete(k); err != nil {
		return false, err
	}
	return true, w.forget(id)
}

// trimDead forgets the event that is dead longest, if Options say so.
func (w *work) trimDead() (gone bool, err error) {
	k, v := w.tx.Bucket(bDead).First()
	if k == nil || w.opts.RetainDead == 0 {
		return false, nil
	}
	at, err := readInstant(k)
	if err != nil {
		return false, w.damaged(err)
	}
	if w.aged.Sub(at) < w.opts.RetainDead {
		return false, nil
	}
	return true, w.forget(string(v))
}

// forget removes an event that ended, or is dead.
func (w *work) forget(id string) error {
	it, err := w.listed(id)
	if err != nil {
		return err
	}
	if it.State == queue.Dead && it.Successor != "" {
		w.counts[countAgain]--
	}
	err = errors.Join(w.leave(it), w.tx.Bucket(bEvents).Delete([]byte(id)))
	if it.Event.Key != "" {
		err = errors.Join(err, w.tx.Bucket(bKeys).Delete([]byte(it.Event.Key)))
	}
	return err
}
