// Package evenkeel is the root of a Go SDK that keeps brokerage accounts at
// their target allocation, and keeps the money safe while anything around it
// fails. It has no code: start with package rebalance.
//
//   - rebalance: the engine, one run of an account, the planner
//   - broker: accounts, instruments, orders; broker/fake is one in memory
//   - allocation: where targets come from
//   - marketdata: where prices come from
//   - queue: the events that ask for work; queue/memqueue is one in memory
//   - journal: the write-ahead record of runs and orders
//   - retry: backoff, breaker, timeout, error classes
package evenkeel
