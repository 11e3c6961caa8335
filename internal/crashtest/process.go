package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/childproc"
)

// process is a worker process.
type process struct {
	*childproc.Process
	name string
	slot int

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
	cmd := exec.Command(self, childArgument, string(argument))
	if spec.Verbose {
		cmd.Stderr = os.Stderr
	}
	p, err := childproc.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("crashtest: start a worker: %w", err)
	}
	return &process{Process: p, name: spec.Name, slot: slot}, nil
}

// kill ends the process at once, as kill -9 does, and waits for its end.
func (p *process) kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	_ = p.Kill()
}

// wasKilled reports whether it was ended by us.
func (p *process) wasKilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// exitCode is -1 for a process that was ended by a signal.
func (p *process) exitCode() int { return p.Cmd.ProcessState.ExitCode() }

// pause stops the process for a time, in the middle of whatever it does.
func (p *process) pause(d time.Duration) error {
	if !childproc.CanPause {
		return errors.New("crashtest: processes cannot be paused on this system")
	}
	err := p.Pause()
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
	if childproc.CanPause && p.Running() {
		_ = p.Resume()
	}
}
