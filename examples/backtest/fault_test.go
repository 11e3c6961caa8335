package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadFilesAreNamedWithLineAndColumn(t *testing.T) {
	good := "Date,A,B\n2024-01-01,10,20\n2024-01-02,12,20\n2024-01-03,11,25\n"
	for name, c := range map[string]struct{ csv, want string }{
		"unsorted":         {good + "2024-01-02,11,25\n", "line 5: column 1: 2024-01-02 does not come after 2024-01-03: days must ascend"},
		"day twice":        {good + "2024-01-03,11,25\n", "line 5: column 1: 2024-01-03 does not come after 2024-01-03: days must ascend"},
		"text":             {good + "2024-01-04,11,n/a\n", `line 5: column 3 (B): broker: "n/a" is not a number: want digits such as 12.5`},
		"negative":         {good + "2024-01-04,-1,25\n", `line 5: column 2 (A): price "-1" is not more than 0`},
		"column twice":     {strings.Replace(good, "A,B", "A,a", 1), "line 1: column 3: symbol A stands in column 2 already"},
		"a column short":   {good + "2024-01-04,11\n", "line 5: 2 columns, want 3 as in the header"},
		"gap":              {good + "2024-01-04,,25\n2024-01-05,11,25\n", "line 5: column 2 (A): no price on 2024-01-04: fill the gap, leave A out, or begin later (it has a price on every day from 2024-01-05 on)"},
		"begins later":     {strings.Replace(good, "10,20", "10,", 1), "line 2: column 3 (B): no price on 2024-01-01: fill the gap, leave B out, or begin later (it has a price on every day from 2024-01-02 on)"},
		"days are missing": {good + "2024-02-03,11,25\n", "line 5: column 1: 2024-02-03 comes 31 days after the line before, at most 10 are no gap"},
		"empty":            {"", "line 0: the file is empty"},
		"one day":          {"Date,A,B\n2024-01-01,10,20\n", "line 2: it is the only trading day"},
		"cut gzip":         {"\x1f\x8b\x08\x00\x00", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "mine.csv")
			require.NoError(t, os.WriteFile(file, []byte(c.csv), 0o600))
			dir := filepath.Join(t.TempDir(), "out")
			text := fails(t, "-prices", file, "-out", dir)
			require.Contains(t, text, c.want)
			require.NotContains(t, text, "\n")
			require.True(t, strings.HasPrefix(text, file+": "), text)
			require.NoDirExists(t, dir)
		})
	}
	require.Contains(t, fails(t, "-prices", filepath.Join(t.TempDir(), "none.csv")), "none.csv: no such file")
}

func TestBadFlagsAreNamed(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-colour red", "flag provided but not defined: -colour: see -h"},
		{"now", `unexpected argument "now"`},
		{"-sample gold", `-sample "gold" is none of factors, stocks`},
		{"-strategy hope", `-strategy "hope" is none of custom, fixed, inverse-volatility, momentum`},
		{"-rebalance hourly", `-rebalance "hourly" is none of annually, daily, monthly, never, quarterly, weekly`},
		{"-rebalance never", "-rebalance never needs -drift or -drift-relative"},
		{"-from 2015-02-30", `invalid value "2015-02-30" for flag -from: marketdata: "2015-02-30" is not a date`},
		{"-to 1/2/2015", `invalid value "1/2/2015" for flag -to`},
		{"-from 2015-01-02 -to 2014-01-02", "-from 2015-01-02 is after -to 2014-01-02"},
		{"-from 2013-01-02", "From is 2013-01-02: the prices go from 2014-01-02 to 2022-12-28"},
		{"-from 2022-12-28", "fewer than 2 trading days"},
		{"-strategy momentum -from 2014-01-10", "begin on 2014-04-01 or later"},
		{"-cash lots", `invalid value "lots" for flag -cash: broker: "lots" is not a number`},
		{"-cash -5", "Cash is -5: want more than 0"},
		{"-slippage 2", "Costs.Slippage is 2"},
		{"-fee-order -1", "Costs.PerOrder is -1"},
		{"-drift -1", "DriftAbsolute is -1: want 0 or more"},
		{"-band 2", "band.absolute is 2: want a fraction from 0 to 1"},
		{"-cooldown -3", "CooldownDays is -3"},
		{"-lot 0", "-lot is 0: want more than 0"},
		{"-days 1", "-days is 1: want 2 or more"},
		{"-days x", `invalid value "x" for flag -days`},
		{"-strategy momentum -top 9", "the best 9 of 5 symbols are asked for"},
		{"-weights MTUM", `"MTUM" is not of the form SYMBOL=0.5`},
		{"-weights MTUM=0.5", "the weights sum to 0.5, want 0.99 to 1.01"},
		{"-weights MTUM=0.5,GOLD=0.5", "testdata/factors.csv.gz: line 1: there is no column GOLD: there are [MTUM QUAL SIZE USMV VLUE]"},
		{"-weights MTUM=1 -symbols QUAL", "-weights has MTUM, which is not in -symbols"},
		{"-weights MTUM=1 -strategy momentum", "-weights are for -strategy fixed"},
		{"-symbols MTUM,MTUM", "MTUM, which is there twice"},
		{"-symbols MTUM,,", "is empty"},
		{"-flow 5000", "want a day and an amount"},
		{"-flow 2030-01-01=5", "Flows[0] is on 2030-01-01: want a day from 2014-01-02 to 2022-12-28"},
		{"-flow 2016-01-04=-1000000", "2016-01-04: withdrawal of 1000000"},
	} {
		t.Run(c.args, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			text := fails(t, append([]string{"-out", dir}, strings.Fields(c.args)...)...)
			require.Contains(t, text, c.want)
			require.NoDirExists(t, dir)
		})
	}
}

func TestAFaultOnTheWayLeavesTheOldFiles(t *testing.T) {
	dir := t.TempDir()
	run(t, "-out", dir, "-to", "2015-12-31")
	before := files(t, dir)
	require.Contains(t, fails(t, "-out", dir, "-flow", "2019-01-04=-10000000"), "withdrawal")
	require.Equal(t, before, files(t, dir))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	require.ErrorIs(t, backtest(ctx, []string{"-out", dir}, &out, &out), context.Canceled)
	require.Equal(t, before, files(t, dir))
	require.Empty(t, out.String())

	file := filepath.Join(dir, "values.csv")
	require.Contains(t, fails(t, "-out", file), "-out: ")
	require.Equal(t, before, files(t, dir))
}
