package allocationtest_test

import (
	"fmt"

	"github.com/evenkeel/evenkeel/allocation/allocationtest"
)

func ExampleCases() {
	for _, c := range allocationtest.Cases()[:3] {
		fmt.Println(c.Name)
	}
	// Output:
	// gives the targets in full
	// keeps every digit of a weight
	// says when the targets were decided
}
