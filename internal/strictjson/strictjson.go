// Package strictjson decodes the JSON that evenkeel stores and receives, and
// refuses what encoding/json lets pass: duplicate keys (also those that differ
// only in case, which would decode into the same field), unknown fields, data
// behind the value, too long and too deep input.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds the nesting of input.
const maxDepth = 64

// Decode decodes one JSON value of at most limit bytes into v, a pointer.
func Decode(data []byte, limit int, v any) error {
	if len(data) > limit {
		return fmt.Errorf("input has %d bytes, at most %d are allowed", len(data), limit)
	}
	if err := Check(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// Check reports what makes data something else than one JSON value without
// duplicate keys.
func Check(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := checkValue(dec, "", 0); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("input ends inside the JSON value")
		}
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("data behind the JSON value at byte %d", dec.InputOffset())
	}
	return nil
}

// checkValue reads one value, which stands at path.
func checkValue(dec *json.Decoder, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("more than %d levels deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	switch tok {
	case json.Delim('{'):
		return checkObject(dec, path, depth)
	case json.Delim('['):
		for i := 0; dec.More(); i++ {
			if err := checkValue(dec, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}

// checkObject reads the rest of an object.
func checkObject(dec *json.Decoder, path string, depth int) error {
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		at := strings.TrimPrefix(path+"."+key, ".")
		if folded := strings.ToLower(key); seen[folded] {
			return fmt.Errorf("duplicate key %q", at)
		} else {
			seen[folded] = true
		}
		if err := checkValue(dec, at, depth+1); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}
