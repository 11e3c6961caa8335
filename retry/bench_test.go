package retry_test

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/retry"
)

// BenchmarkDo is the price of a policy around a call that succeeds.
func BenchmarkDo(b *testing.B) {
	breaker := retry.NewBreaker("x", retry.BreakerOptions{})
	budget := retry.NewBudget(retry.BudgetOptions{})
	for _, c := range []struct {
		name   string
		policy retry.Policy
	}{
		{"none", retry.None},
		{"backoff", retry.PreparationBackoff()},
		{"backoff with budget", retry.NewBackoff(retry.BackoffOptions{Budget: budget})},
		{"backoff with total", retry.AllocationBackoff()},
		{"timeout", retry.Timeout(time.Minute)},
		{"breaker", breaker},
		{"all", retry.Compose(retry.AllocationBackoff(), breaker, retry.Timeout(time.Minute))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			f := func(context.Context) error { return nil }
			for b.Loop() {
				if err := c.policy.Do(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
