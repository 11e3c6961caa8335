package gatewaysim_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker/ibkr/gatewaysim"
)

// raw is a client made of bytes.
type raw struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, g *gatewaysim.Gateway) raw {
	t.Helper()
	conn, err := net.Dial("tcp", g.Addr())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	t.Cleanup(func() { _ = conn.Close() })
	return raw{t, conn}
}

func frame(payload string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(payload)))) + payload
}

func fields(all ...string) string { return strings.Join(all, "\x00") + "\x00" }

func (r raw) send(text string) {
	r.t.Helper()
	_, err := io.WriteString(r, text)
	require.NoError(r.t, err)
}

func (r raw) next() []string {
	r.t.Helper()
	var head [4]byte
	_, err := io.ReadFull(r, head[:])
	require.NoError(r.t, err)
	payload := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err = io.ReadFull(r, payload)
	require.NoError(r.t, err)
	return strings.Split(strings.TrimSuffix(string(payload), "\x00"), "\x00")
}

func (r raw) ends() {
	r.t.Helper()
	_, err := io.Copy(io.Discard, r)
	if err != nil {
		require.ErrorContains(r.t, err, "reset")
	}
}

func TestVersionIsNegotiated(t *testing.T) {
	for _, row := range []struct {
		server int
		greet  string
		want   string
	}{
		{225, "v100..178", "178"},
		{176, "v100..225", "176"},
		{225, "v100..225 +PACEAPI", "225"},
		{200, "v200..201", "200"},
		{225, "v176", "176"},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			g := start(t, config(row.server))
			r := dialRaw(t, g)
			r.send("API\x00" + frame(row.greet))
			require.Equal(t, row.want, r.next()[0])
		})
	}
	for _, greet := range []string{"v100..150", "v201..225", "hello", "", "v9..x"} {
		t.Run("not "+greet, func(t *testing.T) {
			g := start(t, config(200))
			r := dialRaw(t, g)
			r.send("API\x00" + frame(greet))
			r.ends()
		})
	}
}

// refusedStart connects in text with a client id that the gateway refuses, and
// returns the code of the error. It needs no ibapi, which may lose the last
// message before the end.
func refusedStart(t *testing.T, g *gatewaysim.Gateway, id string) string {
	t.Helper()
	r := dialRaw(t, g)
	r.send("API\x00" + frame("v100..178"))
	r.next()
	r.send(frame(fields("71", "2", id, "")))
	refused := r.next()
	require.Equal(t, []string{"4", "2", "-1"}, refused[:3])
	r.ends()
	return refused[3]
}

func TestUnhandshakenBytesAreNoted(t *testing.T) {
	g := start(t, config(176))
	r := dialRaw(t, g)
	r.send("\x00\x00\x00\x0561\x001\x00")
	r.ends()
	require.Len(t, g.Ledger(gatewaysim.KindUnhandshaken), 1)
}

func TestHostileBytes(t *testing.T) {
	for _, text := range []string{
		frame(fields("3", "1")), frame("3"), frame(fields("x")), frame(fields("61", "1")), frame("\xff\xff\xff\xff"), frame(fields("999", "1")),
		frame(fields("7", "3", "1", "0", "", "", "", "", "", "", "5", "1000000")), "\xff\xff\xff\xff", "\x00\x00\x00\x00", frame(fields("62", "1", "99999999999999999999")),
	} {
		g := start(t, config(200))
		r := dialRaw(t, g)
		r.send("API\x00" + frame("v100..200"))
		r.next()
		r.send(frame(fields("71", "2", "7", "")))
		require.Equal(t, "15", r.next()[0])
		r.send(text)
		_ = r.Close()
		connect(t, g, 8)
	}
}

func TestMessagesBeforeStartAreNotAnswered(t *testing.T) {
	g := start(t, config(176))
	r := dialRaw(t, g)
	r.send("API\x00" + frame("v100..176"))
	r.next()
	r.send(frame(fields("61", "1")) + frame(fields("71", "2", "7", "")))
	require.Equal(t, []string{"15", "1", "DU1,DU2"}, r.next())
}

func TestTooManyMessages(t *testing.T) {
	cfg := config(176)
	cfg.Limits.MessagesPerSecond = 5
	g := start(t, cfg)
	r := dialRaw(t, g)
	r.send("API\x00" + frame("v100..176"))
	r.next()
	r.send(frame(fields("71", "2", "7", "")))
	r.send(strings.Repeat(frame(fields("8", "1", "1")), 30))
	violations := 0
	for violations < 3 {
		if got := r.next(); got[0] == "4" && got[3] == "100" {
			violations++
			require.Contains(t, got[4], fmt.Sprintf("(%d)", violations))
		}
	}
	r.ends()
}

func TestTooManyClients(t *testing.T) {
	cfg := config(225)
	cfg.Limits.Clients = 1
	g := start(t, cfg)
	connect(t, g, 7)
	r := dialRaw(t, g)
	r.ends()
}

func TestConfigIsChecked(t *testing.T) {
	_, err := gatewaysim.Start(gatewaysim.Config{ServerVersion: 7, TimeZone: "Moon", Fill: gatewaysim.FillModel{Mode: "never"}, Contracts: []gatewaysim.Contract{{}}})
	for _, want := range []string{"Accounts is empty", "ServerVersion 7", "TimeZone", "Fill.Mode", "Contracts[0]"} {
		require.ErrorContains(t, err, want)
	}
}

func TestCloseEndsSilentClients(t *testing.T) {
	g, err := gatewaysim.Start(config(176))
	require.NoError(t, err)
	r := dialRaw(t, g)
	r.send("API\x00")
	require.NoError(t, g.Close())
	r.ends()
	require.NoError(t, g.Close())
}
