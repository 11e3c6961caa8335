package broker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
)

func TestParseInstrumentID(t *testing.T) {
	for text, want := range map[string]broker.InstrumentID{
		"AAPL": "AAPL", " aapl\t": "AAPL", "brk.b": "BRK.B", "BF-B": "BF-B", "\u00a0spy\u2003": "SPY",
		strings.Repeat("x", 32): broker.InstrumentID(strings.Repeat("X", 32)), "a:b/c#1": "A:B/C#1",
	} {
		id, err := broker.ParseInstrumentID(text)
		require.NoError(t, err, text)
		require.Equal(t, want, id)
	}
	for text, why := range map[string]string{
		"": "is empty", " \t\n": "is empty", "BRK B": "contains ' '", "A,B": "contains ','", `"A"`: "contains '\"'", "A'": `contains '\''`,
		"ÄPFEL": "contains", "A\x00": "contains", strings.Repeat("x", 33): "longer than 32",
		// Letters whose upper case is in ASCII must not turn into other symbols.
		"\u017fpy": "contains", "\u0131bm": "contains", "\u212a": "contains",
	} {
		_, err := broker.ParseInstrumentID(text)
		require.ErrorContains(t, err, "broker: symbol ", text)
		require.ErrorContains(t, err, why, text)
	}
}

func FuzzParseInstrumentID(f *testing.F) {
	for _, text := range []string{"AAPL", " brk.b ", "", "ſpy", "a b", "\xff", strings.Repeat("é", 40)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := broker.ParseInstrumentID(text)
		if err != nil {
			require.Empty(t, id)
			return
		}
		require.NotEmpty(t, id)
		require.LessOrEqual(t, len(id), 32)
		require.Len(t, id, len(strings.TrimSpace(text)), "%q became %q", text, id)
		require.Regexp(t, `^[!-~]+$`, string(id))
		require.NotRegexp(t, `[a-z"',]`, string(id))
		again, err := broker.ParseInstrumentID(string(id))
		require.NoError(t, err)
		require.Equal(t, id, again, "parsing is done once")
	})
}
