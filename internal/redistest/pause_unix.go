//go:build unix

package redistest

import "syscall"

// pause stops the process in the middle of whatever it does.
func (p *process) pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// resume lets a paused process go on.
func (p *process) resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// canPause reports whether processes can be paused here.
const canPause = true
