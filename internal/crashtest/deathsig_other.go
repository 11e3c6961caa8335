//go:build !linux

package main

import "os/exec"

// dieWithParent does nothing here: a child ends when it misses its parent.
func dieWithParent(*exec.Cmd) {}
