// Package retry holds the policies that surround a call to something that can
// fail: backoff, timeout, breaker, and their composition.
//
// A [Policy] wraps a function; [Compose] nests policies, the outermost first.
// What a policy does with an error depends on its [Class], which the dependency
// that made the error decides by type and code, never by text: an error says
// its class by a method ErrorClass (see [ClassOf]), so that packages need not
// import this one.
//
// Around a call to one dependency they nest like this: a [Backoff] outside, so
// that each try counts for itself; inside it a [Breaker]; innermost [Timeout],
// so that each try has its own. One call path has one Backoff.
//
// No policy may surround the sending of an order: an order is sent once, and
// any doubt is resolved, not retried.
//
// All policies are safe for concurrent use and keep no state of a single call.
package retry
