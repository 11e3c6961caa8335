package rebalance_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/fake"
	"github.com/evenkeel/evenkeel/rebalance"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update to make it")
	require.Equal(t, string(want), string(got))
}

// TestStoredFormOfAResult pins the JSON form of schema 1: results of this
// version are in people's stores.
func TestStoredFormOfAResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.broker.Inject(fake.PartialThenCancel{N: 2, Quantity: num("10")})
		res := r.run("e1")
		require.Equal(t, rebalance.CompletedAdjusted, res.Outcome, res.Detail)
		data, err := rebalance.EncodeResult(res)
		require.NoError(t, err)
		golden(t, "result_v1.json", append(data, '\n'))

		decoded, err := rebalance.DecodeResult(data)
		require.NoError(t, err)
		again, err := rebalance.EncodeResult(decoded)
		require.NoError(t, err)
		require.JSONEq(t, string(data), string(again))
	})
}

func TestResultsAreDecodedStrictly(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"unknown field":  {`{"schema":1,"colour":"red"}`, "colour"},
		"duplicate key":  {`{"schema":1,"schema":1}`, "schema"},
		"trailing data":  {`{"schema":1} {}`, "after top-level"},
		"newer schema":   {`{"schema":2}`, "schema 2"},
		"cut short":      {`{"schema":1`, "end"},
		"not an object":  {`[]`, "array"},
		"NaN":            {`{"schema":1,"costs":{"fees":NaN}}`, "N"},
		"no number":      {`{"schema":1,"costs":{"fees":"x"}}`, "x"},
		"too long input": {`{"schema":1,"detail":"` + strings.Repeat("a", 17<<20) + `"}`, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rebalance.DecodeResult([]byte(tc.in))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func FuzzDecodeResult(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "result_v1.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := rebalance.DecodeResult(data)
		if err != nil {
			return
		}
		again, err := rebalance.EncodeResult(r)
		require.NoError(t, err)
		_, err = rebalance.DecodeResult(again)
		require.NoError(t, err)
	})
}

func FuzzDecodeArguments(f *testing.F) {
	f.Add([]byte(`{"schema":1,"strategy":"x","mode":"raise_cash","force":true,"raise_amount":"12.5","policy":{"slippage":"0.01"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := rebalance.DecodeArguments(data); err == nil {
			require.LessOrEqual(t, a.Schema, rebalance.ArgumentsSchema)
		}
	})
}
