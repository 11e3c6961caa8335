package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/marketdata"
)

var update = flag.Bool("update", false, "write README.md's output and pictures anew")

// run runs the program, which must go well, and returns what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, progress bytes.Buffer
	require.NoError(t, backtest(t.Context(), args, &out, &progress))
	require.Empty(t, progress.String(), "no bar where there is no terminal")
	return out.String()
}

// fails runs the program, which must end with this error and print nothing.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	var out, progress bytes.Buffer
	err := backtest(t.Context(), args, &out, &progress)
	require.Error(t, err)
	require.Empty(t, out.String())
	return err.Error()
}

// files are the files of a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := map[string][]byte{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		found[e.Name()] = data
	}
	return found
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	args := []string{"-strategy", "inverse-volatility", "-monthly-flow", "200", "-fee-order", "1", "-slippage", "0.0005", "-out"}
	first := run(t, append(args, one)...)
	second := run(t, append(args, two)...)
	require.Equal(t, strings.ReplaceAll(first, one, ""), strings.ReplaceAll(second, two, ""))
	written := files(t, one)
	require.Len(t, written, 8)
	again := files(t, two)
	for name, data := range written {
		require.True(t, bytes.Equal(data, again[name]), name)
		switch filepath.Ext(name) {
		case ".png":
			picture, err := png.Decode(bytes.NewReader(data))
			require.NoError(t, err, name)
			require.Equal(t, 864, picture.Bounds().Dx())
		case ".svg":
			require.NoError(t, wellFormed(data), name)
		}
	}
}

// wellFormed reads XML to its end.
func wellFormed(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestOrdersExplainTheValues: whoever has the prices and orders.csv finds each value
// of values.csv, to the cent.
func TestOrdersExplainTheValues(t *testing.T) {
	dir := t.TempDir()
	run(t, "-out", dir, "-strategy", "momentum", "-cash", "250000", "-fee-share", "0.005", "-slippage", "0.001",
		"-flow", "2016-03-01=5000", "-flow", "2018-01-02=-20000")
	history, err := (&options{sample: "factors"}).history()
	require.NoError(t, err)
	orders := rows(t, dir, "orders.csv")
	require.Equal(t, "date,event,symbol,side,why,planned,filled,price,fee,outcome,reason", strings.Join(orders[0], ","))
	orders = orders[1:]
	values := rows(t, dir, "values.csv")
	require.Equal(t, "date,value,cash,flow,growth,drawdown,hold_value,hold_growth,hold_drawdown,weight_MTUM,weight_QUAL,weight_SIZE,weight_USMV,weight_VLUE",
		strings.Join(values[0], ","))
	cash, held := big.NewRat(250_000, 1), map[string]*big.Rat{}
	for _, row := range values[1:] {
		cash.Add(cash, rat(t, row[3]))
		for len(orders) > 0 && orders[0][0] == row[0] {
			o := orders[0]
			orders = orders[1:]
			quantity := rat(t, o[6])
			if o[3] == "SELL" {
				quantity.Neg(quantity)
			}
			if held[o[2]] == nil {
				held[o[2]] = new(big.Rat)
			}
			held[o[2]].Add(held[o[2]], quantity)
			cash.Sub(cash, new(big.Rat).Mul(quantity, rat(t, o[7])))
			cash.Sub(cash, rat(t, o[8]))
		}
		value := new(big.Rat).Set(cash)
		for _, id := range history.Symbols() {
			if q := held[string(id)]; q != nil {
				price, ok := history.Price(marketdata.Day(row[0]), id)
				require.True(t, ok)
				value.Add(value, new(big.Rat).Mul(q, price.Rat()))
			}
		}
		require.Equal(t, value.FloatString(2), row[1], row[0])
		require.Equal(t, cash.FloatString(2), row[2], row[0])
	}
	require.Empty(t, orders)
}

func rows(t *testing.T, dir, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	require.NoError(t, err)
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return all
}

func rat(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	require.True(t, ok, text)
	return r
}

func TestEveryStrategyAndTriggerRuns(t *testing.T) {
	for _, args := range [][]string{
		{"-strategy", "custom", "-rebalance", "weekly", "-reserve", "0.02"},
		{"-strategy", "momentum", "-rebalance", "never", "-drift", "0.05", "-cooldown", "10"},
		{"-weights", "USMV=0.6,MTUM=0.4", "-rebalance", "daily", "-band", "0.02", "-lot", "0.0001"},
		{"-rebalance", "annually", "-drift-relative", "0.1", "-band-relative", "0.05", "-same-close", "-hold-deposits", "-monthly-flow", "100"},
		{"-strategy", "inverse-volatility", "-symbols", "MTUM,VLUE", "-from", "2016-01-04", "-to", "2017-12-29", "-steps"},
	} {
		out := run(t, append(args, "-out", "")...)
		require.Contains(t, out, "tracking error a year")
		require.NotContains(t, out, "Written")
	}
	require.Contains(t, run(t, "-h"), "-strategy")
}

func TestTheSamplesAreWhatTheySay(t *testing.T) {
	plain, err := os.ReadFile("../internal/factors/prices.csv")
	require.NoError(t, err)
	packed, err := bundled.Open(samples["factors"])
	require.NoError(t, err)
	z, err := gzip.NewReader(packed)
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	require.True(t, bytes.Equal(plain, text))
	h, err := (&options{sample: "stocks"}).history()
	require.NoError(t, err)
	require.Equal(t, 8313, h.Len())
	require.Len(t, h.Symbols(), 20)
}

// TestREADME compares what README.md shows with what the program prints and draws.
func TestREADME(t *testing.T) {
	dir := t.TempDir()
	out := strings.ReplaceAll(run(t, "-out", dir, "-sample", "stocks", "-strategy", "momentum", "-days", "250", "-top", "5", "-rebalance", "quarterly",
		"-fee-order", "1", "-fee-share", "0.005", "-slippage", "0.0005"), dir, "backtest-out")
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), "<!-- output -->\n```\n")
	require.True(t, ok)
	shown, after, ok := strings.Cut(rest, "```\n")
	require.True(t, ok)
	drawn, err := os.ReadFile(filepath.Join(dir, "equity.png"))
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(before+"<!-- output -->\n```\n"+out+"```\n"+after), 0o644))
		require.NoError(t, os.WriteFile("equity.png", drawn, 0o644))
		return
	}
	require.Equal(t, shown, out)
	kept, err := os.ReadFile("equity.png")
	require.NoError(t, err)
	a, err := png.Decode(bytes.NewReader(kept))
	require.NoError(t, err)
	b, err := png.Decode(bytes.NewReader(drawn))
	require.NoError(t, err)
	require.True(t, a.Bounds() == b.Bounds())
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				t.Fatalf("equity.png is not what the program draws, from %d, %d on: run go test -update", x, y)
			}
		}
	}
}

func TestTemporaryFilesAreNotLeftBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	o, err := newOutputs(dir)
	require.NoError(t, err)
	w, err := o.create("a.csv")
	require.NoError(t, err)
	_, err = w.Write([]byte("half"))
	require.NoError(t, err)
	o.abort()
	require.NoDirExists(t, dir)

	o, err = newOutputs(dir)
	require.NoError(t, err)
	for _, name := range []string{"a.csv", "b.csv"} {
		w, err := o.create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(name))
		require.NoError(t, err)
	}
	require.Len(t, files(t, dir), 2, "under temporary names")
	require.NotContains(t, files(t, dir), "a.csv")
	names, err := o.commit()
	require.NoError(t, err)
	o.abort()
	require.Equal(t, []string{"a.csv", "b.csv"}, names)
	require.Equal(t, map[string][]byte{"a.csv": []byte("a.csv"), "b.csv": []byte("b.csv")}, files(t, dir))
}

func TestNumbersForPeople(t *testing.T) {
	for number, want := range map[string]string{"1": "1", "123": "123", "1234.5": "1,234.5", "-1234567.89": "-1,234,567.89", "-123": "-123"} {
		require.Equal(t, want, grouped(number))
	}
	require.Equal(t, "-12.35%", percent(-0.123456))
	require.True(t, slices.Contains(strings.Split(words(periods), ", "), "quarterly"))
}
