package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// checked runs the program and returns its report.
func checked(t *testing.T, args ...string) (report, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append(args, "-json"), &out, io.Discard)
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())
	require.Len(t, r.Findings, len(checks()))
	return r, err
}

// verdicts are the verdicts by name.
func verdicts(r *report) map[string]verdict {
	m := map[string]verdict{}
	for _, f := range r.Findings {
		m[f.Name] = f.Verdict
	}
	return m
}

func TestAllChecksOnTheSimulator(t *testing.T) {
	for _, version := range []string{"0", "176", "203"} { // the newest, all text, and half of it
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			allPass(t, version)
		})
	}
}

func allPass(t *testing.T, version string) {
	t.Helper()
	r, err := checked(t, "-simulator", "-simulator-version", version, "-trade=fill", "-restart")
	require.NoError(t, err)
	for _, f := range r.Findings {
		switch f.Name {
		case "executions reach back", "orders in the restart minute":
			require.Equal(t, unclear, f.Verdict, "%+v", f)
		default:
			require.Equal(t, pass, f.Verdict, "%+v", f)
		}
	}
	require.True(t, r.Simulated)
	require.NotZero(t, r.ServerVersion)
}

func TestReadsPlaceNothing(t *testing.T) {
	t.Parallel()
	r, err := checked(t, "-simulator")
	require.NoError(t, err)
	by := verdicts(&r)
	require.Equal(t, pass, by["snapshot"])
	for _, name := range []string{"place", "low order id", "buy one lot", nameCleanUp, "order ids after a restart"} {
		require.Equal(t, unclear, by[name], name)
	}
}

func TestTradeWithoutAFill(t *testing.T) {
	t.Parallel()
	r, err := checked(t, "-simulator", "-trade")
	require.NoError(t, err)
	by := verdicts(&r)
	require.Equal(t, pass, by["gone"])
	require.Equal(t, pass, by[nameCleanUp])
	require.Equal(t, unclear, by["buy one lot"])
}

func TestNoGateway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	r, err := checked(t, "-account", "DU1", "-address", l.Addr().String(), "-trade=fill")
	require.ErrorIs(t, err, errFailed)
	require.Equal(t, 1, r.Failed)
	require.Contains(t, r.Findings[0].Detail, "is the gateway running")
	require.Equal(t, unclear, verdicts(&r)["place"])
}

// Orders of both client ids that an earlier run left are cancelled.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-simulator", "-trade"}, io.Discard)
	require.NoError(t, err)
	w, err := newWorld(o, io.Discard)
	require.NoError(t, err)
	defer w.close()
	all := checks()
	for _, c := range all {
		switch c.name {
		case nameConnect, "contract", "price", "place":
			v, detail := w.carryOutOne(t.Context(), &c)
			require.Equal(t, pass, v, detail)
		}
	}
	r, id, err := dialRaw(t.Context(), w.o.address, w.o.client+1)
	require.NoError(t, err)
	w.rawPlace(r, id, w.ref(7))
	require.NoError(t, r.await(t.Context(), 5*time.Second, func(e *event) (bool, error) { return e.kind == "order", nil }))
	r.close()
	left, err := w.leftovers(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 2)
	v, detail := w.carryOutOne(t.Context(), &all[len(all)-1])
	require.Equal(t, pass, v, detail)
	left, err = w.leftovers(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestText(t *testing.T) {
	r := report{Address: "a:1", Account: "DU1", Mode: "paper"}
	r.add(finding{Name: "one", Verdict: pass, Detail: "fine", Means: "not shown"})
	r.add(finding{Name: "second", Verdict: fail, Detail: "broken", Means: "do this"})
	r.add(finding{Name: "third", Open: true, Verdict: pass, Detail: "seen", Means: "so it is"})
	var out bytes.Buffer
	require.NoError(t, r.writeText(&out))
	require.Equal(t, `Gateway a:1, server version 0, account DU1 (paper)

pass             one     fine
fail             second  broken
                           do this
pass           ? third   seen
                           so it is

2 passed, 1 failed, 0 could not tell. ? is a point that only a real gateway settles.
`, out.String())
}

func TestFlags(t *testing.T) {
	for name, row := range map[string]struct {
		args []string
		text string
	}{
		"no account":       {nil, "-account is missing"},
		"a live account":   {[]string{"-account", "U1"}, "-i-know-this-is-live"},
		"live with orders": {[]string{"-account", "U1", "-trade"}, "-i-know-this-is-live"},
		"an odd level":     {[]string{"-account", "DU1", "-trade=all"}, "-trade=fill"},
		"a detached level": {[]string{"-account", "DU1", "-trade", "fill"}, "-trade=fill"},
		"an odd symbol":    {[]string{"-account", "DU1", "-symbol", "A B"}, "-symbol"},
		"too near":         {[]string{"-account", "DU1", "-away", "0.01"}, "-away"},
		"no number":        {[]string{"-account", "DU1", "-away", "x"}, "-away"},
		"client id 0":      {[]string{"-account", "DU1", "-client", "0"}, "-client"},
		"no time":          {[]string{"-account", "DU1", "-timeout", "0s"}, "-timeout"},
		"not simulated":    {[]string{"-account", "DU9", "-simulator"}, "simulated account"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), row.args, io.Discard, io.Discard), row.text)
		})
	}
	o, err := parse([]string{"-account", "U1", "-i-know-this-is-live"}, io.Discard)
	require.NoError(t, err)
	require.EqualValues(t, "live", o.mode())
}

func TestEachCheckHasANameAndAMeaning(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range checks() {
		require.NotEmpty(t, c.name)
		require.NotEmpty(t, c.means, c.name)
		require.False(t, seen[c.name], c.name)
		seen[c.name] = true
	}
}

// checkedWith carries out the checks, without fills, at a gateway with a fault.
func checkedWith(t *testing.T, fault gatewaysim.Fault) *report {
	t.Helper()
	o, err := parse([]string{"-simulator", "-trade", "-timeout", "1500ms"}, io.Discard)
	require.NoError(t, err)
	w, err := newWorld(o, io.Discard)
	require.NoError(t, err)
	defer w.close()
	_, err = w.gateway.Inject(fault)
	require.NoError(t, err)
	return w.carryOut(t.Context(), checks())
}

// The checks see what is wrong with a gateway.
func TestChecksFail(t *testing.T) {
	for check, fault := range map[string]gatewaysim.Fault{
		nameConnect: {Name: gatewaysim.FaultWrongAccounts, Text: "DU7"},
		"what-if":   {Name: gatewaysim.FaultReadOnly},
		"place":     {Name: gatewaysim.FaultRejectOrder, Ref: "", Times: -1},
		"presets":   {Name: gatewaysim.FaultAlterOrder, Price: decimal.NewFromInt(7)},
		"contract":  {Name: gatewaysim.FaultContractAmbiguous, Times: -1},
		"hours":     {Name: gatewaysim.FaultHours, Text: "20200101:CLOSED", Times: -1},
		"cancel":    {Name: gatewaysim.FaultCancelError, Times: 1},
	} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			r := checkedWith(t, fault)
			require.Equal(t, fail, verdicts(r)[check], "%+v", r.Findings)
		})
	}
}

// An order that stays held at an open market is neither acknowledged nor refused.
func TestAHeldOrderIsUnclearUntilItWorks(t *testing.T) {
	for name, c := range map[string]struct {
		fault gatewaysim.Fault
		want  verdict
	}{
		"held for ever":   {gatewaysim.Fault{Name: gatewaysim.FaultHoldOrder}, unclear},
		"held at first":   {gatewaysim.Fault{Name: gatewaysim.FaultHoldOrder, For: gatewaysim.Duration(100 * time.Millisecond)}, pass},
		"not held at all": {gatewaysim.Fault{Name: gatewaysim.FaultNeverFill}, pass},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := checkedWith(t, c.fault)
			require.Equal(t, c.want, verdicts(r)["place"], "%+v", r.Findings)
		})
	}
}
