package sample

import (
	"fmt"
	"strings"
)

// Overlapping returns a manifest of 2^n routes. They are all the paths of n segments,
// each of which is a word or a variable, so every two of the routes overlap.
// With other, they are the same routes with another group each.
func Overlapping(n int, other bool) []byte {
	group := 0
	if other {
		group = 1
	}
	var b strings.Builder
	b.WriteString("version: 1\n\nroutes:\n")
	for i := range 1 << n {
		b.WriteString("  - path: ")
		b.WriteString(overlapping(n, i, "{v%d}"))
		fmt.Fprintf(&b, "\n    method: GET\n    handler: show\n    name: route_%d\n    groups: [group_%d]\n\n", i, (i+group)%40)
	}
	return []byte(b.String())
}

// OverlappingPath returns the path of a request that only the i-th of these routes
// answers.
func OverlappingPath(n, i int) string { return overlapping(n, i, "value%d") }

func overlapping(n, i int, variable string) string {
	var b strings.Builder
	for j := range n {
		b.WriteByte('/')
		if i>>j&1 == 0 {
			fmt.Fprintf(&b, "word%d", j)
		} else {
			fmt.Fprintf(&b, variable, j)
		}
	}
	return b.String()
}
