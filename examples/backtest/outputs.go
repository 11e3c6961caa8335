package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// outputs are the files of a backtest. Each is written under a temporary name
// beside its own; commit gives all of them their names, abort leaves nothing.
type outputs struct {
	dir   string // empty: nothing is written
	made  bool   // by us
	files []output
}

// output is a file under way.
type output struct {
	name string
	file *os.File
}

// newOutputs makes the folder.
func newOutputs(dir string) (*outputs, error) {
	o := &outputs{dir: dir}
	if dir == "" {
		return o, nil
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		o.made = true
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("-out: %w", err)
	}
	return o, nil
}

// create begins a file.
func (o *outputs) create(name string) (io.Writer, error) {
	if o.dir == "" {
		return io.Discard, nil
	}
	f, err := os.CreateTemp(o.dir, "."+name+".*.tmp")
	if err != nil {
		return nil, err
	}
	o.files = append(o.files, output{name: name, file: f})
	return f, nil
}

// commit finishes the files and returns their names. They take the place of
// older ones only after all of them were written in full.
func (o *outputs) commit() ([]string, error) {
	for _, f := range o.files {
		if err := errors.Join(f.file.Chmod(0o644), f.file.Sync(), f.file.Close()); err != nil {
			return nil, err
		}
	}
	var names []string
	for len(o.files) > 0 {
		f := o.files[0]
		path := filepath.Join(o.dir, f.name)
		if err := os.Rename(f.file.Name(), path); err != nil {
			return nil, err
		}
		o.files = o.files[1:]
		names = append(names, f.name)
	}
	o.made = false
	return names, nil
}

// abort removes what was not committed. After a commit it does nothing.
func (o *outputs) abort() {
	for _, f := range o.files {
		_ = f.file.Close() // perhaps it is already
		_ = os.Remove(f.file.Name())
	}
	o.files = nil
	if o.made {
		_ = os.Remove(o.dir) // only if it is empty
	}
}
