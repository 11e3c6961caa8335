//go:build !unix

package childproc

import "errors"

// CanPause reports whether processes can be paused here.
const CanPause = false

// Pause stops the process in the middle of whatever it does.
func (p *Process) Pause() error { return errors.ErrUnsupported }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return errors.ErrUnsupported }
