package boltqueue

import "context"

// Decode has every decoder of this package read data, and what it read is written
// and read once more. It returns how many could read it.
func Decode(data []byte) (n int, err error) {
	again := func(b []byte, read func([]byte) error) {
		n++
		if fault := read(b); fault != nil && err == nil {
			err = fault
		}
	}
	if it, fault := decodeItem(data); fault == nil {
		b, fault := it.encode()
		if fault != nil {
			return n, fault
		}
		again(b, func(b []byte) error { _, err := decodeItem(b); return err })
	}
	if l, fault := decodeLane(data); fault == nil {
		again(l.encode(), func(b []byte) error { _, err := decodeLane(b); return err })
	}
	if s, fault := decodeSpot(data); fault == nil {
		again(s.encode(), func(b []byte) error { _, err := decodeSpot(b); return err })
	}
	if a, fault := decodeAccount(data); fault == nil {
		again(a.encode(), func(b []byte) error { _, err := decodeAccount(b); return err })
	}
	if c, fault := decodeCounts(data); fault == nil {
		again(c.encode(), func(b []byte) error { _, err := decodeCounts(b); return err })
	}
	if t, fault := readInstant(data); fault == nil {
		again(appendInstant(nil, t), func(b []byte) error { _, err := readInstant(b); return err })
	}
	if _, fault := decodeAct(data); fault == nil {
		n++
	}
	return n, err
}

// Samples are stored forms, to begin with.
func Samples() [][]byte {
	l := lane{seq: 7, account: "U1", id: "e1"}
	s := spot{state: spotDelayed, delivered: true, seq: 7, command: "rebalance", id: "e1"}
	a := account{fence: 9, leased: true, length: 2, head: make([]byte, rankSize)}
	c := counts{1, 2, 3}
	return [][]byte{
		l.encode(), s.encode(), a.encode(), c.encode(),
		[]byte(`{"verb":"drop","id":"e1","receipt":{"id":"e1"}}`),
		[]byte(`{"seq":1,"place":1,"same":"ab","settled":[{"token":"s","verb":"retry","after":5,"sum":"00"},{"token":"t","verb":"ack","sum":"01"}],"entry":{"schema":1,"event":{"schema":1,"id":"e1","account":"U1","command":"c"},"state":"done","due":"2026-01-02T03:04:05Z","attempt":1,"crashes":0,"fence":1,"history":[]}}`),
	}
}

// Damage spoils the stored form of an event.
func (q *Queue) Damage(id string) error {
	return q.update(context.Background(), func(w *work) error { return w.tx.Bucket(bEvents).Put([]byte(id), []byte("{}")) })
}
