package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrInvalid is the error of a configuration with faults.
var ErrInvalid = errors.New("config: invalid")

// Fault is one thing that is wrong.
type Fault struct {
	Line, Column int
	Field        string
	Problem      string
}

// Faults are all that is wrong with a configuration.
type Faults struct {
	File string
	List []Fault
}

// Error names every fault, one a line.
func (f *Faults) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config: %s has %d fault(s):", cmp.Or(f.File, "the configuration"), len(f.List))
	for _, one := range f.List {
		b.WriteString("\n  ")
		if one.Line > 0 {
			fmt.Fprintf(&b, "line %d, column %d: ", one.Line, one.Column)
		}
		fmt.Fprintf(&b, "%s: %s", cmp.Or(one.Field, "file"), one.Problem)
	}
	return b.String()
}

// Unwrap returns [ErrInvalid].
func (f *Faults) Unwrap() error { return ErrInvalid }

// reader collects the faults of a file.
type reader struct {
	folder  string
	environ func(string) (string, bool)
	faults  []Fault
}

func (r *reader) fault(node *yaml.Node, field, format string, args ...any) {
	f := Fault{Field: field, Problem: fmt.Sprintf(format, args...)}
	if node != nil {
		f.Line, f.Column = node.Line, node.Column
	}
	r.faults = append(r.faults, f)
}

// path makes a path of the file relative to the file itself.
func (r *reader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.folder, p)
}

// sorted returns the faults by line.
func (r *reader) sorted() []Fault {
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.faults
}

// section is a mapping whose keys are taken one by one; what nobody took is a
// fault.
type section struct {
	r      *reader
	node   *yaml.Node
	prefix string
	keys   map[string]*yaml.Node // by name, those that were not taken yet
	names  map[string]*yaml.Node
	fields []string // that were asked for
	broken bool     // it is no mapping, which is a fault already
}

// open begins a mapping. A node that is none is a fault, and reads as empty.
func (r *reader) open(node *yaml.Node, prefix string) *section {
	s := &section{r: r, node: node, prefix: prefix, keys: map[string]*yaml.Node{}, names: map[string]*yaml.Node{}}
	if node == nil || node.Tag == "!!null" {
		return s
	}
	if node.Kind == yaml.AliasNode {
		r.fault(node, cmp.Or(prefix, "file"), "aliases are not supported: write it out")
		s.broken = true
		return s
	}
	if node.Kind != yaml.MappingNode {
		r.fault(node, cmp.Or(prefix, "file"), "want a mapping of fields")
		s.broken = true
		return s
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if first := s.names[key.Value]; first != nil {
			r.fault(key, s.at(key.Value), "is there twice, first in line %d", first.Line)
			continue
		}
		s.names[key.Value], s.keys[key.Value] = key, node.Content[i+1]
	}
	return s
}

// at is the whole name of a field.
func (s *section) at(key string) string {
	if s.prefix == "" {
		return key
	}
	return s.prefix + "." + key
}

// take returns the value of a field, nil if there is none.
func (s *section) take(key string) *yaml.Node {
	s.fields = append(s.fields, key)
	return s.pull(key)
}

// pull takes a key that is no field, if it is there: its fault is another one than
// that of an unknown field.
func (s *section) pull(key string) *yaml.Node {
	node := s.keys[key]
	delete(s.keys, key)
	if node != nil && node.Tag == "!!null" {
		return nil
	}
	return node
}

// line is where the section begins, or the section around it.
func (s *section) line() *yaml.Node { return s.node }

// only reports fields that stand there although only another kind has them.
func (s *section) only(kind string, fields ...string) {
	for _, key := range fields {
		if at := s.names[key]; at != nil {
			s.r.fault(at, s.at(key), "is of kind %s only: set kind: %s, or leave it away", kind, kind)
		}
	}
}

// done reports the keys that nobody took.
func (s *section) done() {
	for name := range s.keys {
		s.r.fault(s.names[name], s.at(name), "unknown field%s", suggestion(name, s.fields))
	}
}

// suggestion names the known field that an unknown one is nearest to.
func suggestion(name string, known []string) string {
	for _, k := range known {
		if distance(name, k) <= 2 {
			return fmt.Sprintf(": did you mean %q?", k)
		}
	}
	if len(known) > 0 {
		return ": want one of " + strings.Join(known, ", ")
	}
	return ""
}

// distance counts the letters that differ between two short names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
