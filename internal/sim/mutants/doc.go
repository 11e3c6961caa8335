// Package mutants holds bugs made by hand: each is one change of the product
// code that breaks a promise. The command internal/sim/cmd/mutants builds the
// product with each of them, in a temporary copy, and shows that the simulator or
// a test notices. What a mutant replaces must be in its file exactly once, so the
// list cannot rot unseen.
package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is one bug.
type Mutant struct {
	// Name says what the bug is.
	Name string
	// File is the path in the module, Old what stands in it once, New the bug.
	File, Old, New string
	// Tests are the packages whose tests must notice it, with Run to choose among
	// their tests. Default: none, the simulator must.
	Tests, Run string
	// Seed is where the simulator may begin to look, to be quick. Default: 1.
	Seed uint64
}

// Apply returns the text of the file with the bug in it. It is an error if Old
// is not there exactly once.
func (m *Mutant) Apply(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return nil, fmt.Errorf("mutants: %s: %w", m.Name, err)
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return nil, fmt.Errorf("mutants: %s: the text to replace is %d times in %s, want once: %q", m.Name, n, m.File, m.Old)
	}
	return []byte(strings.Replace(string(text), m.Old, m.New, 1)), nil
}
