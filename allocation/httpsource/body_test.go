package httpsource_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/httpsource"
	"github.com/evenkeel/evenkeel/retry"
)

func TestBodies(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		calls int64
		want  string
	}{
		"nothing":             {"", 2, "empty"},
		"html":                {"<html><body>Sign in</body></html>", 2, "not JSON"},
		"cut off":             {answer(two)[:90], 2, "ends inside"},
		"NaN":                 {answer(`{"symbol":"A","allocation":NaN}`), 2, "not JSON"},
		"Infinity":            {answer(`{"symbol":"A","allocation":Infinity}`), 2, "not JSON"},
		"data behind":         {answer(one) + "{}", 2, ""},
		"null":                {"null", 1, "status"},
		"a list":              {"[]", 1, "array"},
		"empty object":        {"{}", 1, "status"},
		"failure":             {`{"status":"error","message":"no"}`, 1, `status is "error"`},
		"no status":           {strings.Replace(answer(one), "status", "state", 1), 1, "status"},
		"no data":             {`{"status":"success"}`, 1, "no data"},
		"null data":           {`{"status":"success","data":null}`, 1, "no data"},
		"no allocations":      {`{"status":"success","data":{}}`, 1, "no data.allocations"},
		"null allocations":    {`{"status":"success","data":{"allocations":null}}`, 1, "no data.allocations"},
		"allocations object":  {`{"status":"success","data":{"allocations":{}}}`, 1, "data.allocations is a JSON object"},
		"empty list":          {answer(""), 1, "no targets"},
		"null target":         {answer("null"), 1, "target"},
		"target number":       {answer("1"), 1, "JSON number"},
		"no symbol":           {answer(`{"allocation":1}`), 1, "symbol"},
		"no weight":           {answer(`{"symbol":"A"}`), 1, `target "A"`},
		"null weight":         {answer(`{"symbol":"A","allocation":null}`), 1, `target "A"`},
		"weight bool":         {answer(`{"symbol":"A","allocation":true}`), 1, `"true"`},
		"weight object":       {answer(`{"symbol":"A","allocation":{}}`), 1, `"{}"`},
		"weight text":         {answer(`{"symbol":"A","allocation":"all"}`), 1, `"all"`},
		"weight NaN text":     {answer(`{"symbol":"A","allocation":"NaN"}`), 1, `"NaN"`},
		"weight exponent":     {answer(`{"symbol":"A","allocation":1e999}`), 1, "exponent"},
		"weight digits":       {answer(`{"symbol":"A","allocation":0.` + strings.Repeat("3", 60) + `}`), 1, "digits"},
		"symbol number":       {answer(`{"symbol":7,"allocation":1}`), 1, "symbol is a JSON number"},
		"duplicate symbols":   {answer(`{"symbol":"A","allocation":0.5},{"symbol":"a ","allocation":0.5}`), 1, "twice"},
		"duplicate keys":      {answer(`{"symbol":"A","allocation":1,"allocation":0}`), 1, "duplicate"},
		"duplicate keys case": {answer(`{"symbol":"A","allocation":1,"Allocation":0}`), 1, "duplicate"},
		"sum half":            {answer(`{"symbol":"A","allocation":0.5}`), 1, "sum to 0.5"},
		"sum 1.7":             {answer(`{"symbol":"A","allocation":0.9},{"symbol":"B","allocation":0.8}`), 1, "sum to 1.7"},
		"percent":             {answer(`{"symbol":"A","allocation":60},{"symbol":"B","allocation":40}`), 1, "sum to 100"},
		"negative":            {answer(`{"symbol":"A","allocation":1.5},{"symbol":"B","allocation":-0.5}`), 1, "-0.5"},
		"all zero":            {answer(`{"symbol":"A","allocation":0}`), 1, "all weights are 0"},
		"date":                {strings.Replace(answer(one), "2026-03-01", "March 1st", 1), 1, "last_rebalance_on"},
		"date number":         {strings.Replace(answer(one), `"2026-03-01"`, "20260301", 1), 1, "last_rebalance_on is a JSON number"},
		"decided tomorrow":    {strings.Replace(answer(one), "2026-03-01", "2026-03-03", 1), 1, "ahead"},
		"deep":                {answer(strings.Repeat("[", 100) + strings.Repeat("]", 100)), 1, "deep"},
		"huge":                {answer(one) + strings.Repeat(" ", 1<<20), 1, "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			a, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				io.WriteString(w, c.body)
			}))
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.NotErrorIs(t, err, allocation.ErrUnknownStrategy)
			require.Equal(t, retry.Permanent, retry.ClassOf(err))
			require.ErrorContains(t, err, "allocation: strategy core: account U1: invalid allocation: ")
			require.ErrorContains(t, err, c.want)
			require.Zero(t, a)
			require.Equal(t, c.calls, calls.Load())
		})
	}
}

func TestAsksOnceMoreForABodyThatIsNotJSON(t *testing.T) {
	var calls atomic.Int64
	a, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			io.WriteString(w, "<html>starting</html>")
			return
		}
		io.WriteString(w, answer(one))
	}))
	require.NoError(t, err)
	require.Len(t, a.Targets, 1)
}

func TestNumbersAreExact(t *testing.T) {
	a, err := ask(t, serve(t, says(answer(`{"symbol":"A","allocation":0.1000000000000000055511151231257827},{"symbol":"B","allocation":"0.9"},{"symbol":"C","allocation":1e-18}`))))
	require.NoError(t, err)
	require.Equal(t, "[{A 0.1000000000000000055511151231257827} {B 0.9} {C 0.000000000000000001}]", fmt.Sprint(a.Targets))
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(answer(two)))
	f.Add([]byte(answer(`{"symbol":"A","allocation":"1e-18"},{"symbol":"B","allocation":1}`)))
	f.Add([]byte(`{"status":"success","data":{"last_rebalance_on":"0000-01-01","allocations":[` + one + `]}}`))
	var body []byte
	s, err := httpsource.New(httpsource.Config{
		BaseURL: "https://api.example.com",
		Client: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(body))}, nil
		})},
	})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		a, err := ask(t, s)
		if err != nil {
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.Zero(t, a)
			return
		}
		_, err = allocation.Encode(a)
		require.NoError(t, err, "what is given can be frozen")
	})
}
