package journal_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples returns a record of each kind, by the name of its golden file.
func samples() map[string]journal.Record {
	g := journal.Grant{Account: "U1", Run: "e1/1", Fence: 7}
	zone := time.FixedZone("there", -5*3600)
	at := time.Date(2026, 3, 2, 9, 30, 0, 123456789, zone)
	intent := intentOf(g, "ek1.ABCDEFGHIJ.1.0.1")
	intent.Time, intent.Held = at, decimal.New(-125, -2)
	intent.Order.Epoch, intent.Order.SendBefore = 4, at
	sell := intent
	sell.Order.Side, sell.Order.Type, sell.Order.Limit, sell.Order.Ref = broker.Sell, broker.Market, decimal.Decimal{}, ""
	s := settled("ek1.ABCDEFGHIJ.1.0.1", journal.Filled)
	s.Fees, s.FeeCurrency, s.Reason = decimal.New(135, -2), "USD", "filled by <3> & \"done\""
	unknown := journal.Settlement{Ref: s.Ref, Outcome: journal.Unknown, Filled: decimal.New(3, 0), Code: "1100", Reason: "no trace", Time: at}
	doubt := intent
	doubt.Settlement, doubt.Answered = &unknown, true
	kill := journal.Kill{Operator: "ada", Reason: "drill", Time: at}
	resume := kill
	resume.Account = "U1"
	return map[string]journal.Record{
		"claim":           {Claim: &journal.Claim{Account: "U1", Event: "e1", Command: "rebalance", Number: 1, Fence: 7, Time: at}},
		"step":            {Grant: g, Step: &journal.Step{Name: "plan", Time: at, Data: json.RawMessage(`{"plan":{"orders":[1,2]}}`)}},
		"step_empty":      {Grant: g, Step: &journal.Step{Name: "ready", Time: at}},
		"intent":          {Grant: g, Intent: &intent},
		"intent_market":   {Grant: g, Intent: &sell},
		"intent_answered": {Grant: g, Intent: &doubt},
		"settlement":      {Grant: g, Settlement: &s},
		"outcome":         {Grant: g, Outcome: &journal.Outcome{Name: "completed", Time: at, Result: json.RawMessage(`{"schema":1}`)}},
		"block":           {Block: &journal.Block{Account: "U1", Reason: "found 5", Evidence: json.RawMessage(`[{"symbol":"AAA"}]`), Run: "e1/1", Time: at}},
		"unblock":         {Unblock: &journal.Unblock{Account: "U1", Operator: "ada", Reason: "statement", Evidence: json.RawMessage(`"1f"`), Time: at}},
		"unblock_named": {Unblock: &journal.Unblock{
			Account: "U1", Operator: "ada", Reason: "statement", Time: at, Block: at.Add(-time.Minute), Refs: []broker.OrderID{"r1", "r2"},
		}},
		"kill":         {Kill: &kill},
		"resume":       {Resume: &resume},
		"outcome_memo": {Grant: g, Outcome: &journal.Outcome{Name: "no_trade", Time: at, Result: json.RawMessage(`{}`), Memo: json.RawMessage(`{"seen":1}`)}},
		"approval": {Approval: &journal.Approval{
			Account: "U1", Run: "e1/1", Hash: "beef", Operator: "ada", Reason: "looked at", Time: at, Expires: at.Add(time.Hour),
		}},
	}
}

func TestRecordGolden(t *testing.T) {
	for name, record := range samples() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "record", name+".json")
			data, err := journal.EncodeRecord(record)
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o644))
			}
			golden, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(bytes.TrimSpace(golden)), string(data))
			read, err := journal.DecodeRecord(golden)
			require.NoError(t, err)
			again, err := journal.EncodeRecord(read)
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		})
	}
}

func TestRecordComesBack(t *testing.T) {
	want := samples()
	read := map[string]journal.Record{}
	for name, record := range want {
		data, err := journal.EncodeRecord(record)
		require.NoError(t, err)
		read[name], err = journal.DecodeRecord(data)
		require.NoError(t, err)
	}
	for _, name := range []string{"intent", "intent_market", "intent_answered"} {
		w, g := want[name].Intent, read[name].Intent
		require.True(t, w.Same(g), "want %+v, got %+v", w, g)
		require.Equal(t, time.UTC, g.Time.Location())
		require.Zero(t, g.Order.Epoch, "not stored")
		require.Zero(t, g.Order.SendBefore, "not stored")
	}
	require.True(t, read["intent_answered"].Intent.Answered)
	require.True(t, want["intent_answered"].Intent.Settlement.Same(read["intent_answered"].Intent.Settlement))
	require.True(t, want["settlement"].Settlement.Same(read["settlement"].Settlement))
	require.Equal(t, want["settlement"].Settlement.Reason, read["settlement"].Settlement.Reason)
	require.True(t, want["unblock"].Unblock.Same(read["unblock"].Unblock))
	require.True(t, want["resume"].Resume.Same(read["resume"].Resume))
	require.Equal(t, want["step"].Grant, read["step"].Grant)
	require.JSONEq(t, string(want["step"].Step.Data), string(read["step"].Step.Data))
	require.True(t, want["claim"].Claim.Time.Equal(read["claim"].Claim.Time))
}

// TestEncodeLeavesTheRecordAlone checks that what is encoded is not changed.
func TestEncodeLeavesTheRecordAlone(t *testing.T) {
	r, untouched := samples()["intent"], samples()["intent"]
	_, err := journal.EncodeRecord(r)
	require.NoError(t, err)
	require.Equal(t, untouched, r)
}

// numeric finds the decimals in an encoded record.
var numeric = regexp.MustCompile(`"(quantity|limit|held|filled|average_price|fees)":"[-0-9.]+"`)

// TestNoDecimalBeyondLimits puts bad numbers in the place of every decimal that
// records hold.
func TestNoDecimalBeyondLimits(t *testing.T) {
	bad := []string{
		`"1e1000000000"`, `"1e-1000000000"`, `"1E19"`, `1e1000000000`, `10`, `1.5`, `null`, `true`, `""`, `"NaN"`, `"Inf"`,
		`"0x10"`, `"1_000"`, `" 1"`, `"+1"`, `"."`, `"1."`, `[]`, `{}`, `"` + strings.Repeat("9", 41) + `"`,
		`"` + strings.Repeat("9", 1<<20) + `"`, `"` + strings.Repeat("9", 30) + `e18"`, `"\u22121"`,
	}
	seen := map[string]int{}
	for name, record := range samples() {
		data, err := journal.EncodeRecord(record)
		require.NoError(t, err)
		for _, place := range numeric.FindAllSubmatchIndex(data, -1) {
			field := string(data[place[2]:place[3]])
			seen[field]++
			for _, number := range bad {
				changed := string(data[:place[3]]) + `":` + number + string(data[place[1]:])
				_, err := journal.DecodeRecord([]byte(changed))
				require.ErrorIs(t, err, journal.ErrInvalid, "%s: %s is %.60s", name, field, number)
			}
			without := string(data[:place[0]]) + string(data[place[1]:])
			without = strings.NewReplacer(",,", ",", "{,", "{", ",}", "}").Replace(without)
			_, err := journal.DecodeRecord([]byte(without))
			require.ErrorIs(t, err, journal.ErrInvalid, "%s without %s", name, field)
			require.ErrorContains(t, err, field+" is missing")
		}
	}
	require.ElementsMatch(t, []string{"quantity", "limit", "held", "filled", "average_price", "fees"}, slices.Collect(maps.Keys(seen)))
	require.Equal(t, 3, seen["held"])
}

func TestDecodeRefuses(t *testing.T) {
	step := `{"schema":1,"grant":{"account":"U1","run":"e1/1","fence":7},"step":{"name":"plan","time":"2026-03-02T14:30:00Z"}}`
	_, err := journal.DecodeRecord([]byte(step))
	require.NoError(t, err)
	for name, data := range map[string]string{
		"nothing":         ``,
		"null":            `null`,
		"no schema":       strings.Replace(step, `"schema":1,`, ``, 1),
		"schema zero":     strings.Replace(step, `"schema":1`, `"schema":0`, 1),
		"negative schema": strings.Replace(step, `"schema":1`, `"schema":-1`, 1),
		"no kind":         `{"schema":1}`,
		"null kind":       `{"schema":1,"step":null}`,
		"two kinds":       strings.Replace(step, `"step":`, `"kill":{"operator":"a","reason":"b","time":"2026-03-02T14:30:00Z"},"step":`, 1),
		"unknown field":   strings.Replace(step, `"name"`, `"color":1,"name"`, 1),
		"unknown kind":    strings.Replace(step, `"step"`, `"steps"`, 1),
		"duplicate key":   strings.Replace(step, `"name"`, `"Name":"x","name"`, 1),
		"no grant":        strings.Replace(step, `"grant":{"account":"U1","run":"e1/1","fence":7},`, ``, 1),
		"fence zero":      strings.Replace(step, `"fence":7`, `"fence":0`, 1),
		"negative fence":  strings.Replace(step, `"fence":7`, `"fence":-7`, 1),
		"no time":         strings.Replace(step, `,"time":"2026-03-02T14:30:00Z"`, ``, 1),
		"bad time":        strings.Replace(step, `2026-03-02T14:30:00Z`, `yesterday`, 1),
		"data behind":     step + `{}`,
		"torn":            step[:len(step)-1],
		"not an object":   `[1]`,
		"too deep":        `{"schema":1,"step":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`,
		"needless grant":  `{"schema":1,"grant":{"account":"U1","run":"e1/1","fence":7},"kill":{"operator":"a","reason":"b","time":"2026-03-02T14:30:00Z"}}`,
		"too long":        strings.Replace(step, `"name"`, strings.Repeat(" ", journal.MaxData+1<<20)+`"name"`, 1),
	} {
		_, err := journal.DecodeRecord([]byte(data))
		require.ErrorIs(t, err, journal.ErrInvalid, name)
		require.NotErrorIs(t, err, journal.ErrNewerSchema, name)
	}
	for _, data := range []string{
		strings.Replace(step, `"schema":1`, `"schema":2`, 1),
		`{"schema":2,"trade":{"what":"ever"}}`,
	} {
		_, err := journal.DecodeRecord([]byte(data))
		require.ErrorIs(t, err, journal.ErrNewerSchema)
		require.ErrorContains(t, err, "schema 2, this release knows 1")
	}
}

func TestEncodeRefuses(t *testing.T) {
	change := func(name string, do func(r *journal.Record)) journal.Record {
		r := samples()[name]
		do(&r)
		return r
	}
	for name, r := range map[string]journal.Record{
		"nothing":            {},
		"two kinds":          change("step", func(r *journal.Record) { r.Kill = samples()["kill"].Kill }),
		"no grant":           change("intent", func(r *journal.Record) { r.Grant = journal.Grant{} }),
		"claim not granted":  change("claim", func(r *journal.Record) { r.Claim.Fence = 0 }),
		"claim not numbered": change("claim", func(r *journal.Record) { r.Claim.Number = 0 }),
		"huge number":        change("intent", func(r *journal.Record) { r.Intent.Held = decimal.New(1, 1000000000) }),
		"tiny number":        change("intent", func(r *journal.Record) { r.Intent.Order.Limit = decimal.New(1, -1000000000) }),
		"41 digits":          change("settlement", func(r *journal.Record) { r.Settlement.Fees = decimal.New(1, 40) }),
		"data is not JSON":   change("step", func(r *journal.Record) { r.Step.Data = json.RawMessage(`{"a":`) }),
		"data has a key twice": change("step", func(r *journal.Record) {
			r.Step.Data = json.RawMessage(`{"a":1,"a":2}`)
		}),
		"data is too deep": change("outcome", func(r *journal.Record) {
			r.Outcome.Result = json.RawMessage(strings.Repeat("[", 70) + strings.Repeat("]", 70))
		}),
		"far future":             change("block", func(r *journal.Record) { r.Block.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"another's settlement":   change("intent_answered", func(r *journal.Record) { r.Intent.Settlement.Ref = "r9" }),
		"answered, not settled":  change("intent", func(r *journal.Record) { r.Intent.Answered = true }),
		"more filled than asked": change("intent_answered", func(r *journal.Record) { r.Intent.Settlement.Filled = decimal.New(11, 0) }),
	} {
		_, err := journal.EncodeRecord(r)
		require.ErrorIs(t, err, journal.ErrInvalid, name)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, record := range samples() {
		data, err := journal.EncodeRecord(record)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"schema":1,"step":{"name":"a","time":"0001-01-01T00:00:00+23:59"}}`))
	f.Add([]byte(`{"schema":1,"settlement":{"filled":"1e18","fees":"1e-18"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := journal.DecodeRecord(data)
		if err != nil {
			return
		}
		encoded, err := journal.EncodeRecord(r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := journal.DecodeRecord(encoded)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, encoded)
		}
		twice, err := journal.EncodeRecord(again)
		if err != nil || !bytes.Equal(encoded, twice) {
			t.Fatalf("the form is not stable: %v\n%s\n%s", err, encoded, twice)
		}
		if fmt.Sprintf("%+v", r.Grant) != fmt.Sprintf("%+v", again.Grant) {
			t.Fatalf("the grant changed: %+v, %+v", r.Grant, again.Grant)
		}
	})
}
