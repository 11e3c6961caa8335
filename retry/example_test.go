package retry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/retry"
)

func Example() {
	policy := retry.Compose(
		retry.NewBackoff(retry.BackoffOptions{Initial: time.Millisecond, Retries: 2}),
		retry.NewBreaker("allocations", retry.BreakerOptions{}),
		retry.Timeout(30*time.Second),
	)
	calls := 0
	weights, err := retry.Value(context.Background(), policy, func(context.Context) (string, error) {
		if calls++; calls < 3 {
			return "", errors.New("connection reset")
		}
		return "AAPL 0.6, MSFT 0.4", nil
	})
	fmt.Println(calls, weights, err)
	// Output: 3 AAPL 0.6, MSFT 0.4 <nil>
}

func ExampleCircuitBreaker() {
	b := retry.NewBreaker("gateway", retry.BreakerOptions{Failures: 2})
	for range 3 {
		err := b.Do(context.Background(), func(context.Context) error { return errors.New("refused") })
		fmt.Println(b.State(), retry.ClassOf(err))
	}
	// Output:
	// closed transient
	// open transient
	// open wait
}
