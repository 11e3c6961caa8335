package gatewaysim

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// fuzzVersions are the dialects that the fuzz targets read in.
var fuzzVersions = []int{163, 176, 178, 200, 201, 203, 225}

// FuzzRequest feeds any bytes to the readers of frames and messages and to the
// handlers: a client must not be able to stop the gateway.
func FuzzRequest(f *testing.F) {
	f.Add(1, []byte("3\x001\x000\x00AAPL\x00STK\x00\x00\x00\x00\x00SMART\x00\x00USD\x00\x00\x00\x00\x00BUY\x0010\x00MKT\x00"))
	f.Add(3, []byte("7\x003\x001\x000\x00\x00\x00\x00\x00\x00\x005\x001\x002\x00"))
	f.Add(6, binary.BigEndian.AppendUint32(nil, 203))
	f.Add(6, []byte("\x00\x00\x00\xcb\x08\x01\x12\x04\x12\x02AA\x1a\x03\x2a\x01B"))
	f.Add(0, []byte("20\x001\x00"))
	e := newExchange(Config{
		Accounts: []Account{{ID: "DU1"}}, Logger: slog.New(slog.DiscardHandler),
		Quotes: map[string]Quote{"AAPL": {Bid: decimal.NewFromInt(100), Ask: decimal.NewFromInt(100)}},
		Limits: Limits{MessagesPerSecond: -1, Clients: -1},
	}.withDefaults())
	f.Fuzz(func(_ *testing.T, dialect int, data []byte) {
		version := fuzzVersions[uint(dialect)%uint(len(fuzzVersions))]
		s := e.join(deadConn{})
		defer e.leave(s, nil)
		s.version, s.started, s.client = version, true, 7
		r := bytes.NewReader(appendFrame(nil, data))
		payload, err := readFrame(r)
		if err != nil {
			return
		}
		req, err := decodeRequest(version, payload)
		e.receive(s, req, len(payload), err)
		e.mu.Lock()
		e.ledger, e.orders, e.tasks, e.withheld = nil, nil, nil, nil
		clear(e.byKey)
		e.mu.Unlock()
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			payload, err := readFrame(r)
			if err != nil {
				return
			}
			if !bytes.Contains(data, payload) {
				t.Fatal("a payload that nobody sent")
			}
		}
	})
}

func FuzzGreeting(f *testing.F) {
	f.Add("v100..225 +PACEAPI")
	f.Fuzz(func(t *testing.T, text string) {
		if low, high, err := parseGreeting(text); err == nil && low > high {
			t.Fatal("an empty range")
		}
	})
}

func FuzzHours(f *testing.F) {
	f.Add("20251125:0930-20251125:1600;20251126:CLOSED")
	f.Fuzz(func(t *testing.T, text string) {
		hours, err := parseHours(text, time.UTC)
		for _, h := range hours {
			if err == nil && !h.to.After(h.from) {
				t.Fatal("hours that end before they begin")
			}
		}
	})
}

// deadConn is a connection that goes nowhere.
type deadConn struct{ net.Conn }

func (deadConn) Close() error              { return nil }
func (deadConn) Read([]byte) (int, error)  { return 0, io.EOF }
func (deadConn) Write([]byte) (int, error) { return 0, io.EOF }
