package boltfile

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The layout of bbolt's meta pages: a page header of 16 bytes, then magic,
// version, page size and flags of 4 bytes each, root page and sequence, freelist,
// high-water mark, transaction and checksum of 8 bytes each, in the byte order of
// the machine.
const (
	pageHeader  = 16
	metaSize    = 64
	metaSummed  = 56 // the checksum is that of what stands before it
	metaMagic   = 0xED0CDAED
	metaVersion = 2

	minPageSize = 1 << 10
	maxPageSize = 1 << 24
)

// meta is what a meta page says.
type meta struct {
	pageSize  int64
	root      uint64 // page
	freelist  uint64 // page
	highWater uint64 // the first page that was never used
	txid      uint64
}

// checkHeader refuses a file whose meta pages are not both whole, or that is
// shorter than they say.
func checkHeader(r io.ReaderAt, size int64) error {
	if size == 0 {
		return damaged("it is empty: a file that was just made is never empty (if nothing was ever stored in it, remove it)")
	}
	first, err := readMeta(r, 0)
	if err != nil {
		return explainFirst(r, size, err)
	}
	second, err := readMeta(r, first.pageSize)
	if err != nil {
		return damaged("its second meta page: %v; what was stored last may be lost", err)
	}
	if first.pageSize != second.pageSize {
		return damaged("its meta pages speak of pages of %d and of %d bytes", first.pageSize, second.pageSize)
	}
	pages := max(first.highWater, second.highWater)
	if pages > uint64(size/first.pageSize) {
		return damaged("it has %d bytes, at least %d pages of %d bytes are missing or cut off",
			size, pages-uint64(size/first.pageSize), first.pageSize)
	}
	return nil
}

// explainFirst says what is wrong with a file whose first meta page is not good.
func explainFirst(r io.ReaderAt, size int64, why error) error {
	for at := int64(minPageSize); at <= maxPageSize && at < size; at *= 2 {
		if m, err := readMeta(r, at); err == nil && m.pageSize == at {
			return damaged("its first meta page: %v; what was stored last may be lost", why)
		}
	}
	if magic(r, 0) {
		return damaged("its first meta page: %v", why)
	}
	return fmt.Errorf("%w: it is no bbolt database: %w: name another file", ErrForeign, why)
}

// magic reports whether a meta page seems to have been at a place.
func magic(r io.ReaderAt, at int64) bool {
	var b [4]byte
	_, err := r.ReadAt(b[:], at+pageHeader)
	return err == nil && binary.NativeEndian.Uint32(b[:]) == metaMagic
}

// readMeta reads and checks a meta page.
func readMeta(r io.ReaderAt, at int64) (meta, error) {
	var b [pageHeader + metaSize]byte
	if n, err := r.ReadAt(b[:], at); n < len(b) {
		return meta{}, fmt.Errorf("only %d of its %d bytes are there: %w", n, len(b), err)
	}
	return parseMeta(b[pageHeader:])
}

// parseMeta reads what stands behind the header of a meta page.
func parseMeta(b []byte) (meta, error) {
	if len(b) < metaSize {
		return meta{}, fmt.Errorf("%d bytes are too few", len(b))
	}
	order := binary.NativeEndian
	if got := order.Uint32(b); got != metaMagic {
		return meta{}, fmt.Errorf("it begins with %#x, not with %#x", got, uint32(metaMagic))
	}
	if got := order.Uint32(b[4:]); got != metaVersion {
		return meta{}, fmt.Errorf("its format is %d, not %d", got, metaVersion)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSummed]) // a hash takes all
	if order.Uint64(b[metaSummed:]) != sum.Sum64() {
		return meta{}, fmt.Errorf("its checksum is wrong")
	}
	m := meta{
		pageSize: int64(order.Uint32(b[8:])), root: order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), highWater: order.Uint64(b[40:]), txid: order.Uint64(b[48:]),
	}
	if m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0 {
		return meta{}, fmt.Errorf("its pages have %d bytes", m.pageSize)
	}
	return m, nil
}
