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

	move := cluster.BeginMove("{slot}a")
	move.Take("{slot}a")
	got, err = conn.Run(t.Context(), call)
	require.Error(t, err, "it answered %v", got)
	require.Equal(t, retry.Transient, retry.ClassOf(err), "%v", err)

	move.End()
	got, err = conn.Run(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, "killed", got)
}
