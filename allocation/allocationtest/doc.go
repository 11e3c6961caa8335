// Package allocationtest is the conformance suite of allocation sources.
//
//	func TestConforms(t *testing.T) {
//		allocationtest.Run(t, func(t *testing.T) allocationtest.Harness {
//			s := newMySource(t)
//			return allocationtest.Harness{Source: s, Set: s.set}
//		})
//	}
package allocationtest

import (
	"context"
	"testing"

	"github.com/evenkeel/evenkeel/allocation"
)

// Harness is a source under test and the means to say what it answers.
type Harness struct {
	// Source is the source. It begins without any strategy.
	Source allocation.AllocationSource
	// Set makes the source answer the allocation's Strategy with its targets (and
	// its AsOf, which is a midnight UTC) from the next call on. Other strategies
	// stay. A source that refuses an invalid allocation here returns an error;
	// one that has no place to refuse it must refuse it when asked.
	Set func(allocation.Allocation) error
}

// T is what the cases need of *testing.T.
type T interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	FailNow()
	Context() context.Context
}

var _ T = (*testing.T)(nil)

// Case is one promise of the contract and how to test it.
type Case struct {
	Name string
	Run  func(t T, h Harness)
}

// Run runs every case against a new harness.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, newHarness(t)) })
	}
}
