package strictjson

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// walker goes through a document that is known to be JSON, and refuses
// duplicate keys, halves of surrogate pairs and too much depth.
type walker struct {
	data  []byte
	at    int // next byte
	depth int // levels still allowed
	path  []step
	// onKey and onScalar, if set, are told what is met; path says where.
	onKey    func(key string)
	onScalar func(start, end int)
}

// step leads from a value to one inside it: a key, or an index if key is nil.
type step struct {
	key   *string
	index int
}

// value walks over the next value.
func (w *walker) value() error {
	switch w.peek() {
	case '{', '[':
		if w.depth == 0 {
			return fmt.Errorf("%s is nested too deep", w.place())
		}
		w.depth--
		defer func() { w.depth++ }()
		if w.peek() == '{' {
			return w.object()
		}
		return w.array()
	case '"':
		start := w.at
		if _, err := w.text(); err != nil {
			return err
		}
		w.scalar(start)
		return nil
	}
	start := w.at
	for w.at < len(w.data) && !strings.ContainsRune(",]} \t\r\n", rune(w.data[w.at])) {
		w.at++
	}
	w.scalar(start)
	return nil
}

func (w *walker) object() error {
	seen := map[string]bool{}
	for w.at++; w.peek() != '}'; {
		key, err := w.text()
		if err != nil {
			return err
		}
		w.path = append(w.path, step{key: &key})
		if folded := fold(key); seen[folded] {
			return fmt.Errorf("duplicate key %s", w.place())
		} else {
			seen[folded] = true
		}
		if w.onKey != nil {
			w.onKey(key)
		}
		w.skip(':')
		if err := w.value(); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
		w.skip(',')
	}
	w.at++
	return nil
}

func (w *walker) array() error {
	w.at++
	for i := 0; w.peek() != ']'; i++ {
		w.path = append(w.path, step{index: i})
		if err := w.value(); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
		w.skip(',')
	}
	w.at++
	return nil
}

func (w *walker) scalar(start int) {
	if w.onScalar != nil {
		w.onScalar(start, w.at)
	}
}

// text reads a string. Half a surrogate pair would be replaced silently, so
// that two texts become one: it is refused.
func (w *walker) text() (string, error) {
	start, escaped := w.at, false
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] != '\\' {
			continue
		}
		escaped = true
		w.at++
		if w.data[w.at] != 'u' {
			continue
		}
		r := w.hex(w.at + 1)
		w.at += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if next := w.data[w.at+1:]; len(next) < 6 || next[0] != '\\' || next[1] != 'u' ||
			utf16.DecodeRune(r, w.hex(w.at+3)) == unicode.ReplacementChar {
			return "", fmt.Errorf("%s has half a surrogate pair at byte %d", w.place(), w.at-5)
		}
		w.at += 6
	}
	w.at++
	raw := w.data[start:w.at]
	if !escaped {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%s: %w", w.place(), err)
	}
	return s, nil
}

// hex reads four hexadecimal digits.
func (w *walker) hex(at int) rune {
	n, err := strconv.ParseUint(string(w.data[at:at+4]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// peek skips white space and returns the next byte, 0 at the end.
func (w *walker) peek() byte {
	for w.at < len(w.data) && strings.IndexByte(" \t\r\n", w.data[w.at]) >= 0 {
		w.at++
	}
	if w.at == len(w.data) {
		return 0
	}
	return w.data[w.at]
}

// skip goes over white space, b if it is there, and white space again.
func (w *walker) skip(b byte) {
	if w.peek() == b {
		w.at++
		w.peek()
	}
}

// place is the path as text. It is made only for errors, and kept short: keys
// come from outside.
func (w *walker) place() string {
	if len(w.path) == 0 {
		return "the value"
	}
	var b strings.Builder
	for i, s := range w.path {
		switch {
		case s.key == nil:
			fmt.Fprintf(&b, "[%d]", s.index)
		case i > 0:
			b.WriteByte('.')
			fallthrough
		default:
			fmt.Fprintf(&b, "%.60s", *s.key)
		}
	}
	return strconv.Quote(short(b.String()))
}

// short cuts the middle out of a long path.
func short(path string) string {
	if r := []rune(path); len(r) > 200 {
		return string(r[:100]) + "…" + string(r[len(r)-99:])
	}
	return path
}

// fold maps the keys that encoding/json takes for the same field to one.
func fold(key string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, key)
}
