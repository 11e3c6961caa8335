package redisconn_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/retry"
)

// names returns what was found.
func names(findings []*redisconn.Finding) []string {
	found := []string{}
	for _, f := range findings {
		found = append(found, f.Name)
	}
	return found
}

func TestCheck(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	c := connect(t, to(server.Addr))
	check := func() ([]string, error) {
		warnings, err := c.Check(t.Context(), "k", nil)
		return names(warnings), err
	}
	found, err := check()
	require.NoError(t, err)
	require.Empty(t, found, "it is as it should be")

	server.Set("appendonly", "no")
	server.Set("save", "")
	server.Set("maxmemory-policy", "volatile-lru")
	found, err = check()
	require.NoError(t, err)
	require.Equal(t, []string{"eviction", "persistence"}, found)

	server.Set("maxmemory", "100mb")
	server.Set("maxmemory-policy", "allkeys-lru")
	_, err = check()
	require.ErrorContains(t, err, "noeviction")
	require.Equal(t, retry.Permanent, retry.ClassOf(err))
	server.Set("maxmemory-policy", "noeviction")

	server.FollowNobody()
	_, err = check()
	require.ErrorContains(t, err, "replica")
	_, err = run(t, c, 1)
	require.ErrorIs(t, err, redisconn.ErrReadOnly)
	server.Promote()

	server.Do("ACL", "SETUSER", "ana", "on", ">s3cret", "~*", "&*", "+@all", "-config")
	o := to(server.Addr)
	o.Username, o.Password = "ana", "s3cret"
	ana := connect(t, o)
	warnings, err := ana.Check(t.Context(), "k", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"persistence"}, names(warnings))
	require.ErrorContains(t, warnings[0], "CONFIG is forbidden")
	server.Do("ACL", "SETUSER", "ana", "-info")
	warnings, err = ana.Check(t.Context(), "k", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"access"}, names(warnings))
	change, err := ana.Watch("k").Check(t.Context())
	require.NoError(t, err)
	require.Nil(t, change)
}

// TestCheckFsync: a server that cannot wait for its disk is refused if that is
// asked for.
func TestCheckFsync(t *testing.T) {
	server := redistest.Start(t, redistest.Options{Config: map[string]string{"appendonly": "no"}})
	c := connect(t, to(server.Addr))
	_, err := c.Check(t.Context(), "k", &redisconn.Barrier{Replicas: 1})
	require.NoError(t, err)
	_, err = c.Check(t.Context(), "k", &redisconn.Barrier{Fsync: true})
	require.ErrorContains(t, err, "redis: check: fsync: redis 7.2 with an append-only file is needed for Fsync")
	require.ErrorContains(t, err, "no append-only file: set appendonly yes")
	require.Equal(t, retry.Permanent, retry.ClassOf(err))

	for _, c := range []struct{ version, appendOnly, want string }{
		{"7.2.0", "1", ""},
		{"7.10.1", "1", ""},
		{"8.0.0", "1", ""},
		{"", "", ""},
		{"unstable", "1", ""},
		{"7.0.15", "1", "redis 7.0.15"},
		{"6.2.14", "", "redis 6.2.14"},
		{"7.2.4", "0", "appendonly yes"},
	} {
		err := redisconn.FsyncFault(c.version, c.appendOnly)
		if c.want == "" {
			require.NoError(t, err, "%+v", c)
			continue
		}
		require.ErrorContains(t, err, c.want)
	}
}

func TestWatch(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	c := connect(t, to(server.Addr))
	w := c.Watch("k")
	for range 2 {
		change, err := w.Check(t.Context())
		require.NoError(t, err)
		require.Nil(t, change)
	}
	server.Restart()
	var change *redisconn.Change
	err := redisconn.Backoff().Do(t.Context(), func(ctx context.Context) (err error) { change, err = w.Check(ctx); return err })
	require.NoError(t, err)
	require.NotNil(t, change)
	require.NotEqual(t, change.Was, change.Is)
	require.Equal(t, uint64(1), w.Changes())
}

// TestAnswers: what real servers answer is understood.
func TestAnswers(t *testing.T) {
	mini := redistest.Mini(t)
	mini.RequireAuth("s3cret")
	server := redistest.Start(t, redistest.Options{})
	server.Do("ACL", "SETUSER", "ana", "on", ">s3cret", "~*", "+@all")
	for name, c := range map[string]struct {
		set  func(o *redis.UniversalOptions)
		want error
	}{
		"no password": {func(o *redis.UniversalOptions) { o.Password = "" }, redisconn.ErrAuth},
		"wrong password": {func(o *redis.UniversalOptions) {
			o.Addrs, o.Username, o.Password = []string{server.Addr}, "ana", "hunter2"
		}, redisconn.ErrAuth},
		"no database":  {func(o *redis.UniversalOptions) { o.Addrs, o.Password, o.DB = []string{server.Addr}, "", 999 }, redisconn.ErrNoDatabase},
		"nobody there": {func(o *redis.UniversalOptions) { o.Addrs = []string{"127.0.0.1:1"} }, redisconn.ErrConnection},
	} {
		o := to(mini.Addr())
		o.Password = "s3cret"
		c.set(&o)
		conn := connect(t, o)
		_, err := run(t, conn, 1)
		require.ErrorIs(t, err, c.want, name)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "s3cret")
		require.Equal(t, errors.Is(c.want, redisconn.ErrConnection), retry.ClassOf(err) == retry.Transient, name)
	}
}

// answer is one of a server.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestTranslate(t *testing.T) {
	for text, want := range map[string]struct {
		kind  error
		class retry.Class
	}{
		"OOM command not allowed when used memory > 'maxmemory'.":                                           {redisconn.ErrOutOfMemory, retry.Transient},
		"ERR Error running script (call to f_1): @user_script:5: @user_script: 5: -OOM command not allowed": {redisconn.ErrOutOfMemory, retry.Transient},
		"READONLY You can't write against a read only replica.":                                             {redisconn.ErrReadOnly, retry.Transient},
		"LOADING Redis is loading the dataset in memory":                                                    {redisconn.ErrUnavailable, retry.Transient},
		"MASTERDOWN Link with MASTER is down":                                                               {redisconn.ErrUnavailable, retry.Transient},
		"CLUSTERDOWN Hash slot not served":                                                                  {redisconn.ErrUnavailable, retry.Transient},
		"TRYAGAIN Multiple keys request during rehashing of slot":                                           {redisconn.ErrUnavailable, retry.Transient},
		"MISCONF Redis is configured to save RDB snapshots":                                                 {redisconn.ErrUnavailable, retry.Transient},
		"NOREPLICAS Not enough good replicas to write.":                                                     {redisconn.ErrUnavailable, retry.Transient},
		"BUSY Redis is busy running a script.":                                                              {redisconn.ErrUnavailable, retry.Transient},
		"ERR max number of clients reached":                                                                 {redisconn.ErrUnavailable, retry.Transient},
		"NOAUTH Authentication required.":                                                                   {redisconn.ErrAuth, retry.Permanent},
		"WRONGPASS invalid username-password pair":                                                          {redisconn.ErrAuth, retry.Permanent},
		"NOPERM User ana has no permissions to run the 'evalsha' command":                                   {redisconn.ErrAuth, retry.Permanent},
		"WRONGTYPE Operation against a key holding the wrong kind of value":                                 {redisconn.ErrWrongType, retry.Permanent},
		"ERR user_script:3: WRONGTYPE Operation against a key":                                              {redisconn.ErrWrongType, retry.Permanent},
		"ERR DB index is out of range":                                                                      {redisconn.ErrNoDatabase, retry.Permanent},
		"MOVED 1 127.0.0.1:1":                                                                               {redisconn.ErrTopology, retry.Permanent},
		"CROSSSLOT Keys in request don't hash to the same slot":                                             {redisconn.ErrTopology, retry.Permanent},
		"ERR user_script:1: attempt to index a nil value":                                                   {redisconn.ErrRefused, retry.Permanent},
		"NEWCODE nobody knows it yet":                                                                       {redisconn.ErrRefused, retry.Transient},
	} {
		err := redisconn.Translate(t.Context(), "op", answer(text))
		require.ErrorIs(t, err, want.kind, text)
		require.Equal(t, want.class, retry.ClassOf(err), text)
		require.Equal(t, err, redisconn.Translate(t.Context(), "again", err), "once is enough")
	}
	require.NoError(t, redisconn.Translate(t.Context(), "op", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, redisconn.Translate(ctx, "op", context.Canceled), context.Canceled)
}
