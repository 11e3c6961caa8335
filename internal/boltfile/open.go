package boltfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
)

// Kind is what a file holds.
type Kind struct {
	Name    string   // of the content, such as "queue"
	Package string   // begins its error texts
	Schema  int      // version of the stored form, from 1
	Buckets []string // of the content
}

// Options changes how a file is opened. The zero value has the defaults.
type Options struct {
	// LockWait is how long to wait for somebody else to close the file.
	// Default: 1 s.
	LockWait time.Duration
	// MaxBytes bounds the size of the file. Default: not bounded.
	MaxBytes int64
	// CheckLimit is up to which size, in bytes, the whole file is checked when it
	// is opened; a larger one only at its ends. Default: 64 MiB.
	CheckLimit int64
}

// Check returns every fault of the options, joined, or nil.
func (o *Options) Check() error {
	var faults []error
	if o.LockWait < 0 {
		faults = append(faults, fmt.Errorf("LockWait is %v", o.LockWait))
	}
	if o.MaxBytes < 0 {
		faults = append(faults, fmt.Errorf("MaxBytes is %d", o.MaxBytes))
	}
	if o.CheckLimit < 0 {
		faults = append(faults, fmt.Errorf("CheckLimit is %d", o.CheckLimit))
	}
	return errors.Join(faults...)
}

// bolt returns bbolt's options. It notes the file that bbolt opens, so that it
// can be let go of when bbolt does not return.
func (o *Options) bolt(opened **os.File) *bbolt.Options {
	return &bbolt.Options{
		Timeout: cmp.Or(o.LockWait, time.Second), MaxSize: int(o.MaxBytes), FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag&^os.O_CREATE, perm)
			*opened = f
			return f, err
		},
	}
}

// Open opens a file for one kind of content, and makes it if there is none.
func Open(path string, kind Kind, o Options) (*File, error) {
	f, err := open(path, kind, o)
	if err != nil {
		return nil, fmt.Errorf("%s: open %s: %w", kind.Package, path, err)
	}
	return f, nil
}

func open(path string, kind Kind, o Options) (*File, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := ensure(path, kind); err != nil {
		return nil, err
	}
	if err := inspect(path, kind, o); err != nil {
		return nil, err
	}
	f, err := openLocked(path, kind, o)
	if err != nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Wrap uses a database that was opened by somebody else, who also closes it. It
// may hold other things besides.
func Wrap(db *bbolt.DB, kind Kind) (*File, error) {
	f := &File{db: db, path: db.Path(), place: place(db.Path()), kind: kind, fate: fateOf(db)}
	if err := f.usable(); err != nil {
		return nil, err
	}
	err := checkDurable(db)
	if err == nil {
		f.inode, err = os.Stat(f.path)
	}
	if err == nil {
		err = f.prepare()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: new on %s: %w", kind.Package, db.Path(), err)
	}
	return f, nil
}

// checkDurable refuses a database that does not sync what it commits.
func checkDurable(db *bbolt.DB) error {
	switch {
	case db.IsReadOnly():
		return errors.New("the database was opened read-only: open it for writing")
	case db.NoSync, db.NoGrowSync:
		return errors.New("the database was opened with NoSync or NoGrowSync: nothing in it would be safe")
	}
	return nil
}

// ensure makes the file if there is none, and refuses what can be no file.
func ensure(path string, kind Kind) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := dangling(path); err != nil {
			return err
		}
		return create(path, kind)
	case err != nil:
		return explainOpen(err)
	case info.IsDir():
		return errors.New("it is a directory: name a file in it")
	case !info.Mode().IsRegular():
		return fmt.Errorf("it is no regular file (%v): name another one", info.Mode().Type())
	case info.Mode().Perm()&0o222 == 0:
		return fmt.Errorf("it is read-only (%v): make it writable, or name another one", info.Mode().Perm())
	case info.Size() == 0:
		return checkHeader(nil, 0)
	}
	return nil
}

// dangling refuses a link to what is not there. The file may be on a disk that is
// not mounted: an empty one in its place would be taken for it.
func dangling(path string) error {
	if to, err := os.Readlink(path); err == nil {
		return fmt.Errorf("it is a symbolic link to %s, which does not exist: bring that file or its disk back, or remove the link", to)
	}
	return nil
}

// create makes a file under another name and gives it its own when it is
// complete. If somebody else was faster, theirs stays.
func create(path string, kind Kind) (err error) {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %s does not exist: make it first", dir)
	} else if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder: name another file", dir)
	}
	temp, err := blank(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp)) }()
	var opened *os.File
	db, err := bbolt.Open(temp, 0o600, (&Options{}).bolt(&opened))
	if err != nil {
		return explainOpen(err)
	}
	err = (&File{db: db, path: path, kind: kind, fate: fateOf(db)}).prepare()
	if err := errors.Join(err, db.Close()); err != nil {
		return explainOpen(err)
	}
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the new file could not be named: %w", err)
	}
	return syncDir(dir)
}

// blank makes an empty file beside path and returns its name.
func blank(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return "", explainOpen(err)
	}
	return f.Name(), f.Close()
}

// inspect looks at a file under a shared lock and changes nothing.
func inspect(path string, kind Kind, o Options) error {
	var opened *os.File
	opts := o.bolt(&opened)
	opts.ReadOnly, opts.MaxSize = true, 0
	return guarded(&opened, func() (err error) {
		db, err := bbolt.Open(path, 0, opts)
		if err != nil {
			return refuse(path, err)
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		info, err := opened.Stat()
		if err != nil {
			return err
		}
		if err := checkHeader(opened, info.Size()); err != nil {
			return err
		}
		if info.Size() <= cmp.Or(o.CheckLimit, 64<<20) {
			if err := checkAll(opened, info.Size()); err != nil {
				return err
			}
		}
		return db.View(kind.expected)
	})
}

// checkAll reads a whole file and looks at every page.
func checkAll(f *os.File, size int64) error {
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil {
		return damaged("it cannot be read: %v", err)
	}
	if err := checkPages(data); err != nil {
		return damaged("%v", err)
	}
	return nil
}

// refuse explains why bbolt does not open a file: its own words do not tell a
// damaged file from a foreign one.
func refuse(path string, err error) error {
	known := explainOpen(err)
	if errors.Is(known, ErrInUse) || errors.Is(known, fs.ErrPermission) {
		return known
	}
	f, err := os.Open(path)
	if err != nil {
		return explainOpen(err)
	}
	info, err := f.Stat()
	if err == nil {
		err = cmp.Or(checkHeader(f, info.Size()), known)
	}
	return errors.Join(err, f.Close())
}

// openLocked opens a file for writing, and makes sure that the file it holds the
// lock of is still the one of that name: [Compact] may have put another in its
// place meanwhile.
func openLocked(path string, kind Kind, o Options) (*File, error) {
	var opened *os.File
	var db *bbolt.DB
	var mine os.FileInfo
	err := guarded(&opened, func() error {
		for {
			var err error
			if db, err = bbolt.Open(path, 0o600, o.bolt(&opened)); err != nil {
				return explainOpen(err)
			}
			if mine, err = opened.Stat(); err != nil {
				return errors.Join(err, db.Close())
			}
			named, err := os.Stat(path)
			if err != nil {
				return errors.Join(err, db.Close())
			}
			if os.SameFile(mine, named) {
				return nil
			}
			if err := db.Close(); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return &File{db: db, path: path, place: place(path), kind: kind, owned: opened, inode: mine, fate: fateOf(db)}, nil
}

// place is the whole name of a file, as far as it can be told.
func place(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// guarded is recovered that also lets go of the file, and so of its lock.
func guarded(opened **os.File, work func() error) error {
	broke, err := recovered(work)
	if broke && *opened != nil {
		if rest := (*opened).Close(); !errors.Is(rest, os.ErrClosed) {
			err = errors.Join(err, rest)
		}
	}
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it does so by itself, and has no such call
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
