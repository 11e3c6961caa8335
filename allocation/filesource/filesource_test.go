package filesource_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/allocation/allocationtest"
	"github.com/evenkeel/evenkeel/allocation/filesource"
	"github.com/evenkeel/evenkeel/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// document writes a file as its readers want it: as a whole.
type document struct {
	path string

	mu         sync.Mutex
	strategies map[string]json.RawMessage
}

// set writes the file anew with a strategy, by renaming.
func (d *document) set(a allocation.Allocation) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var pairs []string
	for i, t := range a.Targets {
		key := string(t.Symbol) + strings.Repeat(" ", i) // no key twice
		pairs = append(pairs, fmt.Sprintf("%q: %q", key, t.Weight))
	}
	d.strategies[a.Strategy] = json.RawMessage(fmt.Sprintf(`{"as_of": %q, "targets": {%s}}`, a.AsOf.Format(time.RFC3339), strings.Join(pairs, ", ")))
	var all []string
	for name, s := range d.strategies {
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		all = append(all, string(quoted)+": "+string(s))
	}
	text := `{"schema": 1, "strategies": {` + strings.Join(all, ",\n") + `}}`
	if err := os.WriteFile(d.path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(d.path+".new", d.path)
}

func TestConforms(t *testing.T) {
	allocationtest.Run(t, harness)
}

// harness is a source for the suite.
func harness(t *testing.T) allocationtest.Harness {
	t.Helper()
	d := &document{path: filepath.Join(t.TempDir(), "a.json"), strategies: map[string]json.RawMessage{}}
	s, err := filesource.New(d.path, filesource.Options{})
	require.NoError(t, err)
	return allocationtest.Harness{Source: patient{s}, Set: d.set}
}

// patient asks again when the file was replaced while it was read, which is what
// a policy around it does.
type patient struct{ allocation.AllocationSource }

func (p patient) Allocation(ctx context.Context, q allocation.Query) (allocation.Allocation, error) {
	policy := retry.NewBackoff(retry.BackoffOptions{Initial: time.Millisecond, Retries: 100})
	return retry.Value(ctx, policy, func(ctx context.Context) (allocation.Allocation, error) {
		return p.AllocationSource.Allocation(ctx, q)
	})
}

// ask writes a file and asks for the strategy core.
func ask(t *testing.T, content string) (allocation.Allocation, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	s, err := filesource.New(path, filesource.Options{})
	require.NoError(t, err)
	return s.Allocation(t.Context(), allocation.Query{Account: "U1", Strategy: "core"})
}

// with makes a file of the targets of core.
func with(targets string) string {
	return `{"schema": 1, "strategies": {"core": {"targets": ` + targets + `}, "other": {"targets": 7}}}`
}

func TestReadsStringsAndNumbersExactly(t *testing.T) {
	a, err := ask(t, with(`{"msft": 0.30000000000000000001, " AAPL ": "0.7", "X": 0}`))
	require.NoError(t, err, "a fault in another strategy does not matter")
	require.Equal(t, "[{AAPL 0.7} {MSFT 0.30000000000000000001} {X 0}]", fmt.Sprint(a.Targets))
	require.Equal(t, allocation.Hash(a), a.Version)
	require.True(t, a.AsOf.IsZero())

	a, err = ask(t, `{"schema": 1, "strategies": {"core": {"version": "v7", "as_of": "2024-05-03T10:00:00+02:00", "targets": {"A": 1}}}}`)
	require.NoError(t, err)
	require.Equal(t, "v7", a.Version)
	require.True(t, a.AsOf.Equal(time.Date(2024, 5, 3, 8, 0, 0, 0, time.UTC)))
}

func TestRefusesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		class   retry.Class
		want    string
	}{
		"nothing":         {"", retry.Transient, "not JSON"},
		"cut off":         {with(`{"A": 1}`)[:40], retry.Transient, "not JSON"},
		"NaN":             {with(`{"A": NaN}`), retry.Transient, "not JSON"},
		"data behind":     {with(`{"A": 1}`) + "x", retry.Transient, "not JSON"},
		"two documents":   {with(`{"A": 1}`) + with(`{"A": 1}`), retry.Transient, "not JSON"},
		"null":            {"null", retry.Permanent, "null"},
		"newer":           {`{"schema": 2, "strategies": {}}`, retry.Permanent, "schema is 2"},
		"unknown field":   {`{"schema": 1, "x": 1, "strategies": {}}`, retry.Permanent, `"x"`},
		"unknown inside":  {`{"schema": 1, "strategies": {"core": {"target": {"A": 1}}}}`, retry.Permanent, `"target"`},
		"duplicate key":   {with(`{"A": 1, "A": 0}`), retry.Permanent, "duplicate key"},
		"duplicate, case": {with(`{"A": 1, "a": 0}`), retry.Permanent, "duplicate key"},
		"duplicate, trim": {with(`{"A": 1, " A": 0}`), retry.Permanent, "twice"},
		"empty":           {with(`{}`), retry.Permanent, "no targets"},
		"null targets":    {with(`null`), retry.Permanent, "no targets"},
		"no targets":      {`{"schema": 1, "strategies": {"core": {}}}`, retry.Permanent, "no targets"},
		"null strategy":   {`{"schema": 1, "strategies": {"core": null}}`, retry.Permanent, "null"},
		"weight null":     {with(`{"A": null}`), retry.Permanent, `target "A"`},
		"weight text":     {with(`{"A": "all"}`), retry.Permanent, `"all"`},
		"weight bool":     {with(`{"A": true}`), retry.Permanent, `"true"`},
		"weight exponent": {with(`{"A": 1e400}`), retry.Permanent, "exponent"},
		"all faults":      {with(`{"A B": 1, "C": "", "D": 1e99}`), retry.Permanent, `"D"`},
		"sum":             {with(`{"A": 0.5}`), retry.Permanent, "sum to 0.5"},
		"negative":        {with(`{"A": 1.2, "B": -0.2}`), retry.Permanent, "-0.2"},
		"long":            {with(`{"A": 1}`) + strings.Repeat(" ", 1<<20), retry.Permanent, "at most 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := ask(t, c.content)
			require.ErrorIs(t, err, allocation.ErrInvalid)
			require.ErrorContains(t, err, "allocation: strategy core: account U1: file ")
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.class, retry.ClassOf(err))
			require.Zero(t, a)
		})
	}
}

func TestSeesAChangeWithTheSameTimeAndSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	s, err := filesource.New(path, filesource.Options{})
	require.NoError(t, err)
	at := time.Date(2024, 5, 3, 0, 0, 0, 0, time.UTC)
	for _, want := range []string{"AAA", "BBB", "CCC"} {
		require.NoError(t, os.WriteFile(path, []byte(with(`{"`+want+`": 1}`)), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		a, err := s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
		require.NoError(t, err)
		require.Equal(t, "[{"+want+" 1}]", fmt.Sprint(a.Targets))
	}
	require.NoError(t, os.WriteFile(path, []byte(with(`{"CCC": 1`)), 0o600))
	a, err := s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
	require.ErrorIs(t, err, allocation.ErrInvalid, "never the old one instead")
	require.Zero(t, a)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.json")
	require.NoError(t, os.WriteFile(secret, []byte(with(`{"A": 1}`)), 0o000))
	for _, c := range []struct {
		name, path, want string
		class            retry.Class
	}{
		{"missing", filepath.Join(dir, "no.json"), "it does not exist (yet)", retry.Transient},
		{"directory", dir, "not a regular file", retry.Permanent},
		{"permission", secret, "check its permissions", retry.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "permission" && os.Geteuid() == 0 {
				t.Skip("the superuser may read everything")
			}
			s, err := filesource.New(c.path, filesource.Options{})
			require.NoError(t, err)
			_, err = s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "file "+c.path)
			require.Equal(t, c.class, retry.ClassOf(err))
			require.NotErrorIs(t, err, allocation.ErrInvalid)
		})
	}
}

func TestUnknownStrategyListsWhatIsThere(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf(`"s%02d": {}`, i))
	}
	for content, want := range map[string]string{
		`{"schema": 1, "strategies": {"b": {}, "a": {}}}`: "known are a, b",
		`{"schema": 1}`: "known are none",
		`{"schema": 1, "strategies": {` + strings.Join(many, ",") + `}}`: "s19 and 10 more",
	} {
		_, err := ask(t, content)
		require.ErrorIs(t, err, allocation.ErrUnknownStrategy)
		require.ErrorContains(t, err, want)
	}
}

func TestRulesAndClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"schema": 1, "strategies": {"core": {"as_of": "2024-05-03T10:00:00Z", "targets": {"A": 1}}}}`), 0o600))
	now := time.Date(2024, 5, 3, 11, 0, 0, 0, time.UTC)
	s, err := filesource.New(path, filesource.Options{Rules: allocation.Rules{MaxAge: time.Hour}, Now: func() time.Time { return now }})
	require.NoError(t, err)
	_, err = s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
	require.NoError(t, err)
	now = now.Add(time.Second)
	_, err = s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
	require.ErrorIs(t, err, allocation.ErrStale)

	_, err = filesource.New("", filesource.Options{Rules: allocation.Rules{MaxAge: -1}})
	require.ErrorContains(t, err, "no path")
	require.ErrorContains(t, err, "MaxAge")
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(with(`{"A": 0.5, "B": "0.5"}`)))
	f.Add([]byte(with(`{"A": 1e-18, "B": 1}`)))
	f.Add([]byte(`{"schema":1,"strategies":{"core":{"version":"\u0000","as_of":"0000-01-01T00:00:00Z","targets":{"A":1}}}}`))
	path := filepath.Join(f.TempDir(), "a.json")
	s, err := filesource.New(path, filesource.Options{})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		a, err := s.Allocation(t.Context(), allocation.Query{Strategy: "core"})
		if err != nil {
			require.Zero(t, a)
			return
		}
		_, err = allocation.Encode(a)
		require.NoError(t, err, "what is given can be frozen")
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "allocations.json")
	content := `{"schema": 1, "strategies": {"core": {"version": "2026-03", "targets": {"AAPL": "0.6", "MSFT": 0.4}}}}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	source, err := filesource.New(path, filesource.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := source.Allocation(context.Background(), allocation.Query{Account: "U1234567", Strategy: "core"})
	fmt.Println(a.Version, a.Targets, err)
	// Output: 2026-03 [{AAPL 0.6} {MSFT 0.4}] <nil>
}
