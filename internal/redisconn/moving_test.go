package redisconn_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/retry"
)

// TestHalfMovedSlot: while a slot moves, the first key of a script can be on one
// node and what else it reads on the other. That is no time to answer.
func TestHalfMovedSlot(t *testing.T) {
	cluster := redistest.NewCluster(t, redistest.Options{})
	client := redis.NewClusterClient(redisconn.Harden(&redis.UniversalOptions{Addrs: cluster.Addrs()}).Cluster())
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	conn, err := redisconn.New(client)
	require.NoError(t, err)
	look := redisconn.NewScript("look", `return redis.call('GET', '{slot}b')`)
	call := redisconn.Call{Script: look, Keys: []string{"{slot}a"}}
	require.NoError(t, client.Set(t.Context(), "{slot}a", "1", 0).Err())
	require.NoError(t, client.Set(t.Context(), "{slot}b", "killed", 0).Err())
	got, err := conn.Run(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, "killed", got)

	slot := client.ClusterKeySlot(t.Context(), "{slot}a").Val()
	owner, err := client.MasterForKey(t.Context(), "{slot}a")
	require.NoError(t, err)
	var from, to *redistest.Server
	for _, s := range cluster.Nodes {
		if s.Addr == owner.Options().Addr {
			from = s
		} else {
			to = s
		}
	}
	to.Do("cluster", "setslot", slot, "importing", from.Do("cluster", "myid"))
	from.Do("cluster", "setslot", slot, "migrating", to.Do("cluster", "myid"))
	from.Do("migrate", "127.0.0.1", to.Addr[len("127.0.0.1:"):], "{slot}a", 0, 5000)
	got, err = conn.Run(t.Context(), call)
	require.Error(t, err, "it answered %v", got)
	require.Equal(t, retry.Transient, retry.ClassOf(err), "%v", err)

	from.Do("migrate", "127.0.0.1", to.Addr[len("127.0.0.1:"):], "{slot}b", 0, 5000)
	for _, s := range cluster.Nodes {
		s.Do("cluster", "setslot", slot, "node", to.Do("cluster", "myid"))
	}
	got, err = conn.Run(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, "killed", got)
}
