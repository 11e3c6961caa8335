package boltfile

import (
	"bytes"
	"io"

	"go.etcd.io/bbolt"
)

// For the tests.
var (
	CheckHeader = checkHeader
	ParseSchema = parseSchema
	IsFull      = isFull
)

// ExplainWrite is explainWrite.
func ExplainWrite(err error) (error, bool) { return explainWrite(err) }

// ParseMeta reads a meta page and returns its page size.
func ParseMeta(b []byte) (int64, error) {
	m, err := parseMeta(b)
	return m.pageSize, err
}

// HeaderOf checks the header of a file's bytes.
func HeaderOf(b []byte) error { return checkHeader(io.ReaderAt(bytes.NewReader(b)), int64(len(b))) }

// Bolt returns the root bucket of a transaction.
func (t *Tx) Bolt() *bbolt.Bucket { return t.root }

// CheckPages looks at the pages of a file's bytes.
var CheckPages = checkPages

// CloseUnder closes the file beneath the database.
func (f *File) CloseUnder() error { return f.owned.Close() }

// Descriptor is that of the open file.
func (f *File) Descriptor() int { return int(f.owned.Fd()) }
