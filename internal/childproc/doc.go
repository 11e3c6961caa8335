// Package childproc starts programs that do not outlive the one that started
// them, for tests that kill, pause and start again what money depends on.
//
// A [Process] is ended by [Process.Kill] at the latest. On Linux the kernel kills
// it, too, when the process that started it ends in any other way. The end of
// what it said is kept.
package childproc
