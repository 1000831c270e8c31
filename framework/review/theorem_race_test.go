//go:build race

package review_test

// randomTables is how many random tables TestTheorem decides: fewer under the
// race detector, which takes ten times as long for each.
const randomTables = 300
