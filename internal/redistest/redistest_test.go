package redistest_test

import (
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServerKeepsDataOverKill(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Config: map[string]string{"maxclients": "100"}})
	require.Equal(t, "OK", s.Do("set", "a", "1"))
	s.Kill()
	s.Restart()
	require.Equal(t, "1", s.Do("get", "a"))
	s.Restart()
	require.Equal(t, "1", s.Do("get", "a"))
	require.Contains(t, s.Do("config", "get", "maxclients"), any("maxclients"))
}

func TestServerPauses(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, ReadTimeout: 50 * time.Millisecond})
	defer c.Close()
	require.NoError(t, c.Ping(t.Context()).Err())
	s.Pause()
	require.Error(t, c.Ping(t.Context()).Err())
	s.Continue()
	require.NoError(t, c.Ping(t.Context()).Err())
}

func TestServerRefusesWrites(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	c := s.Client()
	defer c.Close()
	s.FillUp()
	require.ErrorContains(t, c.Set(t.Context(), "a", "1", 0).Err(), "OOM")
	s.Set("maxmemory", "0")
	require.NoError(t, c.Set(t.Context(), "a", "1", 0).Err())
	s.FollowNobody()
	require.ErrorContains(t, c.Set(t.Context(), "a", "1", 0).Err(), "READONLY")
	s.Promote()
	require.NoError(t, c.Set(t.Context(), "a", "1", 0).Err())
}

func TestSingleHasItsOwnPrefix(t *testing.T) {
	a, b := redistest.Single(t, redistest.Options{}), redistest.Single(t, redistest.Options{})
	require.NotEqual(t, a.Prefix, b.Prefix)
	require.Equal(t, "OK", a.Do("set", a.Prefix+":x", "1"))
	if os.Getenv("REDIS_ADDR") == "" {
		require.NotEqual(t, a.Addr, b.Addr)
	}
}

func TestClusterServes(t *testing.T) {
	c := redistest.NewCluster(t, redistest.Options{})
	client := c.Client()
	defer client.Close()
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		require.NoError(t, client.Set(t.Context(), key, "1", 0).Err())
	}
}

func TestSentinelFailsOver(t *testing.T) {
	s := redistest.NewSentinel(t, redistest.Options{})
	client := s.Client()
	defer client.Close()
	require.NoError(t, client.Set(t.Context(), "a", "1", 0).Err())
	s.AwaitReplica()
	s.Master.Kill()
	s.AwaitFailover()
	require.Eventually(t, func() bool { return client.Set(t.Context(), "b", "1", 0).Err() == nil }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, "1", client.Get(t.Context(), "a").Val())
}

func TestMini(t *testing.T) {
	m := redistest.Mini(t)
	c := redis.NewClient(&redis.Options{Addr: m.Addr()})
	defer c.Close()
	require.NoError(t, c.Ping(t.Context()).Err())
}
