package retry

import "time"

// AllocationBackoff is for calls to an allocation source: 3 retries after
// about 1, 2 and 4 s, fully jittered, 90 s in total. Put [Timeout] inside it.
func AllocationBackoff() Policy {
	return NewBackoff(BackoffOptions{
		Initial: time.Second, Multiplier: 2, Max: 30 * time.Second, Jitter: 1,
		Retries: 3, MaxElapsed: 90 * time.Second,
	})
}

// PreparationBackoff is for reads that prepare orders: instruments, prices,
// snapshots. 2 retries after 1 and 2 s, never more than 10 s, without jitter.
// It is not for the sending of an order, which is never retried.
func PreparationBackoff() Policy {
	return NewBackoff(BackoffOptions{
		Initial: time.Second, Multiplier: 2, Max: 10 * time.Second, Retries: 2,
	})
}

// ConnectBackoff is for the connection to a broker: 3 retries after 5, 10 and
// 20 s, never more than 60 s, each ±20 %.
func ConnectBackoff() Policy {
	return NewBackoff(BackoffOptions{
		Initial: 5 * time.Second, Multiplier: 2, Max: time.Minute, Jitter: 0.2, Retries: 3,
	})
}

// ResolveBackoff is for finding out what became of an order: reads after 1, 2,
// 4, 8 and then every 10 s, for one minute in total, without jitter.
func ResolveBackoff() Policy {
	return NewBackoff(BackoffOptions{
		Initial: time.Second, Multiplier: 2, Max: 10 * time.Second,
		Retries: Unlimited, MaxElapsed: time.Minute,
	})
}
