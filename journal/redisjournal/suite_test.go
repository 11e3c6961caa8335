package redisjournal_test

import (
	"crypto/rand"
	"flag"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/journaltest"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// TestMain lets many tests run at once, whatever the machine: they mostly wait.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "12")
	goleak.VerifyTestMain(m)
}

// unique returns a prefix that no other case has.
func unique() string { return "t" + rand.Text()[:10] }

// harness makes journals by clients of which each case has its own.
func harness(newClient func() redis.UniversalClient) func(t *testing.T) journaltest.Harness {
	return func(t *testing.T) journaltest.Harness {
		opts := redisjournal.Options{Prefix: unique(), KeepRuns: 20}
		open := func() (*redisjournal.Journal, func()) {
			client := newClient()
			j, err := redisjournal.New(client, opts)
			require.NoError(t, err)
			return j, func() {
				require.NoError(t, j.Close())
				require.NoError(t, client.Close())
			}
		}
		j, end := open()
		t.Cleanup(func() { end() })
		return journaltest.Harness{Journal: j, Reopen: func(journaltest.T) journal.Journal {
			end()
			var again *redisjournal.Journal
			again, end = open()
			return again
		}}
	}
}

func TestSuiteOnMiniredis(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	journaltest.Run(t, harness(func() redis.UniversalClient { return clientOf(m.Addr()) }))
}

func TestSuiteOnServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{AppendFsync: "no"})
	journaltest.Run(t, harness(func() redis.UniversalClient { return clientOf(s.Addr) }))
}

func TestSuiteOnCluster(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t, redistest.Options{AppendFsync: "no"})
	journaltest.Run(t, harness(func() redis.UniversalClient { return c.Client() }))
}

func TestSuiteBehindSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.NewSentinel(t, redistest.Options{AppendFsync: "no"})
	journaltest.Run(t, harness(func() redis.UniversalClient { return s.Client() }))
}

// clientOf returns a client for one server, with short timeouts.
func clientOf(addr string) redis.UniversalClient {
	return redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true,
		DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
	})
}
