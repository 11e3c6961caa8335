package redisimport

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/queue"
)

// maxText is the longest old event that is read, in bytes.
const maxText = 1 << 20

// oldEvent is an event as the old system writes it.
type oldEvent struct {
	ID          string
	Account     string
	Exec        string
	TimesQueued int
	leftOut     []string
}

// carried are the fields that are carried over, or that only say what the new
// queue keeps in its own way.
var carried = []string{"event_id", "account_id", "exec", "times_queued", "status", "received_at", "created_at", "delayed_until"}

// decode reads an old event. All its faults are reported at once.
func decode(text string) (oldEvent, error) {
	var e oldEvent
	if len(text) > maxText {
		return e, fmt.Errorf("%d bytes, at most %d are read", len(text), maxText)
	}
	if err := strictjson.Check([]byte(text)); err != nil {
		return e, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields == nil {
		return e, fmt.Errorf("%.60q is not an object", text)
	}
	var faults []error
	e.ID = word(fields, "event_id", &faults)
	e.Account = word(fields, "account_id", &faults)
	e.Exec = word(fields, "exec", &faults)
	if raw, ok := fields["times_queued"]; ok {
		n, err := strconv.Atoi(string(raw))
		if err != nil || n < 0 {
			faults = append(faults, fmt.Errorf("times_queued %.40s is not a count", raw))
		}
		e.TimesQueued = n
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(carried, name) && !empty(fields[name]) {
			e.leftOut = append(e.leftOut, name)
		}
	}
	return e, errors.Join(faults...)
}

// word reads a field that must hold text; some versions of the old system wrote
// numbers.
func word(fields map[string]json.RawMessage, name string, faults *[]error) string {
	raw, ok := fields[name]
	if !ok {
		*faults = append(*faults, fmt.Errorf("%s is missing", name))
		return ""
	}
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &text) == nil && strings.TrimSpace(text) != "":
		return strings.TrimSpace(text)
	case raw[0] != '"' && json.Unmarshal(raw, &number) == nil && number != "":
		return number.String()
	}
	*faults = append(*faults, fmt.Errorf("%s is %.40s, want text", name, raw))
	return ""
}

// empty reports whether nothing is lost with a field.
func empty(raw json.RawMessage) bool {
	return slices.Contains([]string{"null", "{}", "[]", `""`}, string(raw))
}

// reading is a report in the making.
type reading struct {
	m      *importer
	report *Report
	keys   map[string]string // of the events so far, with account and command
	queued map[string]bool   // "account:command" that some event of the queues has
}

func newReading(m *importer) *reading {
	return &reading{m: m, report: &Report{}, keys: map[string]string{}, queued: map[string]bool{}}
}

// add adds an event of a queue.
func (b *reading) add(place, text string, due time.Time) error {
	row := Row{Place: place, Raw: text, Due: due, State: Planned}
	old, err := decode(text)
	row.OldID, row.Account, row.Exec, row.TimesQueued, row.LeftOut = old.ID, old.Account, old.Exec, old.TimesQueued, old.leftOut
	b.queued[old.Account+":"+old.Exec] = true
	row.Key = key("event", cmp.Or(old.ID, text))
	if err != nil {
		row.State, row.Fault = Faulty, err
	}
	return b.append(row)
}

// lost adds what was in work when its worker died.
func (b *reading) lost(member, account, exec string, ok bool) error {
	row := Row{Place: b.m.Active, Raw: member, Account: account, Exec: exec, State: Lost, Key: key("active", member)}
	if !ok || account == "" || exec == "" {
		row.State, row.Fault = Faulty, fmt.Errorf("member %.60q is not account:command", member)
	} else if b.m.Options.Lost {
		row.State = Planned
	}
	return b.append(row)
}

// append adds a row, with what is left to check.
func (b *reading) append(row Row) error {
	if len(b.report.Rows) >= b.m.Limit {
		return fmt.Errorf("redisimport: there are more than %d old events: raise Options.Limit", b.m.Limit)
	}
	command, known := b.m.Commands[row.Exec]
	row.Command = command
	if row.State == Planned {
		event := row.event()
		fault := event.Check()
		asks := row.Account + ":" + row.Exec
		switch first, seen := b.keys[row.Key]; {
		case !known:
			row.State = Faulty
			row.Fault = fmt.Errorf("exec %.40q is not a known command: add it to Options.Commands, which has %s",
				row.Exec, strings.Join(slices.Sorted(maps.Keys(b.m.Commands)), ", "))
		case fault != nil:
			row.State, row.Fault = Faulty, fault
		case seen && first != asks:
			row.State = Faulty
			row.Fault = fmt.Errorf("event_id %q stands for %s further up, and for %s here: give one of them another id", row.OldID, first, asks)
		case seen:
			row.State = Duplicate
		default:
			b.keys[row.Key] = asks
		}
	}
	b.report.Rows = append(b.report.Rows, row)
	return nil
}

// event is what is published for a row. One for later says so in its payload: an
// event for now, which asks for the same, must not take its place.
func (r *Row) event() queue.Event {
	e := queue.Event{Key: r.Key, Account: r.Account, Command: r.Command, NotBefore: r.Due}
	if r.Due.After(time.Now()) {
		e.Payload = fmt.Appendf(nil, `{"reason":"imported, due %s"}`, r.Due.Format(time.RFC3339))
	}
	return e
}

// key is the idempotency key of an old event, whatever its id looks like.
func key(kind, id string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + id))
	return "import-" + hex.EncodeToString(sum[:16])
}
