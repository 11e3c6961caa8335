package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/broker/ibkr"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/queue/redisqueue"
	"github.com/evenkeel/evenkeel/rebalance"
)

var update = flag.Bool("update", false, "write the golden files anew")

// environ is the environment of the tests.
func environ(name string) (string, bool) {
	v, ok := map[string]string{
		"ALLOCATIONS_KEY": "key-of-the-allocations", "EVENKEEL_WEBHOOK_SECRET": "a-long-shared-secret", "NTFY_URL": "https://ntfy.example.com/hidden-topic",
		"REDIS_URL": "redis://:hunter2-hunter2@127.0.0.1:6379", "TOKEN": "0123456789abcdef0123", "EVENKEEL_TOKEN": "0123456789abcdef0123", "NTFY_TOKEN": "tk_secret",
	}[name]
	return v, ok
}

func TestTheExampleIsRightAndWhole(t *testing.T) {
	c, err := config.Load("../../daemon.example.yaml", environ)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:4002", c.Broker.Gateway.Address)
	require.Equal(t, broker.Paper, c.Accounts[0].Mode)
	require.Equal(t, "0.02", c.Accounts[0].Policy.Reserve.Fraction.String())
	require.Equal(t, "0.5", c.Accounts[0].Policy.Guards.MaxTurnover.Decimal.String())
	require.Equal(t, "0.03", c.Accounts[0].Trigger.DriftAbsolute.Decimal.String())
	require.Equal(t, 10*time.Hour, c.Schedules[0].At)
	require.Equal(t, 4*time.Hour, c.Schedules[1].Every)
	require.Equal(t, []broker.AccountID{"DU1234567", "DU7654321"}, c.Schedules[0].Accounts)
	require.Equal(t, "key-of-the-allocations", c.Allocations.APIKey.Reveal())
	require.True(t, filepath.IsAbs(c.Drop.Folder) || strings.HasPrefix(c.Drop.Folder, "../../"), "paths are relative to the file: %s", c.Drop.Folder)
	require.False(t, c.Simulated())
	require.True(t, c.PaperMoney(), "both accounts are paper accounts at a real gateway")
	c.Accounts[1].Mode = broker.Live
	require.False(t, c.PaperMoney())
	g := &c.Broker.Gateway
	require.Equal(t, map[broker.InstrumentID]ibkr.Pin{"VT": {ConID: 52197301}, "QQQ": {PrimaryExchange: "NASDAQ"}}, g.Instruments)
	require.Equal(t, config.Tiers(), g.Tiers)
	require.Equal(t, &ibkr.Window{From: 23*time.Hour + 35*time.Minute, To: 23*time.Hour + 55*time.Minute, Zone: "America/New_York"}, g.Restart)
	require.Equal(t, &ibkr.Window{Days: []time.Weekday{time.Sunday}, From: time.Hour, To: 3 * time.Hour, Zone: "America/New_York"}, g.Login)
	require.Equal(t, []marketdata.Tier{marketdata.TierLive, marketdata.TierFrozen}, c.Accounts[0].Policy.TradableTiers)
	require.Equal(t, rebalance.Compensate, c.Accounts[1].Partial.Then)
	require.Equal(t, []rebalance.Pair{{Sell: "VT", Buy: "QQQ"}}, c.Accounts[1].Partial.Pairs)
	require.Equal(t, "5000", c.Accounts[1].Partial.MaxNotional.String())
	require.NoError(t, c.Accounts[1].Partial.Check())
}

// What is commented out in the example is right as well.
func TestTheCommentsOfTheExampleAreRight(t *testing.T) {
	data, err := os.ReadFile("../../daemon.example.yaml")
	require.NoError(t, err)
	setting := regexp.MustCompile(`(?m)^( *)# ( *(?:- )?(?:[a-z_]+: |\{))`)
	text := setting.ReplaceAllString(string(data), "$1$2")
	require.Greater(t, len(data)-len(text), 2*40, "there are such settings")
	_, faults := config.Parse([]byte(text), ".", environ)
	for _, f := range faults { // two kinds cannot stand side by side
		require.Regexp(t, `is of kind (fake|ibkr|bolt|redis|http|file) only|stands beside simulator|has (simulated|paper) accounts only|nothing to wait for|want live or paper`, f.Problem, "%+v", f)
	}
	require.NotEmpty(t, faults)
}

// Every field that can be set is in the example.
func TestTheExampleHasEveryField(t *testing.T) {
	example, err := os.ReadFile("../../daemon.example.yaml")
	require.NoError(t, err)
	sections := []string{
		"%s", "broker: {%s}", "broker: {instruments: {A: {%s}}}", "broker: {restart: {%s}}", "broker: {timing: {%s}}", "queue: {%s}",
		"journal: {%s}", "allocations: {%s}", "accounts: [{%s}]", "accounts: [{trigger: {%s}}]", "accounts: [{partial: {%s}}]",
		"accounts: [{partial: {pairs: [{%s}]}}]", "schedules: [{%s}]", "limits: {%s}", "timing: {%s}", "events: {%s}", "http: {%s}", "webhook: {%s}",
		"drop: {%s}", "stream: {%s}", "notifications: [{%s}]", "log: {%s}",
	}
	for _, section := range sections {
		_, faults := config.Parse([]byte(fmt.Sprintf(section, "no_such_field_at_all: 1")), ".", environ)
		known := ""
		for _, f := range faults {
			if text, ok := strings.CutPrefix(f.Problem, "unknown field: want one of "); ok {
				known = text
			}
		}
		require.NotEmpty(t, known, section)
		for field := range strings.SplitSeq(known, ", ") {
			if strings.HasSuffix(field, "_file") || field == "url" {
				continue // said at the top
			}
			require.Regexp(t, `\b`+field+`:`, string(example), section)
		}
	}
}

func TestAllOfAGatewayAndItsStores(t *testing.T) {
	c, faults := config.Parse([]byte(`
broker:
  kind: ibkr
  address: gateway:4001
  client_id: 3
  tiers: [live, live, delayed]
  market_data_lines: 50
  messages_per_second: 20
  last_order_id: 7
  instruments: {brk.b: {con_id: 72063691, symbol: BRK B, currency: USD}}
  timing: {retries: 0, heartbeat: 10s}
queue: {kind: redis, url: "redis+cluster://127.0.0.1:7000,127.0.0.1:7001", name: q2, replicas: 1, fsync: true, barrier_timeout: 50ms, lease: 10s, history: 70, key_window: 1440h}
journal: {kind: redis, url_env: SENTINELS, keep_runs: all, replicas: 2}
stream: {url_env: SENTINELS}
allocations: {path: a.json}
accounts: [{id: U1, mode: live, strategy: s, policy: {tradable_tiers: [delayed]}}]
`), ".", func(string) (string, bool) { return "redis+sentinel://:p%40ss@127.0.0.1:1,127.0.0.1:2/main", true })
	require.Empty(t, faults)
	g := &c.Broker.Gateway
	require.Equal(t, "gateway:4001", g.Address)
	require.Equal(t, []marketdata.Tier{marketdata.TierLive, marketdata.TierDelayed}, g.Tiers)
	require.Equal(t, []int{3, 50, 20, 7, -1}, []int{g.ClientID, g.MarketDataLines, g.MessagesPerSecond, int(g.LastOrderID), g.Timing.Retries})
	require.Equal(t, ibkr.Pin{ConID: 72063691, Symbol: "BRK B", Currency: "USD"}, g.Instruments["BRK.B"])
	require.Equal(t, 10*time.Second, g.Timing.Heartbeat)
	require.Nil(t, g.Restart, "the adapter's own")
	require.Equal(t, &redisqueue.Barrier{Replicas: 1, Fsync: true, Timeout: 50 * time.Millisecond}, c.Queue.Redis.Barrier)
	require.Equal(t, "q2", c.Queue.Redis.Name)
	require.Equal(t, 60*24*time.Hour, c.Queue.Redis.KeyWindow, "without a word about retain, which Redis does not have")
	require.Equal(t, []int{10, 70}, []int{int(c.Queue.Redis.Lease / time.Second), c.Queue.Redis.History})
	require.Equal(t, []int{-1, 2}, []int{c.Journal.Redis.KeepRuns, c.Journal.Redis.Replicas})
	require.Contains(t, c.Stream.URL.Reveal(), "redis+sentinel")
	_, faults = config.Parse([]byte(minimal+"queue: {retain: 24h, max_bytes: 512MiB, keep_done: 5}\njournal: {keep_runs: 7, max_bytes: 1 GiB}\n"), ".", environ)
	require.Empty(t, faults)
}

func TestABadAddressOfRedisDoesNotPrint(t *testing.T) {
	for _, bad := range []string{"topsecret", "http://:topsecret@h", "redis://:topsecret%zz@h", "redis://:topsecret@h1,h2", "redis+sentinel://:topsecret@h"} {
		_, faults := config.Parse([]byte(minimal+"queue: {kind: redis, url_env: X}\nstream: {url_env: X}\n"), ".", func(string) (string, bool) { return bad, true })
		require.Len(t, faults, 2, bad)
		require.NotContains(t, fmt.Sprint(faults), "topsecret")
	}
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
		require.True(t, c.PaperMoney() && c.Simulated())
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
