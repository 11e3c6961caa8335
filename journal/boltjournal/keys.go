package boltjournal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/boltfile"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/journal"
)

// The stored form. A record is the form of journal.EncodeRecord. Numbers are
// big-endian (8 bytes), so that keys are in their order. Names contain no zero
// byte; one stands behind each that begins a longer key.
const (
	bAccounts   = "accounts"   // account, one of the facts below → record, or as said there
	bApprovals  = "approvals"  // account, number → record
	bRuns       = "runs"       // run, one of the parts below → as said there
	bRefs       = "refs"       // reference → run, number; of a dropped run: nothing
	bOpen       = "open"       // account, number of an open intent → 1 if it is unknown, or 0; run
	bUnclear    = "unclear"    // run, number of an intent of unknown outcome → nothing
	bUnfinished = "unfinished" // account, number of a run → run
	bFinished   = "finished"   // account, number of the end → second of the end, run
	bOrder      = "order"      // number of a run → run
	bByAccount  = "byaccount"  // account, number of a run → run
	bGone       = "gone"       // run that was dropped → nothing
)

// What is known of an account. The kill of all accounts is that of the account
// without a name.
const (
	factFence   = "fence" // number, run that holds it
	factBlock   = "block"
	factUnblock = "unblock"
	factKill    = "kill"
	factResume  = "resume"
	factMemo    = "memo" // memoForm
)

// The parts of a run.
const (
	partHead    = ""  // number of the run, and of its end if it ended; claim record
	partStep    = "s" // then its name → number, record
	partIntent  = "i" // then its number → record, with its settlement
	partOutcome = "o" // record
)

// kind describes the content of the file.
var kind = boltfile.Kind{
	Name: "journal", Package: "boltjournal", Schema: 1,
	Buckets: []string{
		bAccounts, bApprovals, bRuns, bRefs, bOpen, bUnclear, bUnfinished, bFinished, bOrder, bByAccount, bGone,
	},
}

// none is the value of a key that says all. It is not empty, which bbolt could not
// tell from a bucket.
var none = []byte{0}

// join returns the key of a name and what follows it.
func join(name string, rest ...string) []byte {
	b := append(make([]byte, 0, len(name)+10), name...)
	b = append(b, 0)
	for _, r := range rest {
		b = append(b, r...)
	}
	return b
}

// numbered returns the key of a name and a number.
func numbered(name string, n uint64) []byte { return binary.BigEndian.AppendUint64(join(name), n) }

// intentKey returns the key of an intent among the runs.
func intentKey(id journal.RunID, n uint64) []byte {
	return binary.BigEndian.AppendUint64(join(string(id), partIntent), n)
}

// number returns a number with a text behind it, as a value.
func number(n uint64, text string) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(text)), n)
	return append(b, text...)
}

// readNumber reads what number wrote.
func readNumber(b []byte) (uint64, string, error) {
	if len(b) < 8 {
		return 0, "", fmt.Errorf("a number of %d bytes", len(b))
	}
	return binary.BigEndian.Uint64(b), string(b[8:]), nil
}

// tail reads the number at the end of a key.
func tail(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// place is where an intent stands; of a dropped run only that it did.
type place struct {
	run  journal.RunID
	n    uint64
	gone bool
}

func (p *place) encode() []byte {
	if p.gone {
		return none
	}
	return numbered(string(p.run), p.n)
}

func decodePlace(b []byte) (place, error) {
	if len(b) == 1 && b[0] == none[0] {
		return place{gone: true}, nil
	}
	if len(b) < 10 || b[len(b)-9] != 0 {
		return place{}, fmt.Errorf("a place of %d bytes", len(b))
	}
	return place{run: journal.RunID(b[:len(b)-9]), n: tail(b)}, nil
}

// head is the head of a run.
type head struct {
	seq   uint64
	end   uint64 // 0 until it ended
	claim journal.Claim
}

func (h *head) encode() ([]byte, error) {
	record, err := journal.EncodeRecord(journal.Record{Claim: &h.claim})
	if err != nil {
		return nil, err
	}
	return append(number(h.seq, ""), number(h.end, string(record))...), nil
}

// decodeEnded reads of a head only whether the run has ended.
func decodeEnded(b []byte) (bool, error) {
	if len(b) < 16 {
		return false, fmt.Errorf("a head of %d bytes", len(b))
	}
	return binary.BigEndian.Uint64(b[8:]) != 0, nil
}

func decodeHead(b []byte) (*head, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("a head of %d bytes", len(b))
	}
	r, err := journal.DecodeRecord(b[16:])
	if err != nil {
		return nil, err
	}
	if r.Claim == nil {
		return nil, errors.New("it is no claim")
	}
	return &head{seq: binary.BigEndian.Uint64(b), end: binary.BigEndian.Uint64(b[8:]), claim: *r.Claim}, nil
}

// openValue is what stands for an open intent.
func openValue(i *journal.Intent) []byte {
	b := append(make([]byte, 0, 1+len(i.Run)), 0)
	if i.Settlement != nil {
		b[0] = 1
	}
	return append(b, i.Run...)
}

func decodeOpen(b []byte) (id journal.RunID, unknown bool, err error) {
	if len(b) < 2 || b[0] > 1 {
		return "", false, fmt.Errorf("an open intent %.10q", b)
	}
	return journal.RunID(b[1:]), b[0] == 1, nil
}

// memoForm is the JSON form of a memo.
type memoForm struct {
	Run  journal.RunID   `json:"run"`
	Data json.RawMessage `json:"data"`
}

func decodeMemo(b []byte) (*journal.Memo, error) {
	var f memoForm
	if err := strictjson.Decode(b, journal.MaxData+2<<20, &f); err != nil {
		return nil, err
	}
	if f.Run == "" || len(f.Data) == 0 {
		return nil, errors.New("a memo without a run or data")
	}
	return &journal.Memo{Run: f.Run, Data: f.Data}, nil
}

// finishedValue says when a run ended, by its own time.
func finishedValue(at time.Time, id journal.RunID) []byte {
	return number(uint64(at.Unix())^(1<<63), string(id))
}

func decodeFinished(b []byte) (time.Time, journal.RunID, error) {
	n, id, err := readNumber(b)
	if err != nil {
		return time.Time{}, "", err
	}
	if id == "" {
		return time.Time{}, "", errors.New("an end of no run")
	}
	return time.Unix(int64(n^(1<<63)), 0).UTC(), journal.RunID(id), nil
}

// nameless reports whether a name can be that of nothing.
func nameless(name string) bool { return strings.Contains(name, "\x00") }
