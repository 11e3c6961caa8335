// Package benchmarks compares the queue on Redis with its peers on the same
// server in the same run. It is a module of its own, so that the peers do not
// become dependencies of evenkeel.
//
//	cd benchmarks && GOWORK=off go test -run '^$' -bench . -benchtime 3x
//
// A redis-server in PATH is needed. [BenchmarkRedis] reports the throughput of
// each system, and the ratios of ours to the others.
//
// All of them have the same events (account, command and a small payload), the same
// server with an append-only file that is synced every second, 24 publishers of
// which each waits for its answer, and 24 workers of which each has one event at a
// time. asynq runs with Unique, so that both keep duplicates out. The stream does
// less: it is the floor.
//
// Server and clients share the processors, so run it on a machine that has nothing
// else to do, and look at the ratios rather than at the figures. On two processors,
// with -benchtime 3x:
//
//	throughput of ours   to asynq     to the stream
//	enqueue              1.2 to 1.3   0.71 to 0.76
//	process              2.0 to 2.2   0.85 to 0.98
package benchmarks
