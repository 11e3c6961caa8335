// Package faultproxy is a TCP proxy that breaks connections on demand, for
// tests. It listens on the loopback interface, forwards to a target, and
// injects what a network does to a client: a reply that is lost after the
// request had its effect, silence in either direction, resets, delays, a server
// that takes no new connections.
//
// A fault is either tied to a request ([Proxy.On]: "the second request that
// contains SET loses its reply"), or it is a state of the link ([Proxy.Stall],
// [Proxy.Delay], [Proxy.Refuse]) that lasts until [Proxy.Heal], or it happens at
// once ([Proxy.Cut], [Proxy.Reset]). The proxy counts what it injected
// ([Proxy.Count]), so that a test can demand that its fault took place.
//
// All methods are safe for concurrent use. [Proxy.Close] waits for every
// goroutine of the proxy.
package faultproxy
