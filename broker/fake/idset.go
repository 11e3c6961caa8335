package fake

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/broker"
)

// IDSet is a set of order IDs that only grows. It keeps a hash of 8 bytes of each,
// the same in every process. That an ID is not in it is certain; a set of a million
// takes an ID wrongly for one of its own once in 10^13 times. The zero value is
// empty. As JSON it is one string. Not safe for concurrent use.
type IDSet struct{ hashes map[uint64]struct{} }

// Add adds an ID.
func (s *IDSet) Add(id broker.OrderID) {
	if s.hashes == nil {
		s.hashes = map[uint64]struct{}{}
	}
	s.hashes[hashOf(id)] = struct{}{}
}

// Has reports whether an ID was added.
func (s *IDSet) Has(id broker.OrderID) bool {
	if len(s.hashes) == 0 {
		return false
	}
	_, ok := s.hashes[hashOf(id)]
	return ok
}

// IsZero reports whether the set is empty.
func (s IDSet) IsZero() bool { return len(s.hashes) == 0 }

// clone returns a set of its own.
func (s *IDSet) clone() IDSet { return IDSet{hashes: maps.Clone(s.hashes)} }

// MarshalJSON returns the hashes in their order, in base64.
func (s IDSet) MarshalJSON() ([]byte, error) {
	data := make([]byte, 0, 8*len(s.hashes))
	for _, h := range slices.Sorted(maps.Keys(s.hashes)) {
		data = binary.BigEndian.AppendUint64(data, h)
	}
	return json.Marshal(data)
}

// UnmarshalJSON reads what [IDSet.MarshalJSON] wrote.
func (s *IDSet) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	data, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(data)%8 != 0 {
		return fmt.Errorf("fake: a set of order ids is no base64 of hashes of 8 bytes: %.40q", encoded)
	}
	hashes := make(map[uint64]struct{}, len(data)/8)
	var last uint64
	for n := 0; n < len(data); n += 8 {
		h := binary.BigEndian.Uint64(data[n:])
		if n > 0 && h <= last {
			return fmt.Errorf("fake: a set of order ids is not in order: %016x follows %016x", h, last)
		}
		hashes[h], last = struct{}{}, h
	}
	if s.hashes = hashes; len(hashes) == 0 {
		s.hashes = nil
	}
	return nil
}

// hashOf is the 64 bits FNV-1a of an ID.
func hashOf(id broker.OrderID) uint64 {
	h := uint64(14695981039346656037)
	for n := range len(id) {
		h = (h ^ uint64(id[n])) * 1099511628211
	}
	return h
}
