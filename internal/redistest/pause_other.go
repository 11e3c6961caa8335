//go:build !unix

package redistest

import "errors"

// canPause reports whether processes can be paused here.
const canPause = false

func (p *process) pause() error  { return errors.ErrUnsupported }
func (p *process) resume() error { return errors.ErrUnsupported }
