//go:build unix

package childproc

import "syscall"

// CanPause reports whether processes can be paused here.
const CanPause = true

// Pause stops the process in the middle of whatever it does.
func (p *Process) Pause() error { return p.Cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.Cmd.Process.Signal(syscall.SIGCONT) }
