package journal_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/journal"
)

// BenchmarkMemoryRun20 is the journal's share of a rebalance of 20 symbols:
// begin, 14 checkpoints, 20 intents, their settlements, finish. Each 250 runs,
// a year of days, are one journal.
func BenchmarkMemoryRun20(b *testing.B) {
	var j *journal.Memory
	ctx := b.Context()
	steps := make([]journal.Step, 14)
	for i := range steps {
		steps[i] = journal.Step{Name: fmt.Sprintf("step%d", i), Time: start, Data: json.RawMessage(`{"a":1}`)}
	}
	intents := make([]journal.Intent, 20)
	settlements := make([]journal.Settlement, 20)
	legs := make([]string, 20)
	for i := range intents {
		intents[i] = intentOf(journal.Grant{Account: "U1"}, "r")
		intents[i].Leg, legs[i] = i, fmt.Sprintf("%d.1", i)
		settlements[i] = settled("r", journal.Filled)
	}
	claim := journal.Claim{Account: "U1", Command: "rebalance", Time: start}
	outcome := ending()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		// The names are the caller's: one allocation for the run and one an order.
		if n%250 == 0 {
			j = journal.NewMemory(journal.MemoryOptions{})
		}
		n++
		event := strconv.Itoa(n)
		claim.Event = event
		begun, err := j.Begin(ctx, claim)
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range steps {
			if err := j.Checkpoint(ctx, begun.Grant, s); err != nil {
				b.Fatal(err)
			}
		}
		for k := range intents {
			ref := broker.OrderID("ek1." + event + "." + legs[k])
			intents[k].Run, intents[k].Order.ID, settlements[k].Ref = begun.Grant.Run, ref, ref
			if err := j.Intend(ctx, begun.Grant, intents[k]); err != nil {
				b.Fatal(err)
			}
		}
		if err := j.Settle(ctx, begun.Grant, settlements...); err != nil {
			b.Fatal(err)
		}
		if err := j.Finish(ctx, begun.Grant, outcome); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeIntent and BenchmarkDecodeIntent are what a durable journal
// pays for a record beside its write.
func BenchmarkEncodeIntent(b *testing.B) {
	g := journal.Grant{Account: "U1", Run: "e1/1", Fence: 7}
	i := intentOf(g, "ek1.ABCDEFGHIJ.1.2.1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := journal.EncodeRecord(journal.Record{Grant: g, Intent: &i}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeIntent(b *testing.B) {
	g := journal.Grant{Account: "U1", Run: "e1/1", Fence: 7}
	i := intentOf(g, "ek1.ABCDEFGHIJ.1.2.1")
	data, err := journal.EncodeRecord(journal.Record{Grant: g, Intent: &i})
	require.NoError(b, err)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := journal.DecodeRecord(data); err != nil {
			b.Fatal(err)
		}
	}
}
