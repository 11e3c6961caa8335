package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The layout of bbolt's other pages. The header of a page: its number (8 bytes),
// flags, count of elements (2 each), count of further pages that belong to it (4).
// Then the elements of 16 bytes: in a branch where its key is, from the element
// on, and how long (4 each), and the page (8); in a leaf flags, where its key is,
// how long that and the value behind it are (4 each). The value of a bucket begins
// with its root page and its sequence; a root of 0 says that its only page follows.
// In the list of free pages the elements are their numbers; if there are 65535 or
// more, the first one is their count.
const (
	elementSize = 16
	bucketSize  = 16

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of an element of a leaf

	maxDepth = 64 // of pages below pages and buckets in buckets
)

// tree is a look at all pages of a database.
type tree struct {
	data []byte
	meta meta
	seen []bool // pages that are in use or free
}

// checkPages refuses a database one of whose pages is not what it should be, is
// used twice, or is lost. It reads bytes only, so it cannot be led astray.
func checkPages(data []byte) error {
	m, err := newest(data)
	if err != nil {
		return err
	}
	if m.highWater > uint64(len(data))/uint64(m.pageSize) {
		return fmt.Errorf("pages are missing")
	}
	t := &tree{data: data, meta: m, seen: make([]bool, m.highWater)}
	if m.highWater < 3 {
		return fmt.Errorf("it has %d pages", m.highWater)
	}
	t.seen[0], t.seen[1] = true, true
	if err := t.page(m.root, 0); err != nil {
		return err
	}
	if m.freelist == ^uint64(0) {
		return nil // a database that keeps no list of free pages: none of ours
	}
	if err := t.free(m.freelist); err != nil {
		return err
	}
	for id, seen := range t.seen {
		if !seen {
			return fmt.Errorf("page %d is neither used nor free", id)
		}
	}
	return nil
}

// newest returns the meta page that counts.
func newest(data []byte) (meta, error) {
	first, err := readMeta(bytes.NewReader(data), 0)
	if err != nil {
		return meta{}, err
	}
	second, err := readMeta(bytes.NewReader(data), first.pageSize)
	if err != nil || second.txid < first.txid {
		return first, err
	}
	return second, nil
}

// header is the header of a page and what follows it.
type header struct {
	flags uint16
	count int
	body  []byte // with the header
}

// take reads a page that nothing else uses.
func (t *tree) take(id uint64) (header, error) {
	if id < 2 || id >= t.meta.highWater {
		return header{}, fmt.Errorf("page %d is none of 2 to %d", id, t.meta.highWater-1)
	}
	start := int64(id) * t.meta.pageSize
	h, err := readHeader(t.data[start:])
	if err != nil {
		return h, fmt.Errorf("page %d: %w", id, err)
	}
	if got := binary.NativeEndian.Uint64(h.body); got != id {
		return h, fmt.Errorf("page %d says that it is %d", id, got)
	}
	more := uint64(binary.NativeEndian.Uint32(h.body[12:]))
	if more >= t.meta.highWater-id {
		return h, fmt.Errorf("page %d goes on for %d pages", id, more)
	}
	for n := id; n <= id+more; n++ {
		if t.seen[n] {
			return h, fmt.Errorf("page %d is used twice", n)
		}
		t.seen[n] = true
	}
	h.body = h.body[:t.meta.pageSize*int64(more+1)]
	return h, nil
}

func readHeader(b []byte) (header, error) {
	if len(b) < pageHeader {
		return header{}, fmt.Errorf("a page of %d bytes", len(b))
	}
	return header{flags: binary.NativeEndian.Uint16(b[8:]), count: int(binary.NativeEndian.Uint16(b[10:])), body: b}, nil
}

// page checks a page and all below it.
func (t *tree) page(id uint64, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d is below too many others", id)
	}
	h, err := t.take(id)
	if err != nil {
		return err
	}
	if err := t.elements(h, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements checks the elements of a page and all below them.
func (t *tree) elements(h header, depth int) error {
	if h.flags != flagBranch && h.flags != flagLeaf {
		return fmt.Errorf("its flags are %#x", h.flags)
	}
	if h.flags == flagBranch && h.count == 0 {
		return fmt.Errorf("it leads nowhere")
	}
	if pageHeader+h.count*elementSize > len(h.body) {
		return fmt.Errorf("its %d elements do not fit", h.count)
	}
	var last []byte
	for i := range h.count {
		at := pageHeader + i*elementSize
		key, below, err := element(h, at)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		last = key
		if err := t.below(h, at, below, depth); err != nil {
			return err
		}
	}
	return nil
}

// element reads the key and, in a leaf, the value of an element.
func element(h header, at int) (key, value []byte, err error) {
	order, e := binary.NativeEndian, h.body[at:at+elementSize]
	pos, keySize, valueSize := uint64(order.Uint32(e)), uint64(order.Uint32(e[4:])), uint64(0)
	if h.flags == flagLeaf {
		pos, keySize, valueSize = uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
	}
	from := uint64(at) + pos
	if pos < elementSize || from+keySize+valueSize > uint64(len(h.body)) {
		return nil, nil, fmt.Errorf("it reaches beyond its page")
	}
	return h.body[from : from+keySize], h.body[from+keySize : from+keySize+valueSize], nil
}

// below checks what an element leads to.
func (t *tree) below(h header, at int, value []byte, depth int) error {
	order, e := binary.NativeEndian, h.body[at:at+elementSize]
	switch {
	case h.flags == flagBranch:
		return t.page(order.Uint64(e[8:]), depth+1)
	case order.Uint32(e)&flagBucket == 0:
		return nil
	case len(value) < bucketSize:
		return fmt.Errorf("a bucket of %d bytes", len(value))
	}
	if root := order.Uint64(value); root != 0 {
		return t.page(root, depth+1)
	}
	inline, err := readHeader(value[bucketSize:])
	if err != nil {
		return err
	}
	if inline.flags != flagLeaf || depth > maxDepth {
		return fmt.Errorf("a bucket in a page with flags %#x, %d deep", inline.flags, depth)
	}
	return t.elements(inline, depth+1)
}

// free checks the list of free pages.
func (t *tree) free(id uint64) error {
	h, err := t.take(id)
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	if h.flags != flagFreelist {
		return fmt.Errorf("list of free pages: its flags are %#x", h.flags)
	}
	order, ids, count := binary.NativeEndian, h.body[pageHeader:], uint64(h.count)
	if count == 0xFFFF {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return fmt.Errorf("list of free pages: its %d numbers do not fit", count)
	}
	for n := range count {
		free := order.Uint64(ids[8*n:])
		if free < 2 || free >= t.meta.highWater {
			return fmt.Errorf("list of free pages: page %d is none of 2 to %d", free, t.meta.highWater-1)
		}
		if t.seen[free] {
			return fmt.Errorf("page %d is free, and used or free once more", free)
		}
		t.seen[free] = true
	}
	return nil
}
