package boltqueue

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/queue"
)

// item is one event with all that happened to it. The state of one that waits
// may be behind: whether it is queued or delayed, the buckets say.
type item struct {
	queue.Entry
	seq uint64
	// place is that in the account's line: seq, or the place of the event that
	// this one superseded.
	place   uint64
	same    []byte // the hash of what it asks for
	token   string // of the lease
	expires time.Time
	last    *settlement // of its latest settled delivery
	ended   time.Time   // since when it is kept among those that ended, or are dead
	kept    bool        // among those that ended
}

// settlement is how a delivery was settled.
type settlement struct {
	Token    string        `json:"token"`
	Verb     queue.Verb    `json:"verb"`
	After    time.Duration `json:"after,omitempty"`
	Until    time.Time     `json:"until,omitzero"`
	MinFence uint64        `json:"min_fence,omitempty"`
	Run      string        `json:"run,omitempty"`
	Class    string        `json:"class,omitempty"`
	Cause    string        `json:"cause,omitempty"`
}

func settlementOf(token string, v queue.Verdict) *settlement {
	return &settlement{
		Token: token, Verb: v.Verb, After: v.After, Until: v.Until.UTC(), MinFence: v.MinFence,
		Run: v.Note.Run, Class: v.Note.Class, Cause: v.Note.Cause,
	}
}

func (s *settlement) verdict() queue.Verdict {
	return queue.Verdict{
		Verb: s.Verb, After: s.After, Until: s.Until, MinFence: s.MinFence,
		Note: queue.Note{Run: s.Run, Class: s.Class, Cause: s.Cause},
	}
}

// itemForm is the JSON form of an item, version 1 of the file's schema.
type itemForm struct {
	Seq     uint64          `json:"seq"`
	Place   uint64          `json:"place"`
	Same    string          `json:"same"`
	Token   string          `json:"token,omitempty"`
	Expires time.Time       `json:"expires,omitzero"`
	Last    *settlement     `json:"last,omitempty"`
	Ended   time.Time       `json:"ended,omitzero"`
	Kept    bool            `json:"kept,omitempty"`
	Entry   json.RawMessage `json:"entry"`
}

// maxItem bounds the form of an item: its entry and all else.
const maxItem = 17 << 20

func (i *item) encode() ([]byte, error) {
	entry, err := queue.EncodeEntry(i.Entry)
	if err != nil {
		return nil, err
	}
	return json.Marshal(itemForm{
		Seq: i.seq, Place: i.place, Same: hex.EncodeToString(i.same), Token: i.token, Expires: i.expires,
		Last: i.last, Ended: i.ended, Kept: i.kept, Entry: entry,
	})
}

func decodeItem(data []byte) (*item, error) {
	var f itemForm
	if err := strictjson.Decode(data, maxItem, &f); err != nil {
		return nil, err
	}
	entry, err := queue.DecodeEntry(f.Entry)
	if err != nil {
		return nil, err
	}
	same, err := hex.DecodeString(f.Same)
	if err != nil {
		return nil, fmt.Errorf("same: %w", err)
	}
	if f.Last != nil {
		v := f.Last.verdict()
		if err := v.Check(); err != nil {
			return nil, err
		}
	}
	return &item{
		Entry: entry, seq: f.Seq, place: f.Place, same: same, token: f.Token, expires: f.Expires,
		last: f.Last, ended: f.Ended, kept: f.Kept,
	}, nil
}

// rank is the item's key among those that wait.
func (i *item) rank() []byte { return rankKey(i.Due, i.place) }

// lane is what stands for the item in the order of its time.
func (i *item) lane() []byte {
	return lane{seq: i.seq, account: i.Event.Account, id: i.Event.ID}.encode()
}

// act is an operator's action that was done, by its token.
type act struct {
	Verb    queue.ActionVerb `json:"verb"`
	ID      string           `json:"id"`
	Receipt queue.Receipt    `json:"receipt"`
}

func decodeAct(data []byte) (act, error) {
	var a act
	err := strictjson.Decode(data, 64<<10, &a)
	return a, err
}
