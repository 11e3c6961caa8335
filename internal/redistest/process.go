package redistest

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

// process is a child process that dies with the test.
type process struct {
	cmd    *exec.Cmd
	output *output
	exited chan struct{}
}

// start runs a program in a directory.
func start(program, dir string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), output: &output{}, exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.output, p.output
	dieWithParent(p.cmd)
	started := make(chan error, 1)
	go func() {
		// On Linux a child can be made to die with the thread that started it;
		// so the thread is kept as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.exited
		return nil, fmt.Errorf("redistest: start %s: %w", filepath.Base(program), err)
	}
	return p, nil
}

// kill ends the process at once and waits for its end.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// output keeps the end of what a process says.
type output struct {
	mu   sync.Mutex
	data []byte
}

// Write keeps the last 8 KiB.
func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data = append(o.data, data...)
	if over := len(o.data) - 8<<10; over > 0 {
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
