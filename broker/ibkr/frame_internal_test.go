package ibkr

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scmhub/ibapi/protobuf"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// framed puts a length in front of a payload.
func framed(payload string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// orderFrame is an order in the protobuf dialect.
func orderFrame(id int32, ref string, preview bool) []byte {
	body, err := proto.Marshal(&protobuf.PlaceOrderRequest{
		OrderId: proto.Int32(id), Order: &protobuf.Order{OrderRef: proto.String(ref), WhatIf: proto.Bool(preview)},
	})
	if err != nil {
		panic(err)
	}
	return framed(string(binary.BigEndian.AppendUint32(nil, msgPlaceOrder+protobufIDs)) + string(body))
}

func TestReadFrame(t *testing.T) {
	two := append(framed("one"), framed("two")...)
	r := bytes.NewReader(two)
	for _, want := range []string{"one", "two"} {
		frame, err := readFrame(r, 100)
		require.NoError(t, err)
		require.Equal(t, want, string(frame[4:]))
	}
	for name, input := range map[string]string{
		"nothing":        "",
		"half a length":  "\x00\x00",
		"no payload":     "\x00\x00\x00\x05",
		"a short one":    "\x00\x00\x00\x05abc",
		"an empty one":   "\x00\x00\x00\x00",
		"too long":       "\x00\x00\x00\x65" + strings.Repeat("x", 101),
		"another server": "HTTP/1.1 400 Bad Request\r\n",
		"negative":       "\xff\xff\xff\xff",
	} {
		_, err := readFrame(strings.NewReader(input), 100)
		require.Error(t, err, name)
	}
}

func TestParseWelcome(t *testing.T) {
	v, err := parseWelcome(framed("176\x0020251125 10:00:00 EST\x00"))
	require.NoError(t, err)
	require.Equal(t, 176, v)
	for _, s := range []string{"", "176", "x\x00y\x00", "-1\x00time\x00", "SSH-2.0-OpenSSH"} {
		_, err := parseWelcome(framed(s))
		require.ErrorContains(t, err, "no gateway", "%q", s)
	}
}

func TestCheckOrderFrame(t *testing.T) {
	text := orderText(176, "42", "ek1.A.1.0.1", "0")
	require.NoError(t, checkOrderFrame(176, text, 42, "ek1.A.1.0.1", false))
	require.NoError(t, checkOrderFrame(177, orderText(177, "42", "r", "1"), 42, "r", true))
	require.Error(t, checkOrderFrame(176, text, 42, "ek1.A.1.0.1", true), "a live order in place of a preview")
	require.Error(t, checkOrderFrame(176, orderText(176, "42", "r", "1"), 42, "r", false))
	require.Error(t, checkOrderFrame(176, framed("3\x0042\x00r\x00"), 42, "r", false), "cut off")
	require.Error(t, checkOrderFrame(176, text, 43, "ek1.A.1.0.1", false), "another id")
	require.Error(t, checkOrderFrame(176, text, 42, "ek1.A.1.0.2", false), "another reference")
	require.Error(t, checkOrderFrame(176, framed("4\x0042\x00"), 42, "", false), "another message")

	require.NoError(t, checkOrderFrame(222, orderFrame(42, "ref", false), 42, "ref", false))
	require.NoError(t, checkOrderFrame(222, orderFrame(42, "ref", true), 42, "ref", true))
	require.Error(t, checkOrderFrame(222, orderFrame(42, "ref", false), 42, "ref", true), "a live order in place of a preview")
	require.Error(t, checkOrderFrame(222, orderFrame(42, "ref", true), 42, "ref", false))
	require.Error(t, checkOrderFrame(222, orderFrame(41, "ref", false), 42, "ref", false))
	require.Error(t, checkOrderFrame(222, orderFrame(42, "other", false), 42, "ref", false))
	empty := framed(string(binary.BigEndian.AppendUint32(nil, msgPlaceOrder+protobufIDs)))
	require.Error(t, checkOrderFrame(222, empty, 42, "ref", false), "an order that could not be encoded")
}

// orderText is an order as the text dialect writes it.
func orderText(version int, id, ref, whatIf string) []byte {
	fields := make([]string, 110)
	fields[0], fields[1+fieldOrderID], fields[1+fieldOrderRef] = "3", id, ref
	flag := 1 + fieldWhatIf
	if version < oneFieldLessAt {
		flag++
	}
	fields[flag] = whatIf
	return framed(strings.Join(fields, "\x00") + "\x00")
}

func TestSplitExecID(t *testing.T) {
	for id, want := range map[string]struct {
		base     string
		revision int
	}{
		"0000e1a7.65e1df20.01.01": {"0000e1a7.65e1df20.01", 1}, "a.02": {"a", 2}, "a": {"a", 0}, "": {"", 0}, "a.b": {"a.b", 0}, "a.-1": {"a.-1", 0},
	} {
		base, revision := splitExecID(id)
		require.Equal(t, want.base, base, id)
		require.Equal(t, want.revision, revision, id)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(176, orderText(176, "42", "ref", "0"))
	f.Add(222, orderFrame(42, "ref", false))
	f.Add(222, []byte("HTTP/1.1"))
	f.Add(201, framed("49"))
	f.Fuzz(func(t *testing.T, version int, data []byte) {
		frame, err := readFrame(bytes.NewReader(data), 1<<16)
		if err != nil {
			return
		}
		require.Equal(t, int(binary.BigEndian.Uint32(frame)), len(frame)-4)
		if id, _, body, err := frameID(version, frame); err == nil {
			require.LessOrEqual(t, len(body), len(frame))
			require.LessOrEqual(t, id, 1<<31)
		}
		_, _ = parseWelcome(frame)
		if checkOrderFrame(version, frame, 42, "ref", false) == nil {
			require.True(t, bytes.Contains(frame, []byte("ref")))
		}
	})
}

// A reference comes back from the gateway as it pleases; nothing of it may
// confuse the book.
func FuzzOrderReference(f *testing.F) {
	f.Add("ek1.ABCDEFGHIJ.1.0.1", "DU1", int64(900), int64(5))
	f.Add("", "", int64(0), int64(0))
	f.Fuzz(func(t *testing.T, ref, account string, perm, local int64) {
		b, e := sent("ours", 5)
		r := report(ref, local, perm, "Submitted")
		r.account = account
		b.open(r)
		b.execution(&executionReport{id: ref + ".01", ref: ref, account: account, perm: perm, order: local, client: us, side: "BUY", quantity: num("1"), price: num("1")})
		b.status(&statusReport{order: local, client: us, perm: perm, status: "Filled"})
		if account != "DU1" {
			require.Empty(t, e.fills, "a fill of account %q was booked on ours", account)
		}
	})
}
