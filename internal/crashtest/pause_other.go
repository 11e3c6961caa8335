//go:build !unix

package main

import (
	"errors"
	"os"
)

// canPause reports whether processes can be paused here.
const canPause = false

func stopProcess(*os.Process) error     { return errors.ErrUnsupported }
func continueProcess(*os.Process) error { return errors.ErrUnsupported }
