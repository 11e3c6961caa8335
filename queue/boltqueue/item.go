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
	settled []settlement // of its deliveries, the newest last
	ended   time.Time    // since when it is kept among those that ended, or are dead
	kept    bool         // among those that ended
}

// itemForm is the JSON form of an item, version 1 of the file's schema.
type itemForm struct {
	Seq     uint64          `json:"seq"`
	Place   uint64          `json:"place"`
	Same    string          `json:"same"`
	Token   string          `json:"token,omitempty"`
	Expires time.Time       `json:"expires,omitzero"`
	Settled []settlement    `json:"settled,omitempty"`
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
		Settled: i.settled, Ended: i.ended, Kept: i.kept, Entry: entry,
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
	for n := range f.Settled {
		if err := f.Settled[n].check(); err != nil {
			return nil, err
		}
	}
	return &item{
		Entry: entry, seq: f.Seq, place: f.Place, same: same, token: f.Token, expires: f.Expires,
		settled: f.Settled, ended: f.Ended, kept: f.Kept,
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
