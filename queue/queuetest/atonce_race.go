//go:build race

package queuetest

// atOnce is how many cases of a suite run in real time at the same time, at most.
// With the race detector they compute more than they wait.
const atOnce = 4
