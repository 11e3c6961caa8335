package marketdata_test

import (
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/marketdata"
)

const factors = "testdata/etf_factors_daily_2014_2022.csv"

// readFactors reads the real prices in testdata.
func readFactors(t *testing.T) *marketdata.History {
	t.Helper()
	f, err := os.Open(factors)
	require.NoError(t, err)
	defer f.Close()
	h, err := marketdata.ReadHistory(f, nil)
	require.NoError(t, err)
	return h
}

// history reads a table that must be right.
func history(t *testing.T, csv string) *marketdata.History {
	t.Helper()
	h, err := marketdata.ReadHistory(strings.NewReader(csv), nil)
	require.NoError(t, err)
	return h
}

// price returns the text of a price, or "none".
func price(h *marketdata.History, day marketdata.Day, id broker.InstrumentID) string {
	p, ok := h.Price(day, id)
	if !ok {
		return "none"
	}
	return p.String()
}

// write is a history in the form in which it is read.
func write(h *marketdata.History) string {
	var b strings.Builder
	b.WriteString("Date")
	symbols := h.Symbols()
	for _, id := range symbols {
		b.WriteString("," + string(id))
	}
	for day := range h.Days() {
		b.WriteString("\n" + string(day))
		for _, id := range symbols {
			b.WriteByte(',')
			if p, ok := h.Price(day, id); ok {
				b.WriteString(p.StringFixed(max(-p.Exponent(), 0)))
			}
		}
	}
	return b.String() + "\n"
}

func TestReadHistoryReadsRealPrices(t *testing.T) {
	h := readFactors(t)
	require.Equal(t, 2264, h.Len())
	require.Equal(t, []broker.InstrumentID{"MTUM", "QUAL", "SIZE", "USMV", "VLUE"}, h.Symbols())
	first, final := h.Span()
	require.Equal(t, marketdata.Day("2014-01-02"), first)
	require.Equal(t, marketdata.Day("2022-12-28"), final)
	require.Len(t, slices.Collect(h.Days()), 2264)
	require.Equal(t, "52.704", price(h, "2014-01-02", "MTUM"))
	require.Equal(t, "none", price(h, "2014-01-04", "MTUM"), "a Saturday")
	require.Equal(t, "none", price(h, "2014-01-02", "SPY"))

	text, err := os.ReadFile(factors)
	require.NoError(t, err)
	got := strings.Split(write(h), "\n")
	for i, line := range strings.Split(string(text), "\n") {
		require.Equal(t, strings.TrimSuffix(line, "\r"), got[i], "every price comes back digit for digit")
	}
}

func TestReadHistoryAccepts(t *testing.T) {
	const digits40 = "1234567890123456789.123456789012345678901"
	for name, csv := range map[string]string{
		"plain":           "Date,AAA,BBB\n2020-01-02,1.5,2\n2020-01-03,,3\n",
		"no last newline": "Date,AAA,BBB\n2020-01-02,1.5,2\n2020-01-03,,3",
		"CRLF":            "Date,AAA,BBB\r\n2020-01-02,1.5,2\r\n2020-01-03,,3\r\n",
		"byte order mark": "\xef\xbb\xbfDate,AAA,BBB\n2020-01-02,1.5,2\n2020-01-03,,3\n",
		"symbol forms":    "Date,aaa, bbb \n2020-01-02,1.5,2\n2020-01-03,,3\n",
		"number forms":    "Date,AAA,BBB\n2020-01-02,15e-1,2.000\n2020-01-03,,0.3E1\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := history(t, csv)
			require.Equal(t, []broker.InstrumentID{"AAA", "BBB"}, h.Symbols())
			require.Equal(t, "1.5", price(h, "2020-01-02", "AAA"))
			require.Equal(t, "2", price(h, "2020-01-02", "BBB"))
			require.Equal(t, "none", price(h, "2020-01-03", "AAA"))
			require.Equal(t, "3", price(h, "2020-01-03", "BBB"))
		})
	}
	h := history(t, "Date,AAA,BBB,CCC,DDD\n2020-01-02,"+digits40+",1e18,1e-18,99999999999999999999\n")
	require.Equal(t, digits40, price(h, "2020-01-02", "AAA"))
	require.Equal(t, "1000000000000000000", price(h, "2020-01-02", "BBB"))
	require.Equal(t, "0.000000000000000001", price(h, "2020-01-02", "CCC"))
	require.Equal(t, "99999999999999999999", price(h, "2020-01-02", "DDD"))
}

func TestReadHistoryRefuses(t *testing.T) {
	const head = "Date,AAA,BBB\n"
	for _, c := range []struct{ name, csv, err string }{
		{"nothing", "", "line 0: the file is empty: want a header such as Date,AAPL,MSFT"},
		{"no header", "2020-01-02,1,2\n", `line 1: column 1 is "2020-01-02", want Date, without quotes`},
		{"quotes", "\"Date\",\"AAA\"\n", `line 1: column 1 is "\"Date\"", want Date, without quotes`},
		{"HTML", "<html>\n", `line 1: column 1 is "<html>", want Date, without quotes`},
		{"no symbols", "Date\n2020-01-02\n", "line 1: no symbol follows the column Date, or they are not separated by commas"},
		{"empty symbol", "Date,AAA,\n", `line 1: column 3: broker: symbol "" is empty: give a ticker such as "AAPL"`},
		{"symbol twice", "Date,AAA,BBB,aaa\n", "line 1: column 4: symbol AAA stands in column 2 already"},
		{"no days", head, "line 1: no trading day follows the header"},
		{"too few columns", head + "2020-01-02,1\n", "line 2: 2 columns, want 3 as in the header"},
		{"too many columns", head + "2020-01-02,1,2,3\n", "line 2: 4 columns, want 3 as in the header"},
		{"cut off", head + "2020-01-02,1,2\n2020-01-", "line 3: 1 columns, want 3 as in the header"},
		{"empty line", head + "2020-01-02,1,2\n\n2020-01-03,1,2\n", "line 3: the line is empty"},
		{"day of other form", head + "02.01.2020,1,2\n", `line 2: column 1: marketdata: "02.01.2020" is not a date such as 2006-01-02`},
		{"day with time", head + "2020-01-02T00:00:00Z,1,2\n", `line 2: column 1: marketdata: "2020-01-02T00:00:00Z" is not a date such as 2006-01-02`},
		{"no such day", head + "2021-02-29,1,2\n", `line 2: column 1: marketdata: "2021-02-29" is not a date such as 2006-01-02`},
		{"day twice", head + "2020-01-02,1,2\n2020-01-02,1,2\n", "line 3: column 1: 2020-01-02 does not come after 2020-01-02: days must ascend"},
		{"days descend", head + "2020-01-03,1,2\n2020-01-02,1,2\n", "line 3: column 1: 2020-01-02 does not come after 2020-01-03: days must ascend"},
		{"zero", head + "2020-01-02,1,0.00\n", `line 2: column 3 (BBB): price "0.00" is not more than 0 (leave the field empty for no price)`},
		{"negative", head + "2020-01-02,-1,2\n", `line 2: column 2 (AAA): price "-1" is not more than 0 (leave the field empty for no price)`},
		{"NaN", head + "2020-01-02,1,NaN\n", `line 2: column 3 (BBB): broker: "NaN" is not a number: want digits such as 12.5 (leave the field empty for no price)`},
		{"space", head + "2020-01-02, 1,2\n", `line 2: column 2 (AAA): broker: " 1" is not a number: want digits such as 12.5 (leave the field empty for no price)`},
		{"point alone", head + "2020-01-02,1.,2\n", `line 2: column 2 (AAA): broker: "1." is not a number: no digit after the point (leave the field empty for no price)`},
		{"no digit first", head + "2020-01-02,.5,2\n", `line 2: column 2 (AAA): broker: ".5" is not a number: want digits such as 12.5 (leave the field empty for no price)`},
		{"two points", head + "2020-01-02,1.2.3,2\n", `line 2: column 2 (AAA): broker: "1.2.3" is not a number: unexpected '.' (leave the field empty for no price)`},
		{"semicolons", "Date;AAA;BBB\n2020-01-02;1;2\n", `line 1: column 1 is "Date;AAA;BBB", want Date, without quotes`},
		{"long line", head + strings.Repeat("x", 300_000), "line 2: the line is longer than 262144 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := marketdata.ReadHistory(strings.NewReader(c.csv), nil)
			require.EqualError(t, err, "marketdata: history: "+c.err)
			require.Nil(t, h)
		})
	}
}

func TestReadHistoryHeedsItsLimit(t *testing.T) {
	const csv = "Date,AAA\n2020-01-02,1\n2020-01-03,2\n"
	read := func(limit int) error {
		_, err := marketdata.ReadHistory(strings.NewReader(csv), &marketdata.HistoryOptions{MaxBytes: int64(limit)})
		return err
	}
	require.NoError(t, read(len(csv)))
	require.NoError(t, read(0))
	require.EqualError(t, read(len(csv)-1), "marketdata: history: line 3: more than "+
		strconv.Itoa(len(csv)-1)+" bytes: raise MaxBytes if the file is right")
	require.EqualError(t, read(-1), "marketdata: history: MaxBytes is -1, want more than 0")
}

func TestReadHistoryPassesOnReadErrors(t *testing.T) {
	broken := errors.New("disk failed")
	r := io.MultiReader(strings.NewReader("Date,AAA\n2020-01-02,1\n2020-01-03,2"), iotest.ErrReader(broken))
	h, err := marketdata.ReadHistory(r, nil)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "marketdata: history: line 3: read: disk failed")
	require.Nil(t, h, "half a history is none")
}

func FuzzReadHistory(f *testing.F) {
	for _, csv := range []string{
		"Date,AAA,BBB\n2020-01-02,1.5,2\n2020-01-03,,3\n",
		"\xef\xbb\xbfDate,AAA\r\n2020-01-02,12345678901234567890.5\r\n",
		"Date,AAA\n2020-01-02,1e18\n2020-01-03,1e-18\n2020-01-04,000000000000000000000001.50",
		"Date,AAA\n2020-01-02,-1\n",
		"Date,AAA\n2020-01-02,9999999999999999.9\n",
		"Date,AAA,aaa\n2020-02-30,NaN\n",
		"Date\n\n,,,",
	} {
		f.Add([]byte(csv))
	}
	f.Fuzz(func(t *testing.T, csv []byte) {
		h, err := marketdata.ReadHistory(strings.NewReader(string(csv)), &marketdata.HistoryOptions{MaxBytes: 1 << 16})
		if err != nil {
			require.Nil(t, h)
			require.ErrorContains(t, err, "marketdata: history: line ")
			return
		}
		text := strings.ReplaceAll(strings.TrimPrefix(string(csv), "\xef\xbb\xbf"), "\r\n", "\n")
		rows := strings.Split(strings.TrimRight(text, "\n\r"), "\n")[1:]
		require.Len(t, rows, h.Len())
		var before marketdata.Day
		row := 0
		for day := range h.Days() {
			require.Less(t, before, day)
			before = day
			fields := strings.Split(rows[row], ",")
			row++
			for i, id := range h.Symbols() {
				p, ok := h.Price(day, id)
				require.Equal(t, fields[i+1] != "", ok)
				if !ok {
					continue
				}
				require.Positive(t, p.Sign())
				want, err := broker.ParseDecimal(fields[i+1])
				require.NoError(t, err)
				require.True(t, want.Equal(p), "%s became %s", fields[i+1], p)
			}
		}
		again, err := marketdata.ReadHistory(strings.NewReader(write(h)), nil)
		require.NoError(t, err)
		require.Equal(t, write(h), write(again))
	})
}
