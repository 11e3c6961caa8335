package gatewaysim

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// The text dialect: a message is a list of fields, each ended by a zero byte.
// Numbers are decimal, booleans 0 and 1, what is not set is empty.

// Values that clients send for "not set".
const (
	unsetInt   = math.MaxInt32
	unsetFloat = math.MaxFloat64
)

// fieldReader reads the fields of one message. The first error sticks, and
// every read after it returns a zero value.
type fieldReader struct {
	rest []byte
	n    int // fields read
	err  error
}

func (r *fieldReader) str() string {
	if r.err != nil {
		return ""
	}
	i := bytes.IndexByte(r.rest, 0)
	if i < 0 {
		r.err = fmt.Errorf("gatewaysim: field %d is missing or has no end", r.n+1)
		return ""
	}
	s := string(r.rest[:i])
	r.rest = r.rest[i+1:]
	r.n++
	return s
}

func (r *fieldReader) skip(n int) {
	for range n {
		r.str()
	}
}

// int reads a 32-bit number; empty and "not set" are 0.
func (r *fieldReader) int() int32 {
	s := r.str()
	if s == "" || r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && (n == unsetInt || n == math.MaxInt64) {
		return 0
	}
	if err != nil || n > math.MaxInt32 || n < math.MinInt32 {
		r.err = fmt.Errorf("gatewaysim: field %d: %.40q is not a 32-bit number", r.n, s)
		return 0
	}
	return int32(n)
}

// bool reads a flag; empty is false.
func (r *fieldReader) bool() bool {
	switch s := r.str(); s {
	case "", "0", "false", "False":
		return false
	case "1", "true", "True":
		return true
	default:
		r.err = fmt.Errorf("gatewaysim: field %d: %.40q is neither 0 nor 1", r.n, s)
		return false
	}
}

// float reads a number; nil if it is empty or "not set".
func (r *fieldReader) float() *float64 {
	s := r.str()
	if s == "" || s == "Infinity" || r.err != nil {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		r.err = fmt.Errorf("gatewaysim: field %d: %.40q is not a number", r.n, s)
		return nil
	}
	if f == unsetFloat {
		return nil
	}
	return &f
}

// count reads the length of a list that follows, of which each element has at
// least one field.
func (r *fieldReader) count() int {
	n := int(r.int())
	if n < 0 || n > bytes.Count(r.rest, []byte{0}) {
		r.err = fmt.Errorf("gatewaysim: field %d: a list of %d elements, but %d fields follow", r.n, n, bytes.Count(r.rest, []byte{0}))
		return 0
	}
	return n
}

// fieldWriter writes the fields of one message.
type fieldWriter struct{ buf []byte }

func (w *fieldWriter) str(values ...string) {
	for _, s := range values {
		w.buf = append(w.buf, s...)
		w.buf = append(w.buf, 0)
	}
}

func (w *fieldWriter) int(n int64) {
	w.buf = append(strconv.AppendInt(w.buf, n, 10), 0)
}

func (w *fieldWriter) bool(b bool) {
	if b {
		w.str("1")
		return
	}
	w.str("0")
}

func (w *fieldWriter) float(f float64) {
	w.str(formatFloat(f))
}

// optional writes a number, or an empty field if it is not set.
func (w *fieldWriter) optional(f *float64) {
	if f == nil {
		w.str("")
		return
	}
	w.float(*f)
}

// sentinel writes a number, or the greatest double if it is not set, as the
// gateway does for money that it has not computed.
func (w *fieldWriter) sentinel(f *float64) {
	if f == nil {
		w.str(sentinelText)
		return
	}
	w.float(*f)
}

// sentinelText is how the gateway writes money that it does not know.
const sentinelText = "1.7976931348623157E308"

func formatFloat(f float64) string {
	if f == unsetFloat {
		return sentinelText
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
