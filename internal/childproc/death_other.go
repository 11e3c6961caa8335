//go:build !linux

package childproc

import "os/exec"

// dieWithParent does nothing here: who starts a child must kill it.
func dieWithParent(*exec.Cmd) {}
