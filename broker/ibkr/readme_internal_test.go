package ibkr

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of codes into README.md")

type meaningText struct {
	meaning meaning
	text    string
}

// meanings say in the README what a code does to a run, in the order of the table.
var meanings = []meaningText{
	{freeze, "The gateway has lost IBKR. Nothing is sent or read until it is back; what was sent stays in doubt and is resolved then."},
	{resync, "IBKR is back. Everything is read anew, in a new epoch; a run goes on from there."},
	{hangUp, "The connection is given up and made anew. Orders on their way are resolved in the next session."},
	{clientTaken, "Another program holds the client id. It is waited for, always with the same id; events are deferred."},
	{slower, "Too many messages: the rate is halved for this session, requests under way fail and are tried again."},
	{farmDown, "A data farm is down: prices or contracts may be missing for a while. Orders go on if the prices satisfy the policy."},
	{farmUp, "It is back."},
	{info, "Changes nothing."},
	{requestFailed, "The request failed and is tried again, as the engine's policies say."},
	{noPrice, "No price of this tier: the next tier is asked for. Without any, the policy decides."},
	{noPriceNow, "No price, and no lesser one in its place: the event is deferred by five minutes."},
	{noContract, "The symbol means no contract: the run stops before anything is sent. On an order: refused."},
	{orderRefused, "The order is refused and not at the broker; if it works already it goes on (a cancel was refused), except with 201, 203 and 460. On a request: it is wrong and not tried again."},
	{orderEnded, "The order is cancelled; its fills count."},
	{orderDoubt, "Says nothing about how the order ends: it is resolved by reading orders and executions."},
	{idTaken, "The numeric id was used before. The order is in doubt and resolved; ids go on higher up."},
	{cancelAnswer, "Answers a cancel, and tells nothing of how the order ends: it is resolved."},
	{orderNote, "A remark: the order goes on, and what the gateway shows of it is compared with what was sent."},
}

// codesTable is the table of the README.
func codesTable() string {
	var b strings.Builder
	b.WriteString("| codes | what they mean for a run | what to do |\n|---|---|---|\n")
	for _, m := range meanings {
		byHint := map[string][]int{}
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			if codes[code].meaning == m.meaning {
				byHint[codes[code].hint] = append(byHint[codes[code].hint], code)
			}
		}
		for _, hint := range slices.Sorted(maps.Keys(byHint)) {
			list := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(byHint[hint])), ", "), "[]")
			fmt.Fprintf(&b, "| %s | %s | %s |\n", list, m.text, hint)
		}
	}
	b.WriteString("| any other | " + "On an order: no conclusion, it is resolved. On a request: it failed and is tried again. | |\n")
	return b.String()
}

// The table in the README is that of the code.
func TestReadmeHasTheCodes(t *testing.T) {
	const begin, end = "<!-- codes -->\n", "<!-- end of codes -->"
	data, err := os.ReadFile("README.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	table, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(head+begin+codesTable()+end+tail), 0o600))
		return
	}
	require.Equal(t, codesTable(), table, "run go test ./broker/ibkr -run Readme -update")
	for code, rule := range codes {
		require.True(t, slices.ContainsFunc(meanings, func(m meaningText) bool { return m.meaning == rule.meaning }), "code %d", code)
	}
}
