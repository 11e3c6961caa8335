package ibkr

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

// Each code of the table, with what it does to an order, to a request, and to
// whatever it is about.
func TestCodes(t *testing.T) {
	rows := []struct {
		codes             []int
		meaning           meaning
		onOrder, onAnswer meaning
	}{
		{[]int{1100, 2110}, freeze, orderDoubt, info},
		{[]int{1101, 1102}, resync, orderDoubt, info},
		{[]int{1300, 501, 502, 503, 504, 505, 506, 507, 512}, hangUp, orderDoubt, info},
		{[]int{326}, clientTaken, orderDoubt, info},
		{[]int{100}, slower, orderDoubt, info},
		{[]int{2103, 2105, 2157}, farmDown, orderDoubt, info},
		{[]int{2104, 2106, 2158}, farmUp, orderDoubt, info},
		{[]int{508, 2107, 2108, 2119, 10167}, info, info, info},
		{[]int{101, 322, 420, 10182}, requestFailed, orderDoubt, requestFailed},
		{[]int{162, 366, 354, 10089, 10090, 10168, 10186}, noPrice, orderDoubt, noPrice},
		{[]int{10197}, noPriceNow, orderDoubt, noPriceNow},
		{[]int{200}, noContract, orderRefused, noContract},
		{[]int{103}, idTaken, idTaken, info},
		{[]int{104, 105, 106}, orderDoubt, orderDoubt, info},
		{[]int{110, 111, 113, 382, 383, 434, 463}, orderRefused, orderRefused, requestRefused},
		{[]int{201, 203, 460, 321, 10243, 435}, orderRefused, orderRefused, requestRefused},
		{[]int{202}, orderEnded, orderEnded, info},
		{[]int{135, 136, 161, 10147, 10148, 10149}, cancelAnswer, cancelAnswer, info},
		{[]int{399, 404, 10349, 2109, 2148}, orderNote, orderNote, info},
	}
	tested := map[int]bool{}
	for _, row := range rows {
		for _, code := range row.codes {
			tested[code] = true
			require.Equal(t, row.meaning, codeOf(code).meaning, "code %d", code)
			require.Equal(t, row.onOrder, asOrder(code).meaning, "code %d on an order", code)
			require.Equal(t, slices.Contains([]int{201, 203, 460}, code), codeOf(code).late, "code %d after the acknowledgement", code)
			require.Equal(t, row.onAnswer, asRequest(code).meaning, "code %d on a request", code)
		}
	}
	for code := range codes {
		require.True(t, tested[code], "code %d has no row in the test", code)
	}
	for _, code := range []int{0, -1, 1, 99, 9999, 10348, 1 << 30} { // never "just a warning"
		require.Equal(t, orderDoubt, asOrder(code).meaning, "unlisted code %d on an order", code)
		require.Equal(t, requestFailed, asRequest(code).meaning, "unlisted code %d on a request", code)
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		code int
		text string
		want broker.Refusal
	}{
		{110, "The price does not conform to the minimum price variation", broker.RefusedPrice},
		{203, "The security is not available or allowed for this account", broker.RefusedPermission},
		{201, "Order rejected - reason:Insufficient Funds: initial margin", broker.RefusedMargin},
		{201, "Order rejected - reason: pattern day trader: no more day trades", broker.RefusedDayTrade},
		{201, "Order rejected - reason:No trading permissions", broker.RefusedPermission},
		{201, "Order rejected - reason:something else", ""},
		{382, "margin in the words of another code", ""},
	} {
		require.Equal(t, row.want, refusalKind(row.code, row.text), "%d %s", row.code, row.text)
	}
}

func FuzzCodes(f *testing.F) {
	f.Add(201, "Order rejected - reason:margin")
	f.Add(-1, "")
	f.Fuzz(func(t *testing.T, code int, text string) {
		require.NotEqual(t, unlisted, asOrder(code).meaning)
		require.NotEqual(t, unlisted, asRequest(code).meaning)
		require.LessOrEqual(t, len(explain(code, text)), 500)
		refusalKind(code, text)
		b := newBook(1, func(contractKey) broker.InstrumentID { return "A" }, now)
		e := b.expect(order("ref"), 1, 7)
		b.note(7, code, text)
		if s := e.state.Status; s.Terminal() {
			require.Contains(t, []meaning{orderRefused, orderEnded}, asOrder(code).meaning)
		}
	})
}
