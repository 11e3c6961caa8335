package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// difference says what of a step was not seen as it is wanted: all fields that
// are wanted, and of the values of an account those that are. Positions come in
// any order. It is empty if all is well.
func difference(t *testing.T, want, got seen) string {
	t.Helper()
	text, err := json.Marshal(want)
	require.NoError(t, err)
	wanted := decode(t, text)
	if wanted.step() != got.step() {
		return fmt.Sprintf("step %q, want %q", got.step(), wanted.step())
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		w, g := canonical(want.step(), wanted[key]), canonical(want.step(), got[key])
		if values, ok := w.(map[string]any); ok {
			g = only(values, g)
		}
		if fmt.Sprint(w) != fmt.Sprint(g) { // maps are printed in order
			return fmt.Sprintf("%s of step %s is %v, want %v", key, want.step(), g, w)
		}
	}
	return ""
}

// only leaves those values that are wanted.
func only(wanted map[string]any, got any) any {
	all, ok := got.(map[string]any)
	if !ok {
		return got
	}
	few := map[string]any{}
	for name := range wanted {
		few[name] = all[name]
	}
	return few
}

// canonical sorts the rows of steps that have no order.
func canonical(step string, v any) any {
	rows, ok := v.([]any)
	if !ok || !strings.HasPrefix(step, "po") { // portfolio, positions
		return v
	}
	return slices.SortedFunc(slices.Values(rows), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// decode reads a line, with numbers in one form.
func decode(t *testing.T, line []byte) seen {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var m map[string]any
	require.NoError(t, d.Decode(&m), "%s", line)
	all := seen{}
	for k, v := range m {
		all[k] = plain(v)
	}
	return all
}

// plain turns numbers, and text that is a number, into one form.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plain(v.String())
	case string:
		if d, err := decimal.NewFromString(v); err == nil {
			return d.String()
		}
		return v
	case []any:
		all := make([]any, 0, len(v))
		for _, e := range v {
			all = append(all, plain(e))
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for k, e := range v {
			all[k] = plain(e)
		}
		return all
	}
	return v
}

// TestDifference shows that each kind of wrong line is noticed.
func TestDifference(t *testing.T) {
	want := seen{"step": "positions", "account": "DU1", "rows": []any{map[string]any{"symbol": "A", "quantity": 10}, map[string]any{"symbol": "B", "quantity": "-0.5"}}}
	right := []string{
		`{"step": "positions", "account": "DU1", "rows": [{"symbol": "A", "quantity": 10.0}, {"symbol": "B", "quantity": -0.50}]}`,
		`{"step": "positions", "account": "DU1", "rows": [{"symbol": "B", "quantity": "-0.5"}, {"quantity": "10", "symbol": "A"}], "more": 1}`,
	}
	for _, line := range right {
		require.Empty(t, difference(t, want, decode(t, []byte(line))), line)
	}
	wrong := []string{
		`{"step": "portfolio", "account": "DU1", "rows": [{"symbol": "A", "quantity": 10}, {"symbol": "B", "quantity": -0.5}]}`,
		`{"step": "positions", "rows": [{"symbol": "A", "quantity": 10}, {"symbol": "B", "quantity": -0.5}]}`,
		`{"step": "positions", "account": "DU2", "rows": [{"symbol": "A", "quantity": 10}, {"symbol": "B", "quantity": -0.5}]}`,
		`{"step": "positions", "account": "DU1", "rows": [{"symbol": "A", "quantity": 10}, {"symbol": "B", "quantity": 0.5}]}`,
		`{"step": "positions", "account": "DU1", "rows": [{"symbol": "A", "quantity": 10}]}`,
		`{"step": "positions", "account": "DU1", "rows": [{"symbol": "A", "quantity": 10, "x": 1}, {"symbol": "B", "quantity": -0.5}]}`,
		`{"step": "positions", "account": "DU1"}`,
	}
	for _, line := range wrong {
		require.NotEmpty(t, difference(t, want, decode(t, []byte(line))), line)
	}
	values := seen{"step": "values", "values": map[string]any{"NetLiquidation": "100"}}
	require.Empty(t, difference(t, values, decode(t, []byte(`{"step": "values", "values": {"NetLiquidation": 100, "Other": 1}}`))))
	require.NotEmpty(t, difference(t, values, decode(t, []byte(`{"step": "values", "values": {"NetLiquidation": 101, "Other": 1}}`))))
	bars := seen{"step": "bars", "rows": []any{1, 2}}
	require.NotEmpty(t, difference(t, bars, decode(t, []byte(`{"step": "bars", "rows": [2, 1]}`))), "bars have an order")
}
