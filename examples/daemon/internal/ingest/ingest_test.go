package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ingest"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/queue/memqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is a gate to a queue in memory.
func box() (*ingest.Gate, *memqueue.Queue) {
	q := memqueue.New(memqueue.Options{})
	return &ingest.Gate{Verbs: &ops.Local{Queue: q, Accounts: []rebalance.Account{{ID: "A"}}}}, q
}

func accepted(t *testing.T, q *memqueue.Queue) []queue.Event {
	t.Helper()
	var all []queue.Event
	for _, state := range queue.States() {
		for e, err := range q.Entries(context.Background(), state) {
			require.NoError(t, err)
			all = append(all, e.Event)
		}
	}
	return all
}

var quiet = slog.New(slog.DiscardHandler)

const secret = config.Secret("a-long-shared-secret")

func post(t *testing.T, h http.Handler, at time.Time, key, body, signature string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hooks/events", strings.NewReader(body))
	r.Header.Set(ingest.HeaderTime, fmt.Sprint(at.Unix()))
	r.Header.Set(ingest.HeaderKey, key)
	r.Header.Set(ingest.HeaderSignature, signature)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWebhooks(t *testing.T) {
	gate, q := box()
	h := ingest.Webhook(gate, secret)
	now, body := time.Now(), `{"account":"A","command":"rebalance"}`
	sign := func(at time.Time, key, body string) string { return ingest.Sign(secret, at, key, []byte(body)) }
	for _, c := range []struct {
		name, key, body, signature string
		at                         time.Time
		status                     int
	}{
		{"right", "k1", body, sign(now, "k1", body), now, http.StatusAccepted},
		{"the same again", "k1", body, sign(now, "k1", body), now, http.StatusAccepted},
		{"another body under the signature", "k2", body + " ", sign(now, "k2", body), now, http.StatusUnauthorized},
		{"another key under the signature", "k3", body, sign(now, "k2", body), now, http.StatusUnauthorized},
		{"another secret", "k2", body, ingest.Sign("another-secret-of-theirs", now, "k2", []byte(body)), now, http.StatusUnauthorized},
		{"no signature", "k2", body, "", now, http.StatusUnauthorized},
		{"a replay", "k2", body, sign(now.Add(-time.Hour), "k2", body), now.Add(-time.Hour), http.StatusUnauthorized},
		{"no key", "", body, sign(now, "", body), now, http.StatusBadRequest},
		{"no JSON", "k2", "{", sign(now, "k2", "{"), now, http.StatusBadRequest},
		{"a field too many", "k2", `{"account":"A","x":1}`, sign(now, "k2", `{"account":"A","x":1}`), now, http.StatusBadRequest},
		{"an unknown account", "k2", `{"account":"B"}`, sign(now, "k2", `{"account":"B"}`), now, http.StatusUnprocessableEntity},
		{"an operator's command", "k2", `{"account":"A","command":"unblock"}`, sign(now, "k2", `{"account":"A","command":"unblock"}`), now, http.StatusUnprocessableEntity},
		{"too long", "k2", strings.Repeat("x", ingest.MaxBody+1), "", now, http.StatusRequestEntityTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := post(t, h, c.at, c.key, c.body, c.signature)
			require.Equal(t, c.status, w.Code, w.Body.String())
		})
	}
	all := accepted(t, q)
	require.Len(t, all, 1)
	require.Equal(t, "webhook:k1", all[0].Key)
}

// down is a queue that does not answer.
type down struct{}

func (down) Enqueue(context.Context, ops.NewEvent) (queue.Receipt, error) {
	return queue.Receipt{}, fmt.Errorf("%w: %w", ops.ErrUnavailable, errors.New("down"))
}

func TestAWebhookIsToldToComeBack(t *testing.T) {
	now, body := time.Now(), `{"account":"A"}`
	w := post(t, ingest.Webhook(&ingest.Gate{Verbs: down{}}, secret), now, "k", body, ingest.Sign(secret, now, "k", []byte(body)))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
}

func TestDroppedFiles(t *testing.T) {
	gate, q := box()
	folder := t.TempDir()
	write := func(name, text string) {
		path, earlier := filepath.Join(folder, name), time.Now().Truncate(time.Hour).Add(-time.Hour)
		require.NoError(t, os.WriteFile(path+".tmp", []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path+".tmp", earlier, earlier))
		require.NoError(t, os.Rename(path+".tmp", path))
	}
	write("good.json", `{"account":"A","command":"preview"}`)
	write("bad.json", `{"account":`)
	write("foreign.json", `{"account":"B"}`)
	write("half-written.json.tmp", `{"account":"A"}`)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = ingest.Drop(ctx, gate, config.Drop{Folder: folder, Every: 5 * time.Millisecond}, quiet) })
	there := func(path string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(folder, path)); return err == nil }
	}
	require.Eventually(t, there("done/good.json"), 5*time.Second, time.Millisecond)
	require.Eventually(t, there("rejected/bad.json"), 5*time.Second, time.Millisecond)
	require.Eventually(t, there("rejected/foreign.json"), 5*time.Second, time.Millisecond)
	why, err := os.ReadFile(filepath.Join(folder, "rejected/foreign.json.why.txt"))
	require.NoError(t, err)
	require.Contains(t, string(why), `"B"`)
	require.True(t, there("half-written.json.tmp")())

	write("good.json", `{"account":"A","command":"preview"}`) // the process died before it moved the file
	require.NoError(t, os.Remove(filepath.Join(folder, "done/good.json")))
	require.Eventually(t, there("done/good.json"), 5*time.Second, time.Millisecond)
	cancel()
	wg.Wait()
	require.Len(t, accepted(t, q), 1)
}

func TestAFileWaitsForTheQueue(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"account":"A"}`), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, ingest.Drop(ctx, &ingest.Gate{Verbs: down{}}, config.Drop{Folder: folder, Every: time.Millisecond}, quiet))
	require.FileExists(t, path)
}

func TestAStreamOfRedis(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	client := server.Client()
	defer client.Close()
	gate, q := box()
	add := func(text string) {
		require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "events", Values: map[string]any{"event": text}}).Err())
	}
	add(`{"account":"A","command":"snapshot"}`)
	add(`nonsense`)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = ingest.Stream(ctx, gate, config.Stream{URL: config.Secret("redis://" + server.Addr), Name: "events"}, quiet)
	})
	require.Eventually(t, func() bool {
		rejected, err := client.XLen(t.Context(), "events:rejected").Result()
		return err == nil && rejected == 1 && len(accepted(t, q)) == 1
	}, 10*time.Second, 5*time.Millisecond)
	add(`{"account":"A","command":"health"}`)
	require.Eventually(t, func() bool {
		pending, err := client.XPending(t.Context(), "events", "evenkeel").Result()
		return err == nil && pending.Count == 0 && len(accepted(t, q)) == 2
	}, 10*time.Second, 5*time.Millisecond)
	cancel()
	wg.Wait()
}

func TestAStreamOfAClusterAndOneBehindSentinels(t *testing.T) {
	t.Run("cluster", func(t *testing.T) {
		cluster := redistest.NewCluster(t, redistest.Options{})
		client := cluster.Client()
		defer client.Close()
		streamed(t, client, "redis+cluster://"+strings.Join(cluster.Addrs(), ","), func() {})
	})
	t.Run("sentinels, over a failover", func(t *testing.T) {
		s := redistest.NewSentinel(t, redistest.Options{})
		client := s.Client()
		defer client.Close()
		streamed(t, client, "redis+sentinel://"+s.Addr+"/"+redistest.MasterName, func() {
			s.AwaitReplica()
			s.Master.Kill()
			s.AwaitFailover()
		})
	})
}

// streamed lets an event in before something happens to the servers, and one after.
func streamed(t *testing.T, client redis.UniversalClient, address string, happens func()) {
	gate, q := box()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		require.NoError(t, ingest.Stream(ctx, gate, config.Stream{URL: config.Secret(address), Name: "events"}, quiet))
	})
	for n, command := range []string{"snapshot", "health"} {
		values := map[string]any{"event": `{"account":"A","command":"` + command + `"}`}
		require.Eventually(t, func() bool { // a client may still look for the new master
			return client.XAdd(t.Context(), &redis.XAddArgs{Stream: "events", Values: values}).Err() == nil
		}, 20*time.Second, 50*time.Millisecond)
		require.Eventually(t, func() bool { return len(accepted(t, q)) > n }, 30*time.Second, 5*time.Millisecond)
		if n == 0 {
			happens()
		}
	}
	cancel()
	wg.Wait()
}

func TestAStreamWithABadAddress(t *testing.T) {
	gate, _ := box()
	err := ingest.Stream(t.Context(), gate, config.Stream{URL: "redis+sentinel://:topsecret@h:1", Name: "x"}, quiet)
	require.ErrorContains(t, err, "master's name")
	require.NotContains(t, err.Error(), "topsecret")
}

func TestWhenASchedulesIsDue(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	at := func(text string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", text, newYork)
		require.NoError(t, err)
		return x
	}
	daily := &config.Schedule{At: 10 * time.Hour, Days: week, Zone: newYork}
	for _, c := range []struct{ name, after, want string }{
		{"later that day", "2026-03-02 09:00", "2026-03-02 10:00"},
		{"the next day", "2026-03-02 10:00", "2026-03-03 10:00"},
		{"over the weekend", "2026-03-06 10:00", "2026-03-09 10:00"},
		{"over the change of the clocks", "2026-03-06 23:00", "2026-03-09 10:00"},
		{"over the year", "2026-12-31 11:00", "2027-01-01 10:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			next, ok := ingest.Next(daily, at(c.after))
			require.True(t, ok)
			require.True(t, next.Equal(at(c.want)), "%s", next)
		})
	}
	next, ok := ingest.Next(&config.Schedule{Every: time.Hour, At: -1}, at("2026-03-02 09:20"))
	require.True(t, ok)
	require.True(t, next.Equal(at("2026-03-02 10:00")))
	_, ok = ingest.Next(&config.Schedule{At: -1}, at("2026-03-02 09:20"))
	require.False(t, ok)
}

func TestASchedulePublishesOnceForAllDaemons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, q := box()
		s := &config.Schedule{
			Name: "s", Command: rebalance.CommandSnapshot, Accounts: []broker.AccountID{"A"}, At: 2 * time.Hour,
			Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: time.UTC, CatchUp: 3 * time.Hour,
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { ingest.Schedule(ctx, gate, s, quiet) })
		}
		time.Sleep(49 * time.Hour) // the bubble begins at midnight
		cancel()
		wg.Wait()
		require.Len(t, accepted(t, q), 2)
	})
}
