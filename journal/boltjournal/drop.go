package boltjournal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// dropAtOnce is how many runs one call drops at most: more than it ends.
const dropAtOnce = 8

// ending is a finished run.
type ending struct {
	key []byte
	at  time.Time
	run journal.RunID
}

// drop forgets the finished runs of an account that ended first, if there are too
// many or they are too old: not the one that ended last, and none with an unknown
// outcome.
func (w *work) drop(account broker.AccountID, now time.Time) error {
	if w.opts.KeepRuns < 0 && w.opts.Retain == 0 {
		return nil // all are kept
	}
	all, err := w.endings(account)
	if err != nil {
		return err
	}
	excess := 0
	if w.opts.KeepRuns > 0 {
		excess = len(all) - w.opts.KeepRuns
	}
	dropped := 0
	for _, e := range all[:len(all)-1] {
		old := w.opts.Retain > 0 && now.Sub(e.at) >= w.opts.Retain
		if dropped == dropAtOnce || dropped >= excess && !old {
			break
		}
		if w.unclear(e.run) {
			continue
		}
		if err := errors.Join(w.Bucket(bFinished).Delete(e.key), w.dropRun(e.run)); err != nil {
			return err
		}
		dropped++
	}
	return nil
}

// endings lists the finished runs of an account, the one that ended first first.
func (w *work) endings(account broker.AccountID) ([]ending, error) {
	var all []ending
	for k, v := range w.Bucket(bFinished).Prefix(join(string(account))) {
		at, id, err := decodeFinished(v)
		if err != nil {
			return nil, damaged(err, "finished run %q", k)
		}
		all = append(all, ending{slices.Clone(k), at, id})
		if w.opts.KeepRuns < 0 && len(all) == 1000 {
			break // those are candidates enough
		}
	}
	return all, nil
}

// unclear reports whether an outcome of the run is unknown.
func (w *work) unclear(id journal.RunID) bool {
	for range w.Bucket(bUnclear).Prefix(join(string(id))) {
		return true
	}
	return false
}

// dropRun forgets a run but for its ID and its references.
func (w *work) dropRun(id journal.RunID) error {
	h, err := w.head(id)
	if err != nil {
		return err
	}
	if h == nil {
		return damaged(journal.ErrUnknownRun, "finished run %s", id)
	}
	runs, refs := w.Bucket(bRuns), w.Bucket(bRefs)
	mark := (&place{gone: true}).encode()
	for k := range runs.Prefix(join(string(id), partIntent)) {
		r, err := w.intent(id, tail(k))
		if err != nil {
			return err
		}
		if err := refs.Put([]byte(r.Intent.Order.ID), mark); err != nil {
			return err
		}
	}
	var keys [][]byte
	for k := range runs.Prefix(join(string(id))) {
		keys = append(keys, slices.Clone(k))
	}
	for _, k := range keys {
		if err := runs.Delete(k); err != nil {
			return err
		}
	}
	if err := errors.Join(
		w.Bucket(bOrder).Delete(number(h.seq, "")),
		w.Bucket(bByAccount).Delete(numbered(string(h.claim.Account), h.seq)),
		w.Bucket(bGone).Put([]byte(id), none),
	); err != nil {
		return fmt.Errorf("boltjournal: drop run %s: %w", id, err)
	}
	return nil
}
