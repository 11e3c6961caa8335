package redisconn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/retry"
)

// TestWrongPlace: each wrong address, password or database is one clear error that
// says what to do, and nothing hangs.
func TestWrongPlace(t *testing.T) {
	t.Parallel()
	open := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	locked := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	locked.Do("CONFIG", "SET", "requirepass", "secret")
	sentinel := redistest.NewSentinel(t, redistest.Options{AppendFsync: "no"}).Addr
	for url, c := range map[string]struct {
		is   error // nil: a finding
		want string
	}{
		"rediss://" + open.Addr:                 {redisconn.ErrConnection, "write redis instead of rediss"},
		"rediss+cluster://" + open.Addr:         {redisconn.ErrConnection, "write redis instead of rediss"},
		"rediss+sentinel://" + open.Addr + "/m": {redisconn.ErrConnection, "write redis instead of rediss"},
		"redis+sentinel://" + open.Addr + "/m":  {redisconn.ErrTopology, "not of a sentinel: write redis:// without +sentinel"},
		"redis+cluster://" + open.Addr:          {redisconn.ErrTopology, "no part of a cluster: write redis:// without +cluster"},
		"redis://" + sentinel:                   {nil, "it is a sentinel and keeps no data: write redis+sentinel://"},
		"redis://" + open.Addr + "/99":          {redisconn.ErrNoDatabase, "choose a database that the server has"},
		"redis://" + locked.Addr:                {redisconn.ErrAuth, "check user, password and ACL"},
		"redis://:wr0ng@" + locked.Addr:         {redisconn.ErrAuth, "check user, password and ACL"},
		"redis://ana:wr0ng@" + open.Addr:        {redisconn.ErrAuth, "check user, password and ACL"},
		"redis+cluster://:wr0ng@" + locked.Addr: {redisconn.ErrAuth, "check user, password and ACL"},
		"redis://127.0.0.1:1":                   {redisconn.ErrConnection, "connection refused"},
		"redis+sentinel://127.0.0.1:1/m":        {redisconn.ErrConnection, "connection refused"},
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			o, err := redisconn.Parse(url)
			require.NoError(t, err)
			conn := redisconn.Open(o)
			defer func() { require.NoError(t, conn.Close()) }()
			began := time.Now()
			_, err = conn.Check(t.Context(), "k", nil)
			require.Less(t, time.Since(began), 10*time.Second)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "wr0ng")
			if c.is == nil {
				require.Equal(t, retry.Permanent, retry.ClassOf(err))
				return
			}
			require.ErrorIs(t, err, c.is)
			require.Equal(t, c.is == redisconn.ErrConnection, retry.ClassOf(err) == retry.Transient) //nolint:errorlint // the very one
		})
	}
}
