package evenkeel_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/evenkeel/evenkeel"

// The interface packages, and which others of them each may import.
var interfaces = map[string][]string{
	"broker":     nil,
	"queue":      nil,
	"retry":      nil,
	"allocation": {"broker"},
	"marketdata": {"broker"},
	"journal":    {"broker"},
}

// source is the product code of one package.
type source struct {
	imports []string
	files   map[string]*ast.File
}

// TestImportRule holds the module to the dependency rule of DESIGN.md.
func TestImportRule(t *testing.T) {
	for dir, src := range packages(t) {
		for _, imported := range src.imports {
			own, isOwn := strings.CutPrefix(imported, module+"/")
			if fault := importFault(dir, own, isOwn); fault != "" {
				t.Errorf("%s imports %s: %s", dir, imported, fault)
			}
		}
	}
}

// importFault says why a package may not import one of ours, or nothing.
func importFault(dir, own string, isOwn bool) string {
	switch {
	case !isOwn || strings.HasPrefix(own, "internal/"), strings.HasPrefix(dir, "internal/sim"): // the simulator composes all
		return ""
	case isSuite(own):
		return "conformance suites are for tests"
	}
	allowed, isInterface := interfaces[dir]
	_, ofInterface := interfaces[own]
	switch {
	case isInterface && !slices.Contains(allowed, own):
		return "an interface package may only import " + strings.Join(append(allowed, "internal"), ", ")
	case own == "rebalance" && !strings.HasPrefix(dir, "rebalance/"):
		return "nothing below the engine knows the engine"
	case !ofInterface && own != "rebalance" && own != path.Dir(dir):
		return "implementations are chosen by the program that composes them"
	}
	return ""
}

// isSuite reports whether a package is a conformance suite.
func isSuite(dir string) bool {
	return strings.HasSuffix(path.Base(dir), "test") && strings.Contains(dir, "/")
}

// TestRunPathIsStraight: a run has no goroutine, no select and no clock of its
// own; only the service loop does.
func TestRunPathIsStraight(t *testing.T) {
	loop := []string{"engine.go", "consume.go"}
	for name, file := range packages(t)["rebalance"].files {
		if slices.Contains(loop, name) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("rebalance/%s starts a goroutine", name)
			case *ast.SelectStmt:
				t.Errorf("rebalance/%s has a select", name)
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.SelectorExpr); ok && isIdent(fn.X, "time") && slices.Contains(clocks, fn.Sel.Name) {
					t.Errorf("rebalance/%s calls time.%s: time comes from Config.Now", name, fn.Sel.Name)
				}
			}
			return true
		})
	}
}

var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}

// TestNoFloats: no float in product code, except where a dependency forces one.
func TestNoFloats(t *testing.T) {
	for dir, src := range packages(t) {
		if strings.HasPrefix(dir, "broker/ibkr") || dir == "retry" || dir == "rebalance/otel" || strings.HasPrefix(dir, "internal/sim") { // backoff factors are no money
			continue
		}
		for name, file := range src.files {
			ast.Inspect(file, func(n ast.Node) bool {
				if isIdent(n, "float64") || isIdent(n, "float32") {
					t.Errorf("%s/%s uses a float", dir, name)
				}
				return true
			})
		}
	}
}

func isIdent(n ast.Node, name string) bool {
	id, ok := n.(*ast.Ident)
	return ok && id.Name == name
}

// packages parses the product code of the module, by folder.
func packages(t *testing.T) map[string]source {
	t.Helper()
	found := map[string]source{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "examples" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		if isSuite(dir) {
			return nil
		}
		src := found[dir]
		if src.files == nil {
			src.files = map[string]*ast.File{}
		}
		src.files[filepath.Base(name)] = file
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			src.imports = append(src.imports, p)
		}
		found[dir] = src
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, found, "rebalance")
	return found
}
