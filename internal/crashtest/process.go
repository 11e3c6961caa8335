package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// process is a worker process.
type process struct {
	name   string
	slot   int
	cmd    *exec.Cmd
	output tail
	exited chan struct{}

	mu     sync.Mutex
	killed bool // by us
}

// startProcess starts a worker.
func startProcess(slot int, spec childSpec) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	argument, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	p := &process{name: spec.Name, slot: slot, cmd: exec.Command(self, childArgument, string(argument)), exited: make(chan struct{})}
	p.cmd.Stderr, p.cmd.Stdout = &p.output, &p.output
	if spec.Verbose {
		p.cmd.Stderr = os.Stderr
	}
	dieWithParent(p.cmd)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // a child may be made to die with the thread that started it
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("crashtest: start a worker: %w", err)
	}
	return p, nil
}

// kill ends the process at once, as kill -9 does, and waits for its end.
func (p *process) kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// wasKilled reports whether it was ended by us.
func (p *process) wasKilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// alive reports whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// exitCode is -1 for a process that was ended by a signal.
func (p *process) exitCode() int { return p.cmd.ProcessState.ExitCode() }

// pause stops the process for a time, in the middle of whatever it does.
func (p *process) pause(d time.Duration) error {
	if !canPause {
		return errors.New("crashtest: processes cannot be paused on this system")
	}
	err := stopProcess(p.cmd.Process)
	if errors.Is(err, os.ErrProcessDone) {
		return nil // it was killed meanwhile
	}
	if err != nil {
		return err
	}
	time.AfterFunc(d, p.resume)
	return nil
}

// resume lets it go on.
func (p *process) resume() {
	if canPause && p.alive() {
		_ = continueProcess(p.cmd.Process)
	}
}

// tail keeps the end of what a process says.
type tail struct {
	mu   sync.Mutex
	data []byte
}

// Write keeps the last 16 KiB.
func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, data...)
	if over := len(t.data) - 16<<10; over > 0 {
		t.data = bytes.Clone(t.data[over:])
	}
	return len(data), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
