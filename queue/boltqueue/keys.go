package boltqueue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// Stored forms of what the buckets in work.go hold, but for the events. Numbers
// are big-endian, so that keys are in their order. An instant is its second,
// offset to be positive (8 bytes), and its nanosecond (4). A rank is an instant and a
// place (8). Texts end at a zero byte, which no name contains, or with the value.

const (
	instantSize = 12
	rankSize    = instantSize + 8
)

// appendInstant appends the form of an instant.
func appendInstant(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix())^(1<<63))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

// readInstant reads what appendInstant wrote.
func readInstant(b []byte) (time.Time, error) {
	if len(b) < instantSize {
		return time.Time{}, fmt.Errorf("an instant of %d bytes", len(b))
	}
	nano := binary.BigEndian.Uint32(b[8:])
	if nano >= 1e9 {
		return time.Time{}, fmt.Errorf("an instant with %d nanoseconds", nano)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)^(1<<63)), int64(nano)).UTC(), nil
}

// rankKey is a place among the events of all accounts.
func rankKey(t time.Time, place uint64) []byte {
	return binary.BigEndian.AppendUint64(appendInstant(make([]byte, 0, rankSize), t), place)
}

// accountPrefix begins the keys of an account's own.
func accountPrefix(account string) []byte { return append([]byte(account), 0) }

// lineKey is a place in the line of an account.
func lineKey(account string, place uint64) []byte {
	return binary.BigEndian.AppendUint64(accountPrefix(account), place)
}

// stateKey is the place of an event among those in its state.
func stateKey(s queue.State, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(statePrefix(s), seq)
}

func statePrefix(s queue.State) []byte { return append([]byte(s), 0) }

// lane is what stands for an event in the order of its time.
type lane struct {
	seq         uint64
	account, id string
}

func (l lane) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 9+len(l.account)+len(l.id)), l.seq)
	return append(append(append(b, l.account...), 0), l.id...)
}

func decodeLane(b []byte) (lane, error) {
	if len(b) < 8 {
		return lane{}, fmt.Errorf("a lane of %d bytes", len(b))
	}
	account, id, ok := strings.Cut(string(b[8:]), "\x00")
	if !ok || account == "" || id == "" {
		return lane{}, errors.New("a lane without an account or an event")
	}
	return lane{seq: binary.BigEndian.Uint64(b), account: account, id: id}, nil
}

// spot is what stands for an event in the line of its account.
type spot struct {
	state     byte // one of the below
	delivered bool
	due       time.Time
	seq       uint64
	command   string
	id        string
}

const (
	spotQueued byte = iota
	spotDelayed
	spotLeased
)

func (s *spot) encode() []byte {
	b := make([]byte, 0, 23+len(s.command)+len(s.id))
	b = append(b, s.state, 0)
	if s.delivered {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(appendInstant(b, s.due), s.seq)
	return append(append(append(b, s.command...), 0), s.id...)
}

func decodeSpot(b []byte) (spot, error) {
	const fixed = 2 + instantSize + 8
	if len(b) < fixed {
		return spot{}, fmt.Errorf("a spot of %d bytes", len(b))
	}
	if b[0] > spotLeased || b[1] > 1 {
		return spot{}, fmt.Errorf("a spot of state %d, delivered %d", b[0], b[1])
	}
	due, err := readInstant(b[2:])
	if err != nil {
		return spot{}, err
	}
	command, id, ok := strings.Cut(string(b[fixed:]), "\x00")
	if !ok || command == "" || id == "" {
		return spot{}, errors.New("a spot without a command or an event")
	}
	return spot{
		state: b[0], delivered: b[1] == 1, due: due,
		seq: binary.BigEndian.Uint64(b[2+instantSize:]), command: command, id: id,
	}, nil
}

// account is what is known of an account besides its line.
type account struct {
	fence  uint64
	leased bool
	length uint32 // of its line
	head   []byte // its rank among the accounts that are ready, if it is
}

func (a *account) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 13+rankSize), a.fence)
	b = append(b, 0)
	if a.leased {
		b[8] = 1
	}
	return append(binary.BigEndian.AppendUint32(b, a.length), a.head...)
}

func decodeAccount(b []byte) (account, error) {
	if b == nil {
		return account{}, nil
	}
	if len(b) != 13 && len(b) != 13+rankSize {
		return account{}, fmt.Errorf("an account of %d bytes", len(b))
	}
	if b[8] > 1 {
		return account{}, fmt.Errorf("an account that is leased %d times", b[8])
	}
	return account{
		fence: binary.BigEndian.Uint64(b), leased: b[8] == 1, length: binary.BigEndian.Uint32(b[9:]),
		head: append([]byte(nil), b[13:]...),
	}, nil
}

// counts is how many events there are: by state, dead ones that were asked for
// again, and those that ended.
type counts [9]uint64

// Places in counts besides those of queue.States.
const (
	countAgain = 7
	countEnded = 8
)

func (c *counts) encode() []byte {
	b := make([]byte, 0, 8*len(c))
	for _, n := range c {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func decodeCounts(b []byte) (counts, error) {
	var c counts
	if b == nil {
		return c, nil
	}
	if len(b) != 8*len(c) {
		return c, fmt.Errorf("counts of %d bytes", len(b))
	}
	for i := range c {
		c[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return c, nil
}
