package journal

import (
	"hash/maphash"

	"github.com/evenkeel/evenkeel/broker"
)

// memHashes remembers the IDs of dropped runs, and every reference that was ever
// used, by their 128-bit hashes: small, and nothing for the garbage collector to
// look at. Two names with one hash are not to be expected in the life of any process.
//
// A reference goes in when it is used, and not when its run is dropped: it was just
// looked up, so that its place is at hand.
type memHashes struct {
	seeds      [2]maphash.Seed // made with the first hash
	runs, refs memTable
}

// drop remembers that a run was dropped.
func (h *memHashes) drop(id RunID) { h.runs.add(h.of(string(id))) }

// dropped reports whether a run of this ID was dropped.
func (h *memHashes) dropped(id RunID) bool { return h.runs.used > 0 && h.runs.has(h.of(string(id))) }

// use remembers that a reference was used.
func (h *memHashes) use(id broker.OrderID) { h.refs.add(h.of(string(id))) }

// used reports whether a reference was ever used.
func (h *memHashes) used(id broker.OrderID) bool {
	return h.refs.used > 0 && h.refs.has(h.of(string(id)))
}

// of returns the hash of a name, which is not zero.
func (h *memHashes) of(name string) [2]uint64 {
	if h.runs.used == 0 && h.refs.used == 0 {
		h.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	}
	return [2]uint64{maphash.String(h.seeds[0], name) | 1, maphash.String(h.seeds[1], name)}
}

// memTable is a set of hashes: a table of which at most three quarters are used,
// each hash at the first free place behind the one that it names.
type memTable struct {
	slots [][2]uint64 // a power of two; zero where nothing is
	used  int
}

// find returns the place of a hash, or the free one where it belongs.
func (t *memTable) find(hash [2]uint64) int {
	mask := uint64(len(t.slots) - 1)
	for at := hash[1] & mask; ; at = (at + 1) & mask {
		if s := t.slots[at]; s == hash || s[0] == 0 {
			return int(at)
		}
	}
}

// has reports whether a hash is there.
func (t *memTable) has(hash [2]uint64) bool { return t.slots[t.find(hash)] == hash }

// add adds a hash, once.
func (t *memTable) add(hash [2]uint64) {
	if 4*t.used >= 3*len(t.slots) {
		t.grow()
	}
	if at := t.find(hash); t.slots[at] != hash {
		t.slots[at] = hash
		t.used++
	}
}

// grow doubles the table.
func (t *memTable) grow() {
	old := t.slots
	t.slots = make([][2]uint64, max(64, 2*len(old)))
	for _, hash := range old {
		if hash[0] != 0 {
			t.slots[t.find(hash)] = hash
		}
	}
}
