package sim

import "testing"

// Shrink looks for a smaller world that breaks the same promise: fewer days,
// accounts, processes and workers, then fewer kinds of faults. It runs at most
// limit worlds.
func Shrink(t *testing.T, failed Result, limit int) Result {
	t.Helper()
	s := shrinker{t: t, best: failed, left: limit}
	for again := true; again && s.left > 0; {
		again = s.smaller()
	}
	for again := true; again && s.left > 0; {
		again = s.calmer()
	}
	return s.best
}

// shrinker is a search under way.
type shrinker struct {
	t    *testing.T
	best Result
	left int
}

// try keeps a world if it still breaks the promise.
func (s *shrinker) try(o Options) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	result := Run(s.t, o)
	if len(result.Violations) == 0 || result.Violations[0].Promise != s.best.Violations[0].Promise {
		return false
	}
	s.best = result
	return true
}

// smaller tries each size one below what it is.
func (s *shrinker) smaller() bool {
	found := false
	for _, less := range []func(*Options, shape) bool{
		func(o *Options, now shape) bool { o.Days = now.days - 1; return o.Days > 0 },
		func(o *Options, now shape) bool { o.Processes = now.processes - 1; return o.Processes > 0 },
		func(o *Options, now shape) bool { o.Workers = now.workers - 1; return o.Workers > 0 },
		func(o *Options, now shape) bool { o.Accounts = now.accounts - 1; return o.Accounts > 0 },
	} {
		o := s.best.Options
		if less(&o, shapeOf(o)) && s.try(o) {
			found = true
		}
	}
	return found
}

// calmer tries to do without each kind of fault that fired.
func (s *shrinker) calmer() bool {
	found := false
	for _, f := range Faults() {
		if s.best.Fired[f] == 0 {
			continue
		}
		o := s.best.Options
		o.Without = append(append([]Fault(nil), o.Without...), f)
		if s.try(o) {
			found = true
		}
	}
	return found
}
