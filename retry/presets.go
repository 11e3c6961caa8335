package retry

import "time"

// AllocationOptions are for calls to an allocation source: 3 retries after about
// 1, 2 and 4 s, fully jittered, 90 s in total. Put [Timeout] inside of the backoff.
func AllocationOptions() BackoffOptions {
	return BackoffOptions{
		Initial: time.Second, Multiplier: 2, Max: 30 * time.Second, Jitter: 1,
		Retries: 3, MaxElapsed: 90 * time.Second,
	}
}

// AllocationBackoff is a backoff with [AllocationOptions].
func AllocationBackoff() Policy { return NewBackoff(AllocationOptions()) }

// PreparationOptions are for reads that prepare orders: instruments, prices,
// snapshots. 2 retries after 1 and 2 s, never more than 10 s, without jitter.
// They are not for the sending of an order, which is never retried.
func PreparationOptions() BackoffOptions {
	return BackoffOptions{
		Initial: time.Second, Multiplier: 2, Max: 10 * time.Second, Retries: 2,
	}
}

// PreparationBackoff is a backoff with [PreparationOptions].
func PreparationBackoff() Policy { return NewBackoff(PreparationOptions()) }

// ConnectOptions are for the connection to a broker: 3 retries after 5, 10 and
// 20 s, never more than 60 s, each ±20 %.
func ConnectOptions() BackoffOptions {
	return BackoffOptions{
		Initial: 5 * time.Second, Multiplier: 2, Max: time.Minute, Jitter: 0.2, Retries: 3,
	}
}

// ConnectBackoff is a backoff with [ConnectOptions].
func ConnectBackoff() Policy { return NewBackoff(ConnectOptions()) }

// ResolveOptions are for finding out what became of an order: reads after 1, 2,
// 4, 8 and then every 10 s, for one minute in total, without jitter. They need no
// budget: an order in doubt is looked for however busy the broker is.
func ResolveOptions() BackoffOptions {
	return BackoffOptions{
		Initial: time.Second, Multiplier: 2, Max: 10 * time.Second,
		Retries: Unlimited, MaxElapsed: time.Minute,
	}
}

// ResolveBackoff is a backoff with [ResolveOptions].
func ResolveBackoff() Policy { return NewBackoff(ResolveOptions()) }
