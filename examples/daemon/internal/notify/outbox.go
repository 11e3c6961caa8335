package notify

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Message is what people are told.
type Message struct {
	Time    time.Time `json:"time"`
	Account string    `json:"account"`
	Run     string    `json:"run,omitempty"`
	Event   string    `json:"event"`
	Command string    `json:"command"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Orders  int       `json:"orders"`
}

// Limits of the outbox.
const (
	MaxWaiting = 10_000             // messages; the oldest give way
	MaxAge     = 7 * 24 * time.Hour // after that a message is of no use
)

// letter is a message to one notifier.
type letter struct {
	To      string    `json:"to"`
	Message Message   `json:"message"`
	Tries   int       `json:"tries"`
	Next    time.Time `json:"next"`

	key []byte
}

var letters = []byte("letters")

// Outbox keeps letters until they are sent. Safe for concurrent use.
type Outbox struct{ db *bbolt.DB }

// OpenOutbox opens the outbox in a file, and makes it if there is none.
func OpenOutbox(path string) (*Outbox, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("notify: outbox %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(letters)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Outbox{db}, nil
}

// Close closes the file.
func (o *Outbox) Close() error { return o.db.Close() }

// put stores a message for each of some notifiers.
func (o *Outbox) put(m Message, to ...string) error {
	return o.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(letters)
		for _, name := range to {
			n, err := b.NextSequence()
			if err != nil {
				return err
			}
			data, err := json.Marshal(letter{To: name, Message: m, Next: m.Time})
			if err != nil {
				return err
			}
			if err := b.Put(binary.BigEndian.AppendUint64(nil, n), data); err != nil {
				return err
			}
		}
		for excess := b.Stats().KeyN + len(to) - MaxWaiting; excess > 0; excess-- {
			oldest, _ := b.Cursor().First()
			if oldest == nil {
				break
			}
			if err := b.Delete(oldest); err != nil {
				return err
			}
		}
		return nil
	})
}

// Len counts the letters that wait.
func (o *Outbox) Len() int {
	n := 0
	_ = o.db.View(func(tx *bbolt.Tx) error { //nolint:errcheck // it cannot fail but for a closed file
		n = tx.Bucket(letters).Stats().KeyN
		return nil
	})
	return n
}

// next returns the first letter to a notifier, nil if there is none. Letters to
// one notifier are sent in their order.
func (o *Outbox) next(to string) (*letter, error) {
	var found *letter
	err := o.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(letters).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			var l letter
			if err := json.Unmarshal(v, &l); err != nil {
				return fmt.Errorf("notify: outbox: letter %x: %w", k, err)
			}
			if l.To == to {
				l.key = append([]byte(nil), k...)
				found = &l
				return nil
			}
		}
		return nil
	})
	return found, err
}

// prune forgets the letters to everybody else, and says how many there were.
func (o *Outbox) prune(names []string) (int, error) {
	n := 0
	err := o.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(letters)
		var gone [][]byte
		c := b.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			var l letter
			if json.Unmarshal(v, &l) != nil || !slices.Contains(names, l.To) {
				gone = append(gone, slices.Clone(k))
			}
		}
		n = len(gone)
		for _, k := range gone {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// done forgets a letter; later keeps it for another try.
func (o *Outbox) done(l *letter) error {
	return o.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(letters).Delete(l.key) })
}

func (o *Outbox) later(l *letter) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return o.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(letters).Put(l.key, data) })
}
