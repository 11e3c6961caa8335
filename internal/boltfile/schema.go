package boltfile

import (
	"errors"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// Names of top-level buckets.
var metaBucket = []byte("evenkeel")

// bucket is the name of the kind's top-level bucket.
func (k *Kind) bucket() []byte { return []byte("evenkeel/" + k.Name) }

// expected refuses a database that does not hold this kind of content in a form
// that is known. One without anything is good.
func (k *Kind) expected(tx *bbolt.Tx) error {
	m := tx.Bucket(metaBucket)
	if m == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("%w: a bbolt database of another program, with %q in it: name another file", ErrForeign, name)
		}
		return nil
	}
	stored := m.Get([]byte(k.Name))
	if stored != nil {
		return k.known(stored)
	}
	other, _ := m.Cursor().First()
	if other == nil {
		return damaged("it does not say what it holds")
	}
	return fmt.Errorf("%w: a %s, not a %s: name another file, or share the database of an open one", ErrForeign, other, k.Name)
}

// known refuses a version that this release does not know.
func (k *Kind) known(stored []byte) error {
	version, err := parseSchema(stored)
	switch {
	case err != nil:
		return damaged("the version of its %s: %v", k.Name, err)
	case version > k.Schema:
		return fmt.Errorf("%w: its %s has schema %d, this release knows %d: update this program", ErrNewerSchema, k.Name, version, k.Schema)
	}
	return nil
}

// parseSchema reads a stored version.
func parseSchema(b []byte) (int, error) {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 || strconv.Itoa(n) != string(b) {
		return 0, fmt.Errorf("%.40q is no number from 1", b)
	}
	return n, nil
}

// prepare makes what is missing, and refuses what is not known.
func (f *File) prepare() error {
	ready := false
	err := f.view(func(tx *bbolt.Tx) error {
		m := tx.Bucket(metaBucket)
		if m == nil {
			return nil
		}
		stored := m.Get([]byte(f.kind.Name))
		if stored == nil {
			return nil
		}
		if err := f.kind.known(stored); err != nil {
			return err
		}
		root := tx.Bucket(f.kind.bucket())
		if root == nil {
			return damaged("its %s is missing", f.kind.Name)
		}
		for _, name := range f.kind.Buckets {
			if root.Bucket([]byte(name)) == nil {
				return damaged("%s of its %s is missing", name, f.kind.Name)
			}
		}
		ready = true
		return nil
	})
	if err != nil || ready {
		return err
	}
	err = f.shielded(func() error { return f.db.Update(f.kind.make) })
	if err != nil && !errors.Is(err, ErrDamaged) {
		return explainOpen(err)
	}
	return err
}

// make puts an empty content into a database.
func (k *Kind) make(tx *bbolt.Tx) error {
	m, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	root, err := tx.CreateBucket(k.bucket())
	if err != nil {
		return err
	}
	for _, name := range k.Buckets {
		if _, err := root.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	return m.Put([]byte(k.Name), []byte(strconv.Itoa(k.Schema)))
}
