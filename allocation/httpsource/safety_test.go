package httpsource_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/httpsource"
	"github.com/evenkeel/evenkeel/retry"
)

func TestRedirects(t *testing.T) {
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		leaked.Store(true)
		io.WriteString(w, answer(one))
	}))
	defer other.Close()
	for name, c := range map[string]struct {
		to   string
		want string
	}{
		"another host":     {other.URL + "/?" + key, "redirect refused: to " + other.URL + ": if that is right, set BaseURL to it"},
		"another scheme":   {"https://{host}/", "redirect refused: to https://"},
		"round and round":  {"/v1/core/allocations", "more than 3"},
		"the same server":  {"/elsewhere", ""},
		"no way to follow": {"ftp://example.com", "redirect refused"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					if r.Header.Get("X-API-Key") != key {
						t.Error("no key on the same server")
					}
					io.WriteString(w, answer(one))
					return
				}
				w.Header().Set("Location", strings.Replace(c.to, "{host}", r.Host, 1))
				w.WriteHeader(http.StatusFound)
			})
			_, err := ask(t, s)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Equal(t, retry.Permanent, retry.ClassOf(err))
			require.NotContains(t, err.Error(), key)
		})
	}
	require.False(t, leaked.Load(), "the key went to another host")
}

// Whatever a server or a transport does with the key, no error shows it.
func TestKeyIsInNoError(t *testing.T) {
	for name, body := range map[string]string{
		"as text":   key,
		"as key":    `{"` + key + `":1,"` + key + `":2}`,
		"as status": `{"status":"` + key + `"}`,
		"as symbol": answer(`{"symbol":"` + key + ` x","allocation":1}`),
		"as weight": answer(`{"symbol":"A","allocation":"` + key + `"}`),
		"as date":   strings.Replace(answer(one), "2026-03-01", key, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, serve(t, says(body)))
			requireNoKey(t, err)
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.Equal(t, retry.Permanent, retry.ClassOf(err))
		})
	}
	t.Run("in a transport's error", func(t *testing.T) {
		s := serve(t, nil, func(c *httpsource.Config) {
			c.Client = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("sent %v: %w", r.Header, context.DeadlineExceeded)
			})}
		})
		_, err := ask(t, s)
		requireNoKey(t, err)
		require.ErrorContains(t, err, "[secret]")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, retry.Transient, retry.ClassOf(err))
	})
}

// requireNoKey looks for the key in an error and in everything inside it.
func requireNoKey(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotContains(t, strings.ToLower(fmt.Sprintf("%v %+v %#v", err, err, err)), strings.ToLower(key))
	switch e := any(err).(type) { // the whole tree, not the first match
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			requireNoKey(t, inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			requireNoKey(t, inner)
		}
	}
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClientIsCopied(t *testing.T) {
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(answer(one)))}, nil
	})}
	s, err := httpsource.New(httpsource.Config{BaseURL: "https://api.example.com", Client: client, Now: func() time.Time { return noon }})
	require.NoError(t, err)
	_, err = ask(t, s)
	require.NoError(t, err)
	require.Nil(t, client.CheckRedirect)
	require.NoError(t, s.Close())
}

func TestStrategiesThatAreNoSegment(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, name := range []string{"", ".", ".."} {
		_, err := s.Allocation(t.Context(), allocation.Query{Strategy: name})
		require.ErrorIs(t, err, allocation.ErrUnknownStrategy)
		require.Equal(t, retry.Permanent, retry.ClassOf(err))
	}
}
