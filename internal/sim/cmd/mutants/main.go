// Command mutants builds the product with each bug of package mutants and shows
// that the simulator, or a test, notices it.
//
//	go run ./internal/sim/cmd/mutants
//
// It must be run in the root of the module, and ends with status 1 if a mutant
// survives.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/sim/mutants"
)

// hunt is the search for one mutant's killer.
type hunt struct {
	mutant mutants.Mutant
	by     string // who noticed, empty if nobody
	took   time.Duration
	err    error
}

func main() {
	only := flag.String("only", "", "run only mutants whose name contains this")
	seeds := flag.Int("seeds", 400, "how many seeds to try")
	limit := flag.Duration("limit", 2*time.Minute, "how long a mutant may take")
	flag.Parse()
	var hunts []*hunt
	for _, m := range mutants.All() {
		if strings.Contains(m.Name, *only) {
			hunts = append(hunts, &hunt{mutant: m})
		}
	}
	var all sync.WaitGroup
	places := make(chan struct{}, max(runtime.NumCPU(), 1))
	for _, h := range hunts {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			began := time.Now()
			h.by, h.err = kill(&h.mutant, *seeds, *limit)
			h.took = time.Since(began)
		})
	}
	all.Wait()
	os.Exit(show(hunts))
}

// kill builds the product with a bug and returns who noticed it.
func kill(m *mutants.Mutant, seeds int, limit time.Duration) (by string, err error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans up as well
	overlay, err := write(m, root, dir)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./internal/sim/cmd/sim")
	args := []string{"-seeds", fmt.Sprint(seeds), "-seed", fmt.Sprint(max(m.Seed, 1)), "-stop", "-patience", "15s", "-twice", "0", "-shrink", "0"}
	if m.Tests != "" {
		build = exec.Command("go", "test", "-c", "-overlay", overlay, "-o", program, m.Tests)
		args = []string{"-test.run", m.Run, "-test.failfast"}
	}
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not build: %w\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	run := exec.CommandContext(ctx, program, args...)
	run.Dir = filepath.Join(root, filepath.FromSlash(m.Tests)) // tests read their testdata
	out, err := run.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("it takes longer than %s", limit)
	case err == nil:
		return "", nil
	case m.Tests != "":
		return first(out, "--- FAIL: "), nil
	}
	return first(out, "FAILED "), nil
}

// write puts the changed file and the overlay into a folder.
func write(m *mutants.Mutant, root, dir string) (overlay string, err error) {
	text, err := m.Apply(root)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, text, 0o600); err != nil {
		return "", err
	}
	replace := map[string]map[string]string{"Replace": {filepath.Join(root, filepath.FromSlash(m.File)): changed}}
	data, err := json.Marshal(replace)
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}

// first returns the first line of an output behind a mark.
func first(out []byte, mark string) string {
	for line := range strings.Lines(string(out)) {
		if _, rest, ok := strings.Cut(line, mark); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "it panics"
}

// show prints the table and returns the status of the program.
func show(hunts []*hunt) int {
	status, killed := 0, 0
	for _, h := range hunts {
		switch {
		case h.err != nil:
			status = 1
			fmt.Printf("ERROR     %5.1fs  %s: %v\n", h.took.Seconds(), h.mutant.Name, h.err)
		case h.by == "":
			status = 1
			fmt.Printf("SURVIVES  %5.1fs  %s (%s)\n", h.took.Seconds(), h.mutant.Name, h.mutant.File)
		default:
			killed++
			fmt.Printf("killed    %5.1fs  %s: %.150s\n", h.took.Seconds(), h.mutant.Name, h.by)
		}
	}
	fmt.Printf("%d of %d mutants killed\n", killed, len(hunts))
	return status
}
