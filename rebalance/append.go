package rebalance

import (
	"bytes"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// The JSON that every run writes (the frozen plan, the result, the memory) is
// built by hand: the general encoder spends four allocations on each decimal and
// reads everything twice. A test holds it to what the general encoder writes.

// object is a JSON object under construction. Its methods return it grown.
type object []byte

// scratch is memory in which objects are built, to be copied out of it at their
// exact size: they are kept for long.
type scratch struct{ object object }

var scratches = sync.Pool{New: func() any { return &scratch{object: make(object, 0, 4096)} }}

// newObject returns empty memory. Whoever got it frees it.
func newObject() *scratch { return scratches.Get().(*scratch) }

// copied returns a finished object, and keeps its memory for the next one.
func (s *scratch) copied(o object) []byte {
	s.object = o[:0]
	return bytes.Clone(o)
}

// free hands the memory to the next one.
func (s *scratch) free() { scratches.Put(s) }

// open begins an object, at the end of what is there.
func (o object) open() object { return append(o, '{') }

// end closes it.
func (o object) end() object { return append(o, '}') }

// key begins a member; names need no escaping.
func (o object) key(name string) object {
	if o[len(o)-1] != '{' {
		o = append(o, ',')
	}
	o = append(o, '"')
	o = append(o, name...)
	return append(o, '"', ':')
}

// text adds a member that is a string.
func (o object) text(name, value string) object { return o.key(name).quoted(value) }

// quoted adds a string.
func (o object) quoted(value string) object { return strictjson.AppendString(o, value) }

// raw adds text that is JSON already.
func (o object) raw(text string) object { return append(o, text...) }

// textUnlessEmpty adds a member unless it is empty.
func (o object) textUnlessEmpty(name, value string) object {
	if value == "" {
		return o
	}
	return o.text(name, value)
}

// integer adds a member that is a small whole number.
func (o object) integer(name string, n int) object {
	return strconv.AppendInt(o.key(name), int64(n), 10)
}

// number adds a member that is a decimal.
func (o object) number(name string, d decimal.Decimal) object { return o.key(name).amount(d) }

// amount adds a decimal.
func (o object) amount(d decimal.Decimal) object {
	return append(broker.AppendDecimal(append(o, '"'), d), '"')
}

// instant adds a member that is a time.
func (o object) instant(name string, t time.Time) object {
	return append(t.AppendFormat(append(o.key(name), '"'), time.RFC3339Nano), '"')
}

// instantUnlessZero adds a member unless it is the zero time.
func (o object) instantUnlessZero(name string, t time.Time) object {
	if t.IsZero() {
		return o
	}
	return o.instant(name, t)
}

// other adds a member by the general encoder.
func (o object) other(name string, value any) (object, error) {
	data, err := json.Marshal(value)
	return append(o.key(name), data...), err
}

// list adds a member that is a list, null if it is nil.
func list[T any](o object, name string, items []T, each func(object, *T) object) object {
	o = o.key(name)
	if items == nil {
		return append(o, "null"...)
	}
	o = append(o, '[')
	for i := range items {
		if i > 0 {
			o = append(o, ',')
		}
		o = each(o, &items[i])
	}
	return append(o, ']')
}

// listUnlessEmpty adds a member unless the list is empty.
func listUnlessEmpty[T any](o object, name string, items []T, each func(object, *T) object) object {
	if len(items) == 0 {
		return o
	}
	return list(o, name, items, each)
}
