// Package benchmarks compares the queue on Redis with its peers on the same
// server in the same run. It is a module of its own, so that the peers do not
// become dependencies of evenkeel.
//
//	cd benchmarks && GOWORK=off go test -bench . -benchtime 1x
//
// A redis-server in PATH is needed. [BenchmarkRedis] reports the throughput of
// each system, and the ratios of ours to the others.
package benchmarks
