package journal

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// faults collects what is wrong with a record.
type faults []string

// add notes a fault.
func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// err returns the faults as one error, or nil.
func (f faults) err(what string) error {
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("journal: %w: %s: %s", ErrInvalid, what, strings.Join(f, "; "))
}

// name notes a fault unless value is 1 to 128 printable ASCII characters
// without spaces.
func (f *faults) name(field, value string) {
	if value == "" {
		f.add("%s is empty", field)
		return
	}
	if len(value) > maxName {
		f.add("%s %.40q has %d bytes, at most %d are allowed", field, value, len(value), maxName)
		return
	}
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c > '~' {
			f.add("%s %q has characters other than printable ASCII without spaces", field, value)
			return
		}
	}
}

// required notes a fault if value is empty, blank or too long.
func (f *faults) required(field, value string) {
	if strings.TrimSpace(value) == "" {
		f.add("%s is empty", field)
	}
	f.text(field, value)
}

// text notes a fault if value is too long.
func (f *faults) text(field, value string) {
	if len(value) > maxText {
		f.add("%s has %d bytes, at most %d are allowed", field, len(value), maxText)
	}
}

// instant notes a fault if t is zero or has no JSON form.
func (f *faults) instant(field string, t time.Time) {
	if t.IsZero() {
		f.add("%s is zero", field)
		return
	}
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		f.add("%s is in the year %d", field, y)
	}
}

// data notes a fault if the JSON is too long. That it is JSON, the caller
// answers for; [EncodeRecord] checks it.
func (f *faults) data(field string, data json.RawMessage) {
	if len(data) > MaxData {
		f.add("%s has %d bytes, at most %d are allowed", field, len(data), MaxData)
	}
}

// number notes a fault if d could not be read back.
func (f *faults) number(field string, d decimal.Decimal) {
	if err := checkDecimal(d); err != nil {
		f.add("%s %v", field, err)
	}
}

// checkDecimal refuses a decimal with more than 40 digits in plain notation.
func checkDecimal(d decimal.Decimal) error {
	e := int(d.Exponent())
	if e == 0 && d.IsZero() {
		return nil
	}
	n := d.NumDigits() + max(e, 0)
	if e < 0 {
		n = max(n, 1-e) // at least one digit before the point
	}
	if n > maxDigits {
		return fmt.Errorf("has more than %d digits", maxDigits)
	}
	return nil
}
