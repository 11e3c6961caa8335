package retry

import "context"

// Policy surrounds a call.
type Policy interface {
	// Do calls f, maybe several times or not at all, and returns nil if a call
	// succeeded. The error contains the last one of f, if f was called.
	Do(ctx context.Context, f func(context.Context) error) error
}

// None calls once.
var None Policy = none{}

type none struct{}

func (none) Do(ctx context.Context, f func(context.Context) error) error { return f(ctx) }

// Compose nests policies: the first is the outermost, the last is next to the
// call. Without any it is [None]; nil entries are left out.
func Compose(policies ...Policy) Policy {
	var chain composed
	for _, p := range policies {
		if p != nil {
			chain = append(chain, p)
		}
	}
	switch len(chain) {
	case 0:
		return None
	case 1:
		return chain[0]
	}
	return chain
}

// composed calls its first policy around the rest.
type composed []Policy

func (c composed) Do(ctx context.Context, f func(context.Context) error) error {
	if len(c) == 0 {
		return f(ctx)
	}
	return c[0].Do(ctx, func(ctx context.Context) error { return c[1:].Do(ctx, f) })
}

// Value calls f under a policy and returns its result. On error the result is
// the zero value.
func Value[T any](ctx context.Context, policy Policy, f func(context.Context) (T, error)) (T, error) {
	var value T
	err := policy.Do(ctx, func(ctx context.Context) error {
		v, err := f(ctx)
		if err == nil {
			value = v
		}
		return err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return value, nil
}
