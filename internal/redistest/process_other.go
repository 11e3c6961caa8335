//go:build !linux

package redistest

import "os/exec"

// dieWithParent does nothing here: a child is killed at the test's cleanup only.
func dieWithParent(*exec.Cmd) {}
