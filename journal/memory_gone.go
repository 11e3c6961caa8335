package journal

import (
	"hash/maphash"

	"github.com/evenkeel/evenkeel/broker"
)

// memHashes remembers the IDs and the references of dropped runs by their
// 128-bit hashes: small, and nothing for the garbage collector to look at. Two
// names with one hash are not to be expected in the life of any process.
type memHashes struct {
	seeds [2]maphash.Seed // made with the maps
	runs  map[[2]uint64]struct{}
	refs  map[[2]uint64]struct{}
}

// add remembers a run.
func (h *memHashes) add(r *memRun) {
	if h.runs == nil {
		h.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
		h.runs, h.refs = make(map[[2]uint64]struct{}), make(map[[2]uint64]struct{})
	}
	h.runs[h.of(string(r.ID))] = struct{}{}
	for _, i := range r.intents {
		h.refs[h.of(string(i.Order.ID))] = struct{}{}
	}
}

// run reports whether a run of this ID was dropped.
func (h *memHashes) run(id RunID) bool {
	if len(h.runs) == 0 {
		return false
	}
	_, gone := h.runs[h.of(string(id))]
	return gone
}

// ref reports whether a dropped run used the reference.
func (h *memHashes) ref(id broker.OrderID) bool {
	if len(h.refs) == 0 {
		return false
	}
	_, gone := h.refs[h.of(string(id))]
	return gone
}

// of returns the hash of a name.
func (h *memHashes) of(name string) [2]uint64 {
	return [2]uint64{maphash.String(h.seeds[0], name), maphash.String(h.seeds[1], name)}
}
