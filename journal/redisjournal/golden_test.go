package redisjournal_test

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

var update = flag.Bool("update", false, "write the golden files")

// golden holds what schema 1 stores, as commands that would store it.
const golden = "testdata/store_v1.json"

// TestStoredForm: this release stores what the golden file says.
func TestStoredForm(t *testing.T) {
	m := redistest.Mini(t)
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	var g journal.Grant
	tell(t, j, &g, len(story()))
	got := commands(t, m)
	if *update {
		data, err := json.MarshalIndent(got, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(golden, append(data, '\n'), 0o644))
	}
	require.Equal(t, stored(t), got, "the stored form changed: it needs a new schema")
}

// TestStoredFormIsRead: this release understands what schema 1 stores, and goes
// on from there.
func TestStoredFormIsRead(t *testing.T) {
	t.Run("as it is now", func(t *testing.T) { storedFormIsRead(t, stored(t)) })
	t.Run("as it was before journals had an epoch", func(t *testing.T) {
		storedFormIsRead(t, slices.DeleteFunc(stored(t), func(c []string) bool { return c[2] == "epoch" || c[2] == "by" }))
	})
}

// storedFormIsRead stores what the commands say and goes on from there.
func storedFormIsRead(t *testing.T, list [][]string) {
	t.Helper()
	m := redistest.Mini(t)
	client := clientOf(m.Addr())
	defer client.Close()
	for _, c := range list {
		args := make([]any, len(c))
		for i := range c {
			args[i] = c[i]
		}
		require.NoError(t, client.Do(t.Context(), args...).Err())
	}
	j := journalAt(t, m.Addr(), redisjournal.Options{})
	require.JSONEq(t, dumps(t)[len(story())-1], dump(t, j))
	require.NoError(t, j.Resume(t.Context(), killOf("", 9)))
	b, err := j.Begin(t.Context(), claimOf("e3"))
	require.NoError(t, err)
	require.Equal(t, uint64(8), b.Grant.Fence)
	require.ErrorIs(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r1")), journal.ErrRefTaken)
	require.NoError(t, j.Intend(t.Context(), b.Grant, intentOf(b.Grant, "r4")))
}

// stored returns the commands of the golden file.
func stored(tb testing.TB) [][]string {
	tb.Helper()
	data, err := os.ReadFile(golden)
	require.NoError(tb, err)
	var list [][]string
	require.NoError(tb, json.Unmarshal(data, &list))
	return list
}

// commands returns what would store the keys of a server, but for what is random.
func commands(t *testing.T, m *miniredis.Miniredis) [][]string {
	t.Helper()
	var list [][]string
	for _, key := range m.Keys() {
		if strings.HasPrefix(key, "{evenkeel}:op:") || strings.HasPrefix(key, "{evenkeel}:ops:") {
			continue
		}
		switch m.Type(key) {
		case "hash":
			fields, err := m.HKeys(key)
			require.NoError(t, err)
			sort.Strings(fields)
			for _, f := range fields {
				value := m.HGet(key, f)
				if f == "epoch" || f == "by" {
					require.Len(t, value, 26)
					value = "RANDOM"
				}
				list = append(list, []string{"HSET", key, f, value})
			}
		case "zset":
			members, err := m.SortedSet(key)
			require.NoError(t, err)
			var names []string
			for name := range members {
				names = append(names, name)
			}
			sort.Strings(names)
			for _, name := range names {
				list = append(list, []string{"ZADD", key, strconv.Itoa(int(members[name])), name})
			}
		default:
			t.Fatalf("key %s is a %s", key, m.Type(key))
		}
	}
	return list
}
