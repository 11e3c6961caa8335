package boltjournal

import (
	"bytes"

	"github.com/evenkeel/evenkeel/journal"
)

// Decode has every decoder of this package read data; what it read is written and
// must be the same again. It returns how many could read it.
func Decode(data []byte) (n int, same bool) {
	same = true
	if h, err := decodeHead(data); err == nil {
		n++
		b, err := h.encode()
		if err != nil {
			return n, false
		}
		_, err = decodeHead(b)
		same = same && err == nil
	}
	if p, err := decodePlace(data); err == nil {
		n++
		same = same && bytes.Equal(p.encode(), data)
	}
	if at, id, err := decodeFinished(data); err == nil {
		n++
		same = same && bytes.Equal(finishedValue(at, id), data)
	}
	if k, text, err := readNumber(data); err == nil {
		n++
		same = same && bytes.Equal(number(k, text), data)
	}
	if id, unknown, err := decodeOpen(data); err == nil {
		n++
		i := &journal.Intent{Run: id}
		if unknown {
			i.Settlement = &journal.Settlement{}
		}
		same = same && bytes.Equal(openValue(i), data)
	}
	if _, err := decodeMemo(data); err == nil {
		n++
	}
	return n, same
}

// Samples are stored forms, to begin with.
func Samples() [][]byte {
	h := head{seq: 1, claim: journal.Claim{Account: "U1", Event: "e1", Command: "rebalance", Number: 1, Fence: 1}}
	h.claim.Time = h.claim.Time.AddDate(2025, 0, 0)
	b, err := h.encode()
	if err != nil {
		panic(err)
	}
	p := place{run: "e1/1", n: 3}
	return [][]byte{b, p.encode(), none, finishedValue(h.claim.Time, "e1/1"), []byte(`{"run":"e1/1","data":{"a":1}}`)}
}
