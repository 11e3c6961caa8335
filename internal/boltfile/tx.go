package boltfile

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// Tx is a transaction on the content of one kind.
type Tx struct {
	root  *bbolt.Bucket
	dirty bool // something was written
}

// Bucket returns a bucket of the kind.
func (t *Tx) Bucket(name string) Bucket {
	return Bucket{tx: t, bolt: t.root.Bucket([]byte(name))}
}

// Bucket is a bucket within a transaction. Keys and values that it returns are
// valid, and not to be changed, until the transaction ends or the bucket is
// written to.
type Bucket struct {
	tx   *Tx
	bolt *bbolt.Bucket
}

// Get returns a value, nil if there is none.
func (b Bucket) Get(key []byte) []byte { return b.bolt.Get(key) }

// Has reports whether there is a value.
func (b Bucket) Has(key []byte) bool { return b.bolt.Get(key) != nil }

// Put stores a value, which must not be changed afterwards.
func (b Bucket) Put(key, value []byte) error {
	b.tx.dirty = true
	return b.bolt.Put(key, value)
}

// Delete removes a value, if there is one.
func (b Bucket) Delete(key []byte) error {
	b.tx.dirty = true
	return b.bolt.Delete(key)
}

// Next returns a number that was never returned before.
func (b Bucket) Next() (uint64, error) {
	b.tx.dirty = true
	return b.bolt.NextSequence()
}

// First returns the first pair, nil if there is none.
func (b Bucket) First() (key, value []byte) { return b.bolt.Cursor().First() }

// From yields the pairs from a key on whose keys begin with a prefix.
func (b Bucket) From(prefix, key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		c := b.bolt.Cursor()
		for k, v := c.Seek(key); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			if !yield(k, v) {
				return
			}
		}
	}
}

// Prefix yields the pairs whose keys begin with a prefix.
func (b Bucket) Prefix(prefix []byte) iter.Seq2[[]byte, []byte] {
	return b.From(prefix, prefix)
}

// Before yields the pairs whose keys begin with a prefix and stand before a key,
// the last one first.
func (b Bucket) Before(prefix, key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		c := b.bolt.Cursor()
		k, v := c.Seek(key)
		if k == nil {
			k, v = c.Last()
		}
		for k != nil && bytes.Compare(k, key) >= 0 {
			k, v = c.Prev()
		}
		for ; k != nil && bytes.HasPrefix(k, prefix); k, v = c.Prev() {
			if !yield(k, v) {
				return
			}
		}
	}
}
