// Package strictjson decodes the JSON that evenkeel stores and receives, and
// refuses what encoding/json lets pass: duplicate keys (also those that differ
// only in case, which would decode into the same field), unknown fields, text
// that is not Unicode, null in place of the value, data behind it, too long and
// too deep input. Errors name the place: the path of keys and indexes, or for
// bad syntax the byte.
//
// One thing stays as in encoding/json: a key whose case differs from its field
// still finds the field. [AppendString] writes what encoding/json would.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxDepth bounds the nesting of objects and arrays.
const MaxDepth = 64

// Decode decodes one JSON value of at most limit bytes into v, a pointer. After
// an error v may be filled in part: do not use it.
func Decode(data []byte, limit int, v any) error {
	if len(data) > limit {
		return fmt.Errorf("input has %d bytes, at most %d are allowed", len(data), limit)
	}
	if err := Check(data); err != nil {
		return err
	}
	if string(bytes.TrimSpace(data)) == "null" {
		return errors.New("input is null")
	}
	if err := decode(data, v); err != nil {
		return explain(data, v, err)
	}
	return nil
}

// Check reports what makes data something else than one JSON value of Unicode
// text without duplicate keys, at most [MaxDepth] deep.
func Check(data []byte) error { return CheckDepth(data, MaxDepth) }

// CheckDepth is [Check] with a bound of its own, at most MaxDepth.
func CheckDepth(data []byte, depth int) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("input is not UTF-8 at byte %d", invalidUTF8(data))
	}
	if !json.Valid(data) {
		return syntaxError(data)
	}
	w := walker{data: data, depth: min(depth, MaxDepth)}
	return w.value()
}

// decode is encoding/json without unknown fields.
func decode(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// syntaxError says where data stops being JSON.
func syntaxError(data []byte) error {
	var probe json.RawMessage
	err := json.Unmarshal(data, &probe)
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("input is empty")
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(data)) && truncated(data):
		return errors.New("input ends inside the JSON value")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// truncated reports whether data is the beginning of a JSON value.
func truncated(data []byte) bool {
	_, err := json.NewDecoder(bytes.NewReader(data)).Token()
	for dec := json.NewDecoder(bytes.NewReader(data)); err == nil; {
		_, err = dec.Token()
	}
	var syntax *json.SyntaxError
	return !errors.As(err, &syntax)
}

// invalidUTF8 is the offset of the first byte that is not UTF-8.
func invalidUTF8(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}
