package httpsource_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/httpsource"
	"github.com/evenkeel/evenkeel/retry"
)

func TestStatuses(t *testing.T) {
	in := func(d time.Duration) time.Time { return noon.Add(d) }
	for _, c := range []struct {
		status int
		after  string
		kind   allocation.Kind
		until  time.Time
		want   string
	}{
		{408, "", allocation.KindTransient, time.Time{}, "request timeout (code 408)"},
		{425, "", allocation.KindTransient, time.Time{}, "(code 425)"},
		{429, "20", allocation.KindTransient, in(20 * time.Second), "too many requests"},
		{429, "300", allocation.KindTransient, in(5 * time.Minute), ""},
		{429, "301", allocation.KindWait, in(301 * time.Second), ""},
		{429, noon.Add(time.Minute).Format(http.TimeFormat), allocation.KindTransient, in(time.Minute), ""},
		{503, noon.Add(time.Hour).Format(http.TimeFormat), allocation.KindWait, in(time.Hour), ""},
		{503, noon.Add(-time.Hour).Format(http.TimeFormat), allocation.KindTransient, time.Time{}, ""},
		{503, "99999999999999999999", allocation.KindTransient, time.Time{}, ""},
		{503, "9999999999999", allocation.KindWait, in(24 * time.Hour), ""},
		{503, noon.AddDate(50, 0, 0).Format(http.TimeFormat), allocation.KindWait, in(24 * time.Hour), ""},
		{503, "-5", allocation.KindTransient, time.Time{}, ""},
		{503, "soon", allocation.KindTransient, time.Time{}, ""},
		{503, "0", allocation.KindTransient, time.Time{}, ""},
		{500, "", allocation.KindTransient, time.Time{}, "internal server error"},
		{502, "", allocation.KindTransient, time.Time{}, ""},
		{504, "", allocation.KindTransient, time.Time{}, ""},
		{599, "", allocation.KindTransient, time.Time{}, "status 599"},
		{400, "9", allocation.KindPermanent, time.Time{}, "bad request"},
		{401, "", allocation.KindPermanent, time.Time{}, "check APIKey"},
		{403, "", allocation.KindPermanent, time.Time{}, "check APIKey"},
		{404, "", allocation.KindPermanent, time.Time{}, "unknown strategy"},
		{422, "", allocation.KindPermanent, time.Time{}, ""},
		{204, "", allocation.KindPermanent, time.Time{}, "invalid allocation"},
		{304, "", allocation.KindPermanent, time.Time{}, ""},
	} {
		t.Run(fmt.Sprintf("%d %s", c.status, c.after), func(t *testing.T) {
			var calls atomic.Int64
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, answer(one))
			})
			a, err := ask(t, s)
			require.Zero(t, a)
			var e *allocation.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.kind, e.Kind)
			require.Equal(t, strconv.Itoa(c.status), e.Code)
			require.Equal(t, "core", e.Strategy)
			require.EqualValues(t, "U1", e.Account)
			require.True(t, c.until.Equal(retry.At(err)), "%s", retry.At(err))
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.status == 404, errors.Is(err, allocation.ErrUnknownStrategy))
			require.Equal(t, c.status == 204, errors.Is(err, allocation.ErrInvalid))
			require.EqualValues(t, 1, calls.Load(), "retries are not the source's business")
		})
	}
}

// drip writes endlessly, a little at a time, until the client goes away.
func drip(w http.ResponseWriter, r *http.Request, piece string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		io.WriteString(w, piece)
		w.(http.Flusher).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

func TestSlowBodyEndsAtTheTimeout(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { drip(w, r, " ") },
		func(c *httpsource.Config) { c.Timeout = 100 * time.Millisecond })
	start := time.Now()
	_, err := ask(t, s)
	require.Less(t, time.Since(start), 5*time.Second)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no whole answer within 100ms")
	require.Equal(t, retry.Transient, retry.ClassOf(err))
	var e *allocation.Error
	require.ErrorAs(t, err, &e)
}

func TestSilentServerEndsAtTheTimeout(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		func(c *httpsource.Config) { c.Timeout = 50 * time.Millisecond })
	_, err := ask(t, s)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, retry.Transient, retry.ClassOf(err))
}

// Both requests for a body that is not JSON have one timeout together.
func TestSecondRequestHasNoTimeoutOfItsOwn(t *testing.T) {
	var calls atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 {
			<-r.Context().Done()
			return
		}
		io.WriteString(w, "<html>")
	}, func(c *httpsource.Config) { c.Timeout = 200 * time.Millisecond })
	_, err := ask(t, s)
	require.ErrorContains(t, err, "no whole answer within 200ms")
	require.Equal(t, retry.Transient, retry.ClassOf(err))
	require.EqualValues(t, 2, calls.Load())
}

func TestCallerGivesUpDuringTheBody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(20*time.Millisecond, cancel)
		drip(w, r, " ")
	})
	_, err := s.Allocation(ctx, allocation.Query{Strategy: "core"})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, retry.Cancelled, retry.ClassOf(err))
}

func TestHugeBodyIsNotReadToItsEnd(t *testing.T) {
	var written atomic.Int64
	_, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		piece := strings.Repeat(" ", 1<<16)
		for {
			n, err := io.WriteString(w, piece)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	require.ErrorContains(t, err, "more than 1048576 bytes")
	require.Equal(t, retry.Permanent, retry.ClassOf(err))
	require.Less(t, written.Load(), int64(100<<20))
}

func TestGzipBomb(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 40 {
		_, err := z.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.Less(t, packed.Len(), 1<<20)
	_, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}))
	require.ErrorIs(t, err, allocation.ErrInvalid)
	require.ErrorContains(t, err, "more than 1048576 bytes")
}

func TestEncodings(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(answer(one)))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for encoding, ok := range map[string]bool{"gzip": true, "br": false, "zstd, gzip": false} {
		_, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			w.Write(packed.Bytes())
		}))
		if ok {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, allocation.ErrInvalid)
		require.ErrorContains(t, err, "content encoding")
	}
}

func TestConnectionFaultsAreTransient(t *testing.T) {
	hijack := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, buffer, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			buffer.WriteString(text)
			buffer.Flush()
			conn.Close()
		}
	}
	for name, text := range map[string]string{
		"closed without an answer": "",
		"not HTTP":                 "SSH-2.0-x\r\n\r\n",
		"cut off in the headers":   "HTTP/1.1 200 OK\r\nContent-Le",
		"cut off in the body":      "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + answer(one),
		"cut off in a chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			a, err := ask(t, serve(t, hijack(text)))
			require.Error(t, err)
			require.Zero(t, a)
			require.Equal(t, retry.Transient, retry.ClassOf(err))
			require.NotErrorIs(t, err, allocation.ErrInvalid)
			require.NotContains(t, err.Error(), "127.0.0.1:", "no address in the text: %s", err)
		})
	}
	server := httptest.NewServer(nil)
	server.Close()
	s, err := httpsource.New(httpsource.Config{BaseURL: server.URL})
	require.NoError(t, err)
	_, err = ask(t, s)
	require.ErrorContains(t, err, "refused")
	require.Equal(t, retry.Transient, retry.ClassOf(err))
}
