// Package service is the daemon that runs: the engine's service loop, what feeds
// it, what watches it, and the orderly end of all that in bounded time.
package service
