// Package bolttest is what the tests of the durable queue and the durable journal
// share: a process at work on a file that is killed ([Killed]), and benchmarks that
// are measured against their disk ([Measure]).
package bolttest
