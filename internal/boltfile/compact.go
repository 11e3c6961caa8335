package boltfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// compactBatch is how many bytes are copied in one transaction.
const compactBatch = 8 << 20

// Compact writes what a file holds into a new one without gaps, makes sure that
// it is the same, and puts it in the place of the old one, which it keeps locked
// meanwhile. Nobody may have the file open. After an error the old one stands.
func Compact(ctx context.Context, path string, kind Kind, o Options) error {
	if err := compact(ctx, path, kind, o); err != nil {
		return fmt.Errorf("%s: compact %s: %w", kind.Package, path, err)
	}
	return nil
}

func compact(ctx context.Context, path string, kind Kind, o Options) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no such file: %w", err)
	}
	path, err := filepath.EvalSymlinks(path) // the file is to be replaced, not its link
	if err != nil {
		return err
	}
	f, err := open(path, kind, o)
	if err != nil {
		return err
	}
	return errors.Join(f.compact(ctx, path), f.Close())
}

// compact does it while f holds the lock.
func (f *File) compact(ctx context.Context, path string) (err error) {
	temp, err := blank(path)
	if err != nil {
		return err
	}
	defer func() {
		if rest := os.Remove(temp); !errors.Is(rest, fs.ErrNotExist) {
			err = errors.Join(err, rest)
		}
	}()
	if err := f.copyTo(ctx, temp); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.Chmod(temp, info.Mode().Perm()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyTo copies all into a file and makes sure that it is there.
func (f *File) copyTo(ctx context.Context, temp string) error {
	var opened *os.File
	return guarded(&opened, func() (err error) {
		to, err := bbolt.Open(temp, 0o600, (&Options{}).bolt(&opened))
		if err != nil {
			return explainOpen(err)
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := bbolt.Compact(to, f.db, compactBatch); err != nil {
			return explainOpen(err)
		}
		was, err := digest(ctx, f.db)
		if err != nil {
			return err
		}
		is, err := digest(ctx, to)
		if err != nil {
			return err
		}
		if is != was {
			return damaged("its copy differs from it (%+v, %+v)", is, was)
		}
		return to.Sync()
	})
}

// contents is what a database holds, in short.
type contents struct {
	keys uint64
	sum  uint64
}

// digest reads all that a database holds.
func digest(ctx context.Context, db *bbolt.DB) (contents, error) {
	var c contents
	err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return c.add(ctx, name, b) })
	})
	return c, err
}

// add counts a bucket in.
func (c *contents) add(ctx context.Context, name []byte, b *bbolt.Bucket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mix(name, nil)
	c.sum = c.sum*prime + b.Sequence()
	return b.ForEach(func(k, v []byte) error {
		if v == nil {
			return c.add(ctx, k, b.Bucket(k))
		}
		c.mix(k, v)
		return nil
	})
}

const prime = 1099511628211

// mix adds a pair to the sum.
func (c *contents) mix(k, v []byte) {
	c.keys++
	for _, part := range [...][]byte{k, v} {
		c.sum = (c.sum ^ uint64(len(part))) * prime
		for _, x := range part {
			c.sum = (c.sum ^ uint64(x)) * prime
		}
	}
}
