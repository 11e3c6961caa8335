package redisjournal_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// BenchmarkIntendSettle is what an order costs: its intent and its settlement,
// two calls. Beside it stands the floor of the same run: two round trips that
// write a record of that size. The server does not wait for its disk.
func BenchmarkIntendSettle(b *testing.B) {
	s := redistest.Single(b, redistest.Options{AppendFsync: "no"})
	client := clientOf(s.Addr)
	defer client.Close()
	j := journalAt(b, s.Addr, redisjournal.Options{Prefix: s.Prefix})
	begun, err := j.Begin(b.Context(), claimOf("e1"))
	require.NoError(b, err)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n%1000 == 0 { // runs do not have more orders than that
			begun, err = j.Begin(b.Context(), claimOf("e"+strconv.Itoa(n)))
			require.NoError(b, err)
		}
		n++
		order(b, j, begun.Grant, "r"+strconv.Itoa(n))
	}
	spent := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(spent)/float64(floor(b, client, s.Prefix)), "x-floor")
}

// order records an order and its end.
func order(b *testing.B, j *redisjournal.Journal, g journal.Grant, ref string) {
	b.Helper()
	if err := j.Intend(b.Context(), g, intentOf(g, ref)); err != nil {
		b.Fatal(err)
	}
	if err := j.Settle(b.Context(), g, settled(ref, journal.Filled)); err != nil {
		b.Fatal(err)
	}
}

// floor returns what two round trips cost that write a record of usual size.
func floor(b *testing.B, client redis.UniversalClient, prefix string) time.Duration {
	b.Helper()
	g := journal.Grant{Account: "U1", Run: "e1/1", Fence: 1}
	i := intentOf(g, "r1")
	record, err := journal.EncodeRecord(journal.Record{Grant: g, Intent: &i})
	require.NoError(b, err)
	const rounds = 2000
	began := time.Now()
	for n := range 2 * rounds {
		if err := client.HSet(context.Background(), prefix+":floor", strconv.Itoa(n%100), record).Err(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / rounds
}

// BenchmarkManyAccounts has 16 accounts record orders at once.
func BenchmarkManyAccounts(b *testing.B) {
	s := redistest.Single(b, redistest.Options{AppendFsync: "no"})
	j := journalAt(b, s.Addr, redisjournal.Options{Prefix: s.Prefix})
	accounts := make(chan journal.Grant, 16)
	for n := range 16 {
		c := claimOf("e" + strconv.Itoa(n))
		c.Account = broker.AccountID("U" + strconv.Itoa(n))
		begun, err := j.Begin(b.Context(), c)
		require.NoError(b, err)
		accounts <- begun.Grant
	}
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		g := <-accounts
		for n := 0; pb.Next(); n++ {
			order(b, j, g, string(g.Account)+"."+strconv.Itoa(n))
		}
	})
}

// BenchmarkBegin is a claim of an account with a finished run and an open intent.
func BenchmarkBegin(b *testing.B) {
	s := redistest.Single(b, redistest.Options{AppendFsync: "no"})
	j := journalAt(b, s.Addr, redisjournal.Options{Prefix: s.Prefix})
	var g journal.Grant
	tell(b, j, &g, 13)
	begun, err := j.Begin(b.Context(), claimOf("e2"))
	require.NoError(b, err)
	require.NoError(b, j.Intend(b.Context(), begun.Grant, intentOf(begun.Grant, "r9")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Begin(b.Context(), withFence("e2", begun.Grant.Fence)); err != nil {
			b.Fatal(err)
		}
	}
}
