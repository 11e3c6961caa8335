package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// environ is the environment of the tests.
func environ(name string) (string, bool) {
	v, ok := map[string]string{
		"ALLOCATIONS_KEY": "key-of-the-allocations", "EVENKEEL_WEBHOOK_SECRET": "a-long-shared-secret", "NTFY_URL": "https://ntfy.example.com/hidden-topic",
		"REDIS_URL": "redis://:hunter2-hunter2@127.0.0.1:6379", "TOKEN": "0123456789abcdef0123",
	}[name]
	return v, ok
}

func TestTheExampleIsRightAndWhole(t *testing.T) {
	c, err := config.Load("../../daemon.example.yaml", environ)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:4002", c.Broker.Address)
	require.Equal(t, broker.Paper, c.Accounts[0].Mode)
	require.Equal(t, "0.02", c.Accounts[0].Policy.Reserve.Fraction.String())
	require.Equal(t, "0.5", c.Accounts[0].Policy.Guards.MaxTurnover.Decimal.String())
	require.Equal(t, "0.03", c.Accounts[0].Trigger.DriftAbsolute.Decimal.String())
	require.Equal(t, 10*time.Hour, c.Schedules[0].At)
	require.Equal(t, 4*time.Hour, c.Schedules[1].Every)
	require.Equal(t, []broker.AccountID{"DU1234567"}, c.Schedules[0].Accounts)
	require.Equal(t, "key-of-the-allocations", c.Allocations.APIKey.Reveal())
	require.True(t, filepath.IsAbs(c.Drop.Folder) || strings.HasPrefix(c.Drop.Folder, "../../"), "paths are relative to the file: %s", c.Drop.Folder)
	require.False(t, c.PaperMoney())
}

// Every file in testdata/bad has its faults beside it, with line and field.
func TestEveryFaultAtOnceWithLineAndField(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := config.Load(file, environ)
			require.ErrorIs(t, err, config.ErrInvalid)
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr)
			require.Equal(t, string(want), err.Error()+"\n")
		})
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(secret, []byte("from-a-file-0123456789\n"), 0o600))
	c, faults := config.Parse([]byte(minimal+`
http: {token_file: `+secret+`}
queue: {kind: redis, url_env: REDIS_URL}
webhook: {secret_env: EVENKEEL_WEBHOOK_SECRET}
`), ".", environ)
	require.Empty(t, faults)
	require.Equal(t, "from-a-file-0123456789", c.HTTP.Token.Reveal())
	data, err := json.Marshal(c.HTTP)
	require.NoError(t, err)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", c.HTTP, c.Queue, c.Webhook, c.HTTP.Token, c.HTTP.Token), string(data)} {
		require.NotContains(t, text, "from-a-file")
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, "a-long-shared")
	}
}

func TestASecretOfAFaultyFileIsNotInItsFaults(t *testing.T) {
	_, faults := config.Parse([]byte(minimal+`
queue: {kind: redis, url: "redis://:topsecret@localhost:6379"}
http: {token: topsecret}
notifications: [{name: x, url: "https://u:topsecret@example.com"}]
`), ".", environ)
	require.NotEmpty(t, faults)
	require.NotContains(t, fmt.Sprint(faults), "topsecret")
}

func TestTheDefaultsNeedNothing(t *testing.T) {
	for _, c := range []*config.Config{config.Default("data"), config.Simulator("data")} {
		require.True(t, c.PaperMoney())
		require.Equal(t, config.DefaultAddress, c.HTTP.Address)
		require.NoError(t, c.Accounts[0].Policy.Check())
		require.Equal(t, c.Accounts[0].ID, c.Schedules[0].Accounts[0])
	}
}

// minimal is the least that a file must say.
const minimal = `
allocations: {path: a.json}
accounts: [{id: A, strategy: s}]
`

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", minimal, "a: [", "accounts: 5", "- x", "a: &x {b: *x}", "accounts: [{policy: {band: {absolute: x}}}]", "\x00", "{1: 2}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, faults := config.Parse(data, ".", environ)
		if c == nil && len(faults) == 0 {
			t.Fatal("neither a configuration nor a fault")
		}
	})
}
