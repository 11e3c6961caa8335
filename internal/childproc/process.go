package childproc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// Process is a child process. Make one with [Start]. Its methods are safe for
// concurrent use.
type Process struct {
	// Cmd is the command that was started. Its ProcessState is there once
	// [Process.Exited] is closed.
	Cmd *exec.Cmd

	output output
	exited chan struct{}
}

// Start starts a command. What the command does not send elsewhere is kept for
// [Process.Output].
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{Cmd: cmd, exited: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.output
	}
	dieWithParent(cmd)
	started := make(chan error, 1)
	go func() {
		// On Linux a child can be made to die with the thread that started it;
		// so the thread is kept as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.exited
		return nil, fmt.Errorf("childproc: start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// Kill ends the process at once, as kill -9 does, and waits for its end. Of one
// that has ended it returns nil.
func (p *Process) Kill() error {
	err := p.Cmd.Process.Kill()
	<-p.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Running reports whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Output is the end of what the process said, 16 KiB at most.
func (p *Process) Output() string { return p.output.String() }

// output keeps the end of what a process says.
type output struct {
	mu   sync.Mutex
	data []byte
}

// Write keeps the last 16 KiB.
func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data = append(o.data, data...)
	if over := len(o.data) - 16<<10; over > 0 {
		o.data = bytes.Clone(o.data[over:])
	}
	return len(data), nil
}

// String returns what was kept.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.data)
}
