package redisjournal_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/journal"
	"github.com/evenkeel/evenkeel/journal/redisjournal"
)

// FuzzDecodeRun reads the fields of a run, given as lines. What is accepted is a
// run that makes sense.
func FuzzDecodeRun(f *testing.F) {
	var lines []string
	for _, c := range stored(f) {
		if c[1] == "{evenkeel}:run:e1/1" {
			lines = append(lines, c[2:]...)
		}
		f.Add(strings.Join(lines, "\n"))
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var fields []any
		for line := range strings.SplitSeq(text, "\n") {
			fields = append(fields, line)
		}
		run, err := redisjournal.DecodeRun("e1/1", fields)
		if err != nil {
			require.ErrorIs(t, err, redisjournal.ErrDamaged)
			return
		}
		require.Equal(t, journal.RunID("e1/1"), run.ID)
		require.Equal(t, "e1", run.Event)
		for _, i := range run.Intents {
			require.Equal(t, run.Account, i.Order.Account)
			require.Equal(t, run.ID, i.Run)
		}
	})
}

// FuzzDecodeAnswer reads answers of scripts, given as JSON.
func FuzzDecodeAnswer(f *testing.F) {
	for _, seed := range []string{
		`["ok",["3","","","","","e1/1","{}",[["r1","e1/1","1 {}","",""]],["e1/1"],["e1/1 {}"]]]`,
		`["fenced","1","2","e1/1"]`, `["moved","a","b","3","e1/1"]`, `["killed","{}"]`, `["schema","2"]`, `["open","r1"]`, `[]`, `{}`, `null`,
		`["wrongtype"]`, `["ok",null]`, `["ok",[[],{},3]]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var answer any
		if json.Unmarshal([]byte(text), &answer) != nil {
			return
		}
		s, err := redisjournal.DecodeAnswer(answer)
		if err == nil {
			for _, i := range s.Open {
				require.NotEmpty(t, i.Order.ID)
			}
		}
	})
}
