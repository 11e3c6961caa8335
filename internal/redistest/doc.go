// Package redistest starts real Redis servers for tests: one ([Single]), a
// cluster of three masters ([NewCluster]), a master with a replica and a
// sentinel ([NewSentinel]). Each has its own port and its own directory, and can be
// killed, paused, and started again on the same data.
//
// The servers are those of redis-server in PATH. Without one the test is
// skipped, or fails if EVENKEEL_REQUIRE_REDIS is 1. [Mini] needs none: it is a
// server inside the process.
//
// No server outlives its test: it is killed at the test's cleanup, and on Linux
// by the kernel when the process of the test ends in any other way.
package redistest
