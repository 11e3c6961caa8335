package evenkeel_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadmeShowsTheExample: the program in the README is the one that is
// compiled and run as an Example.
func TestReadmeShowsTheExample(t *testing.T) {
	example, err := os.ReadFile("rebalance/example_test.go")
	require.NoError(t, err)
	_, body, found := strings.Cut(string(example), "func Example() {\n")
	require.True(t, found)
	body, _, found = strings.Cut(body, "\t// Output:")
	require.True(t, found)

	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found)
	shown, _, found = strings.Cut(shown, "```")
	require.True(t, found)
	require.Equal(t, strings.ReplaceAll(body, "\n\t", "\n"), "\t"+shown)
}
