package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// explain adds to an error of encoding/json the place it is about.
func explain(data []byte, v any, err error) error {
	// There is no type for this error. A changed text costs the place, no more.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown field %s", places(data, strings.Trim(name, `"`), name))
	}
	if place, cause := culprit(data, v); place != "" {
		return fmt.Errorf("%s: %w", place, cause)
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		return fmt.Errorf("%q: %w", mismatch.Field, err)
	}
	return err
}

// places lists where a key stands, the first three; only its name if nowhere.
func places(data []byte, key, quoted string) string {
	var found []string
	w := walker{data: data, depth: MaxDepth}
	w.onKey = func(k string) {
		if k == key && len(found) < 4 {
			found = append(found, w.place())
		}
	}
	switch err := w.value(); {
	case err != nil || len(found) == 0:
		return quoted
	case len(found) == 4:
		found[3] = "…"
	}
	return strings.Join(found, " or ")
}

// culprit finds the first scalar that makes decoding fail, and how: decoders of
// single types, such as those of times and decimals, do not tell where they
// failed. With only the scalars before it kept, and null for the others, decoding
// succeeds; with it too decoding fails: a binary search finds it. It finds
// nothing when the fault is no scalar's.
func culprit(data []byte, v any) (string, error) {
	type span struct{ start, end int }
	var scalars []span
	if !eachScalar(data, func(_ *walker, start, end int) { scalars = append(scalars, span{start, end}) }) {
		return "", nil
	}
	keep := func(n int) error {
		kept := make([]byte, 0, len(data)+4*(len(scalars)-n))
		from := 0
		for _, s := range scalars[n:] {
			kept = append(append(kept, data[from:s.start]...), "null"...)
			from = s.end
		}
		return decode(append(kept, data[from:]...), reflect.New(reflect.TypeOf(v).Elem()).Interface())
	}
	fails := func(n int) bool { return keep(n) != nil }
	n := sort.Search(len(scalars), func(i int) bool { return fails(i + 1) })
	if n == len(scalars) || fails(n) {
		return "", nil
	}
	place, index := "", 0
	eachScalar(data, func(w *walker, _, _ int) {
		if index == n && len(w.path) > 0 {
			place = w.place()
		}
		index++
	})
	return place, keep(n + 1)
}

// eachScalar visits the scalars of a checked document.
func eachScalar(data []byte, visit func(w *walker, start, end int)) bool {
	w := walker{data: data, depth: MaxDepth}
	w.onScalar = func(start, end int) { visit(&w, start, end) }
	return w.value() == nil
}
