package redisconn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

func TestParse(t *testing.T) {
	for url, want := range map[string]redis.UniversalOptions{
		"redis://h":                         {Addrs: []string{"h:6379"}},
		"redis://h:1/3":                     {Addrs: []string{"h:1"}, DB: 3},
		"redis://ana:p%40ss%2F@[::1]:1":     {Addrs: []string{"[::1]:1"}, Username: "ana", Password: "p@ss/"},
		"redis://[::1]":                     {Addrs: []string{"[::1]:6379"}},
		"redis+cluster://a:1,b":             {Addrs: []string{"a:1", "b:6379"}, IsClusterMode: true},
		"redis+sentinel://:pw@a,b:2/main/1": {Addrs: []string{"a:26379", "b:2"}, MasterName: "main", DB: 1, Password: "pw"},
		"rediss+sentinel://a/main":          {Addrs: []string{"a:26379"}, MasterName: "main"},
		"rediss://u:@h":                     {Addrs: []string{"h:6379"}, Username: "u"},
	} {
		got, err := redisconn.Parse(url)
		require.NoError(t, err, url)
		require.Equal(t, []any{want.Addrs, want.DB, want.Username, want.Password, want.MasterName, want.IsClusterMode},
			[]any{got.Addrs, got.DB, got.Username, got.Password, got.MasterName, got.IsClusterMode}, url)
		require.Equal(t, strings.HasPrefix(url, "rediss"), got.TLSConfig != nil, url)
		require.Equal(t, -1, got.MaxRetries, url)
		require.True(t, got.ContextTimeoutEnabled, url)
	}
}

func TestParseRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"":                             "://",
		"http://h":                     "neither redis nor rediss",
		"redis+ring://h":               "neither cluster nor sentinel",
		"redis://s3cret:s3cret@a,b":    "more than one host",
		"redis://a:s3cret@h/x":         "not a number",
		"redis://a:s3cret@h/-1":        "not a number",
		"redis://a:%zz-s3cret@h":       "percent-encoded",
		"redis+cluster://a:s3cret@h/1": "no databases",
		"redis+sentinel://a:s3cret@h":  "master's name",
		"redis://a:s3cret@":            "host is empty",
	} {
		_, err := redisconn.Parse(url)
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "s3cret", url)
	}
}

// FuzzParse: a password is never in an error.
func FuzzParse(f *testing.F) {
	f.Add("redis://", "h:1/0")
	f.Add("redis+sentinel://", "")
	f.Fuzz(func(t *testing.T, scheme, rest string) {
		if len(scheme) > 30 || strings.Contains(scheme, "hunter2secret") {
			return
		}
		o, err := redisconn.Parse(scheme + "u:hunter2secret%zz@" + rest)
		if err != nil && strings.Contains(err.Error(), "hunter2secret") {
			t.Fatal(err)
		}
		if err == nil && len(o.Addrs) == 0 {
			t.Fatal("no address")
		}
	})
}

func TestHardenKeepsWhatIsSet(t *testing.T) {
	o := &redis.UniversalOptions{ReadTimeout: time.Minute, PoolSize: 3, MaxRetries: 5}
	h := redisconn.Harden(o)
	require.Equal(t, []any{time.Minute, 3, 3, -1}, []any{h.ReadTimeout, h.PoolSize, h.MaxActiveConns, h.MaxRetries})
	require.Equal(t, 5, o.MaxRetries, "it is a copy")
}

func TestNewRefuses(t *testing.T) {
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	_, err := redisconn.New(c)
	require.ErrorContains(t, err, "MaxRetries")
	require.ErrorContains(t, err, "ContextTimeoutEnabled")
	require.NoError(t, c.Close())
	ring := redis.NewRing(&redis.RingOptions{})
	_, err = redisconn.New(ring)
	require.ErrorContains(t, err, "Ring")
	require.NoError(t, ring.Close())
}
