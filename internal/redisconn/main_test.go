package redisconn_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
	"github.com/evenkeel/evenkeel/internal/redisconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect connects to a server for the test.
func connect(t testing.TB, o redis.UniversalOptions) *redisconn.Conn {
	t.Helper()
	c := redisconn.Open(&o)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func to(addrs ...string) redis.UniversalOptions { return redis.UniversalOptions{Addrs: addrs} }

// behind connects through a proxy.
func behind(t testing.TB, target string) (*redisconn.Conn, *faultproxy.Proxy) {
	t.Helper()
	proxy, err := faultproxy.New(target)
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	return connect(t, to(proxy.Addr())), proxy
}

var (
	count = redisconn.NewScript("count", `return redis.call('INCRBY', KEYS[1], ARGV[1])`)
	// sum answers each call with its argument, and fails where that is "bad".
	sum = redisconn.NewGroupScript("sum", 1, `
		local out = {}
		for i = 2, #ARGV do
			if ARGV[i] == 'bad' then redis.call('LPUSH', KEYS[1], 'x') end
			out[#out + 1] = {'ok', ARGV[i], tostring(#ARGV - 1)}
		end
		redis.call('INCR', KEYS[1] .. ':executions')
		return out`)
)

func run(t testing.TB, c *redisconn.Conn, args ...any) (any, error) {
	t.Helper()
	return c.Run(t.Context(), redisconn.Call{Script: count, Keys: []string{"{k}n"}, Args: args})
}
