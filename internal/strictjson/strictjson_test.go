package strictjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/strictjson"
)

type leg struct {
	Symbol string          `json:"symbol"`
	Weight decimal.Decimal `json:"weight"`
	Until  time.Time       `json:"until"`
	Lots   int             `json:"lots"`
}

type doc struct {
	Kind string            `json:"kind"`
	Legs []leg             `json:"legs"`
	Tags map[string]string `json:"tags"`
	Raw  json.RawMessage   `json:"raw"`
}

func TestDecode(t *testing.T) {
	var d doc
	err := strictjson.Decode([]byte(` {"kind":"a\u00e9\ud83d\ude00\"","legs":[{"symbol":"X","weight":"0.25"}],"tags":{"p":"","q":""},"raw":[1e9]} `), 200, &d)
	require.NoError(t, err)
	require.Equal(t, `aé😀"`, d.Kind)
	require.Equal(t, "0.25", d.Legs[0].Weight.String())
	require.Len(t, d.Tags, 2)
	require.JSONEq(t, "[1e9]", string(d.Raw))
}

func TestDecodeNamesTheFault(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"too long":               {strings.Repeat(" ", 201), "input has 201 bytes, at most 200 are allowed"},
		"empty":                  {"", "input is empty"},
		"blank":                  {" \n", "input is empty"},
		"null":                   {" null ", "input is null"},
		"cut off":                {`{"legs":[{"symbol":"X"`, "input ends inside the JSON value"},
		"cut off in a string":    {`{"kind":"X`, "input ends inside the JSON value"},
		"cut off in a word":      {`{"kind":tr`, "input ends inside the JSON value"},
		"HTML":                   {`<html>`, "not JSON at byte 1: invalid character '<'"},
		"bad at its end":         {`{"kind":]`, "not JSON at byte 9"},
		"comma":                  {`{"kind":"a",}`, "not JSON at byte 13"},
		"a second value":         {`{} {}`, "not JSON at byte 4"},
		"data behind":            {`{}x`, "not JSON at byte 3"},
		"NaN":                    {`{"raw":NaN}`, "not JSON at byte 8"},
		"not UTF-8":              {"{\"kind\":\"\xff\"}", "input is not UTF-8 at byte 9"},
		"half a surrogate":       {`{"kind":"\ud800"}`, `"kind" has half a surrogate pair at byte 9`},
		"two high surrogates":    {`{"kind":"\ud800\ud800"}`, "half a surrogate pair"},
		"a low surrogate":        {`{"kind":"\udc00\ud800"}`, "half a surrogate pair"},
		"surrogate and text":     {`{"kind":"\ud800\\udc00"}`, "half a surrogate pair"},
		"half in a key":          {`{"tags":{"\ud800":""}}`, `"tags" has half a surrogate pair at byte 10`},
		"duplicate":              {`{"kind":"a","kind":"b"}`, `duplicate key "kind"`},
		"duplicate deep inside":  {`{"legs":[{},{"lots":1,"lots":2}]}`, `duplicate key "legs[1].lots"`},
		"duplicate by case":      {`{"kind":"a","KIND":"b"}`, `duplicate key "KIND"`},
		"duplicate by folding":   {`{"kind":"a","` + "\u212a" + `ind":"b"}`, "duplicate key"},
		"duplicate by long s":    {`{"legs":[],"leg` + "\u017f" + `":[]}`, "duplicate key"},
		"duplicate by an escape": {`{"kind":"a","\u006bind":"b"}`, `duplicate key "kind"`},
		"duplicate in raw":       {`{"raw":{"a":[{"b":1,"b":2}]}}`, `duplicate key "raw.a[0].b"`},
		"unknown field":          {`{"legs":[{"symbol":"X"},{"size":1}]}`, `unknown field "legs[1].size"`},
		"unknown fields":         {`{"legs":[{"a":1},{"a":1},{"a":1},{"a":1}]}`, `unknown field "legs[0].a" or "legs[1].a" or "legs[2].a" or …`},
		"unknown odd field":      {`{"\n\"":1}`, `unknown field "\n\""`},
		"a bad decimal":          {`{"legs":[{"weight":"1"},{"weight":"x"},{"weight":"x"}]}`, `"legs[1].weight": error decoding`},
		"a bad time":             {`{"legs":[{"until":"today"}]}`, `"legs[0].until": parsing time`},
		"a bad type":             {`{"legs":[{"lots":1},{"lots":"1"}]}`, `"legs[1].lots": json: cannot unmarshal string`},
		"a fraction":             {`{"legs":[{"lots":1.5}]}`, `"legs[0].lots": json: cannot unmarshal number 1.5`},
		"too large":              {`{"legs":[{"lots":1e30}]}`, `"legs[0].lots"`},
		"an object for a text":   {`{"kind":{}}`, `"kind": json: cannot unmarshal object`},
		"another kind":           {`[]`, "cannot unmarshal array"},
		"a bare text":            {`"a"`, "cannot unmarshal string"},
	} {
		t.Run(name, func(t *testing.T) {
			var d doc
			err := strictjson.Decode([]byte(c.in), 200, &d)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 400)
		})
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int, inside string) []byte {
		return []byte(strings.Repeat("[", n) + inside + strings.Repeat("]", n))
	}
	for _, inside := range []string{"", "1"} {
		require.NoError(t, strictjson.Check(nested(64, inside)))
		require.ErrorContains(t, strictjson.Check(nested(65, inside)), "nested too deep")
		require.NoError(t, strictjson.CheckDepth(nested(2, inside), 2))
		require.ErrorContains(t, strictjson.CheckDepth(nested(3, inside), 2), `"[0][0]" is nested too deep`)
	}
	require.Error(t, strictjson.Check(nested(1_000_000, "")), "far too deep")
	side := []byte("[" + strings.Repeat("[[]],", 100) + "[]]")
	require.NoError(t, strictjson.CheckDepth(side, 3), "what is closed does not count")
}

// TestLongKeys: the cost does not grow with keys times length.
func TestLongKeys(t *testing.T) {
	long := strings.Repeat("k", 400_000)
	in := []byte(`{"` + long + `":[` + strings.Repeat(`{"a":0},`, 60_000) + `{"a":0,"a":0}]}`)
	started := time.Now()
	err := strictjson.Check(in)
	require.ErrorContains(t, err, "[60000].a")
	require.Less(t, len(err.Error()), 400)
	require.Less(t, time.Since(started), 5*time.Second)
}

// FuzzDecode: what is accepted is JSON that means one thing, however it is read.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"a","legs":[{"symbol":"X","weight":"1","until":"2026-01-02T03:04:05Z","lots":3}],"tags":{"a":"b"},"raw":{"x":[1,null]}}`,
		`{"a":{"b":{"c":[{"d":1}]}}}`, `{"a":1,"A":2}`, `"\ud83d\ude00"`, `"\ud83d"`, ` [1 , 2 ] `, `{"":{"":0}}`, "\"\xff\"", `null`, `-0.0e-1`, `{"legs":[{"weight":"x"}]}`,
		`{"tags":{"\"\\":"\\\""}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := strictjson.Check(data); err != nil {
			require.NotEmpty(t, err.Error())
			var d doc
			require.Error(t, strictjson.Decode(data, len(data), &d), "what Check refuses Decode refuses")
			return
		}
		require.True(t, json.Valid(data))
		var lax any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&lax))
		require.Equal(t, keys(data), count(lax), "no key was merged into another")
		again, err := json.Marshal(lax)
		require.NoError(t, err)
		require.NoError(t, strictjson.Check(again), "what was read can be written and read")

		var d doc
		if err := strictjson.Decode(data, len(data), &d); err != nil {
			return
		}
		var plain doc
		require.NoError(t, json.Unmarshal(data, &plain), "strict accepts no more than encoding/json")
		require.Equal(t, plain, d)
	})
}

// keys counts the keys in the text.
func keys(data []byte) int {
	n, dec := 0, json.NewDecoder(bytes.NewReader(data))
	var isObject []bool
	expectKey := false
	for {
		tok, err := dec.Token()
		if err != nil {
			return n
		}
		delim, _ := tok.(json.Delim)
		inObject := len(isObject) > 0 && isObject[len(isObject)-1]
		switch {
		case delim == '{' || delim == '[':
			isObject = append(isObject, delim == '{')
			expectKey = delim == '{'
			continue
		case delim == '}' || delim == ']':
			isObject = isObject[:len(isObject)-1]
			expectKey = len(isObject) > 0 && isObject[len(isObject)-1]
			continue
		case inObject && expectKey:
			n++
		}
		expectKey = inObject && !expectKey
	}
}

// count counts the keys in what was read.
func count(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, inside := range v {
			n += 1 + count(inside)
		}
	case []any:
		for _, inside := range v {
			n += count(inside)
		}
	}
	return n
}

func BenchmarkDecode(b *testing.B) {
	in := []byte(`{"kind":"a","legs":[` + strings.Repeat(`{"symbol":"X","weight":"0.125","lots":3},`, 50) + `{}]}`)
	b.ReportAllocs()
	for b.Loop() {
		var d doc
		if err := strictjson.Decode(in, len(in), &d); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAppendString: what is appended is what encoding/json writes.
func TestAppendString(t *testing.T) {
	for b := range 256 {
		s := "a" + string([]byte{byte(b)}) + "z"
		want, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, "x"+string(want), string(strictjson.AppendString([]byte("x"), s)))
	}
	for _, s := range []string{"", "VTI", "60 % Aktien, 40 % Anleihen – täglich", "a\u2028b"} {
		want, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, string(want), string(strictjson.AppendString(nil, s)))
	}
}
