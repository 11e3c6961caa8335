package boltfile

import (
	"runtime"
	"sync"
	"weak"

	"go.etcd.io/bbolt"
)

// fate is what befell a database. The stores that share it share this, too: what
// the disk holds after a failed sync is not known to any of them, whichever
// noticed.
type fate struct {
	// turn is held by the store that commits, until it is known how that ended:
	// nobody builds on a commit that failed.
	turn chan struct{}

	mu     sync.Mutex
	broken error // why nothing more is taken
	stuck  bool  // bbolt itself panicked, and may hold its locks for ever
}

// fates are those of the databases in use. It is the one thing that stores on the
// same database have in common besides bbolt's own type.
var fates sync.Map // weak.Pointer[bbolt.DB] → *fate

// fateOf returns the fate of a database.
func fateOf(db *bbolt.DB) *fate {
	key := weak.Make(db)
	was, shared := fates.LoadOrStore(key, &fate{turn: make(chan struct{}, 1)})
	if !shared {
		runtime.AddCleanup(db, func(key weak.Pointer[bbolt.DB]) { fates.Delete(key) }, key)
	}
	return was.(*fate)
}

// breakDown lets nothing more into the file.
func (f *fate) breakDown(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.broken = why
	}
}

// jam is breakDown after bbolt panicked.
func (f *fate) jam(why error) {
	f.breakDown(why)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stuck = true
}

// why returns why the file takes nothing more, nil if it does.
func (f *fate) why() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

func (f *fate) isStuck() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stuck
}
