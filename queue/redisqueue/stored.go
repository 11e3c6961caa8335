package redisqueue

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// about is what the line of a stored event says, see lua/event.lua.
type about struct {
	created                             string
	account, command, key, sameness, id string
}

// readAbout reads the line of the event with this ID.
func readAbout(id, line string) about {
	var part [9]string // number, place, created, account, command, key, sameness, token, superseded
	cut(part[:], line)
	return about{created: part[2], account: part[3], command: part[4], key: part[5], sameness: part[6], id: id}
}

// short begins the stored form of an event that says no more than its line and its
// payload, which follows.
const short = "+"

// storedForm checks an event and returns the form of it that is kept behind its
// line: its payload, or its JSON if it says more than that.
func storedForm(event queue.Event) ([]byte, error) {
	if event.Schema > queue.Schema || !event.NotBefore.IsZero() || event.Origin != "" || bytes.ContainsAny(event.Payload, " \t\r\n") {
		return queue.EncodeEvent(event)
	}
	if err := event.Check(); err != nil {
		return nil, err
	}
	return append([]byte(short), event.Payload...), nil
}

// decode reads the stored form of an event strictly. Of the short one the digest in
// the line proves that the payload is the one that was checked when it was published.
func (a *about) decode(data string) (queue.Event, error) {
	payload, ok := strings.CutPrefix(data, short)
	if !ok {
		return queue.DecodeEvent([]byte(data))
	}
	event := queue.Event{Schema: queue.Schema, ID: a.id, Key: a.key, Account: a.account, Command: a.command}
	if payload != "" {
		event.Payload = []byte(payload)
	}
	if sameness(&event) != a.sameness {
		return queue.Event{}, fmt.Errorf("%w: command and payload of event %s are not those that were published: somebody changed its text", queue.ErrInvalidEvent, a.id)
	}
	return event, nil
}

// sameness is equal for events that ask for the same.
func sameness(e *queue.Event) string {
	var space [512]byte
	text := strconv.AppendInt(space[:0], int64(len(e.Command)), 10)
	text = append(append(append(text, ' '), e.Command...), ' ')
	text = strconv.AppendInt(text, int64(max(e.Schema, queue.Schema)), 10)
	return shortSum(append(append(text, ' '), e.Payload...))
}

// digest is equal for verdicts that say the same.
func digest(v *queue.Verdict, note []byte) string {
	var space [512]byte
	text := append(append(space[:0], v.Verb...), ' ')
	for _, n := range [...]int64{int64(v.After), v.Until.Unix(), int64(v.Until.Nanosecond())} {
		text = append(strconv.AppendInt(text, n, 10), ' ')
	}
	text = append(strconv.AppendUint(text, v.MinFence, 10), ' ')
	return shortSum(append(text, note...))
}

// shortSum is a digest without spaces.
func shortSum(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

// micros is an instant as the scripts have it, rounded up: nothing is due before
// its time.
func micros(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Add(time.Microsecond-1).UnixMicro(), 10)
}
