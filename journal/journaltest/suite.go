// Package journaltest checks that an implementation of [journal.Journal] keeps
// the promises of package journal. Import it from tests only:
//
//	func TestJournal(t *testing.T) {
//		journaltest.Run(t, func(t *testing.T) journaltest.Harness {
//			return journaltest.Harness{Journal: journal.NewMemory(journal.MemoryOptions{})}
//		})
//	}
//
// Each promise is a case with a name in plain words. A journal that is durable
// gives the harness a way to reopen it; then each case also looks at what is left
// when it is opened again, and every case with a single caller runs once more
// with the journal closed and opened again before each call.
package journaltest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
)

// T is what the suite needs of a [testing.T].
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
	FailNow()
	Context() context.Context
	Cleanup(cleanup func())
}

// Harness is one empty journal, made for one case.
type Harness struct {
	// Journal is the journal. It has room for 20 finished runs of an account.
	Journal journal.Journal
	// Reopen closes the journal, as at the end of its process, and returns it
	// opened again from what it stored. Nil for a journal that is not durable.
	Reopen func(t T) journal.Journal
}

// Run runs the suite. It makes a new harness for each case and closes nothing:
// newHarness registers that with Cleanup.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	durable := newHarness(t).Reopen != nil
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.check(t, newHarness(t)) })
		if durable && c.alone {
			t.Run("reopened before each call: "+c.name, func(t *testing.T) { c.checkReopened(t, newHarness(t)) })
		}
	}
}

// testCase is one promise.
type testCase struct {
	name string
	do   func(e *env)
	// alone is set if the case calls the journal from one goroutine only.
	alone bool
}

// check runs the case. A durable journal is then opened again and must show the
// same as before.
func (c *testCase) check(t T, h Harness) {
	t.Helper()
	e := &env{T: t, Journal: h.Journal}
	c.do(e)
	if h.Reopen != nil {
		before := e.dump()
		e.Journal = h.Reopen(t)
		require.JSONEq(t, before, e.dump(), "what the journal shows after it was opened again")
	}
}

// checkReopened runs the case with the journal reopened before each call.
func (c *testCase) checkReopened(t T, h Harness) {
	t.Helper()
	c.do(&env{T: t, Journal: &reopening{t: t, h: h}})
}

// cases returns all cases.
func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		runCases(), fenceCases(), intentCases(), settleCases(), unknownCases(), finishCases(),
		controlCases(), approvalCases(), fieldCases(), readCases(),
	} {
		for _, c := range group {
			c.alone = true
			all = append(all, c)
		}
	}
	return append(append(all, raceCases()...), historyCases()...)
}
