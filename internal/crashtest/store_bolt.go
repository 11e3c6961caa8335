package main

import (
	"github.com/evenkeel/evenkeel/journal/boltjournal"
	"github.com/evenkeel/evenkeel/queue/boltqueue"
)

// openBolt opens the files of a folder: one for both, or one for each.
func openBolt(dir string, shared bool) (*stores, error) {
	queuePath, journalPath := files(dir)
	q, err := boltqueue.Open(queuePath, &boltqueue.Options{Lease: lease, MaxCrashes: maxCrashes, History: historyKept})
	if err != nil {
		return nil, err
	}
	options := &boltjournal.Options{KeepRuns: -1}
	var j *boltjournal.Journal
	if shared {
		j, err = boltjournal.New(q.DB(), options)
	} else {
		j, err = boltjournal.Open(journalPath, options)
	}
	if err != nil {
		return nil, closeAll(func() error { return err }, q.Close)()
	}
	return &stores{queue: q, admin: q, journal: j, close: closeAll(j.Close, q.Close)}, nil
}
