//go:build !race

package review_test

// randomTables is how many random tables TestTheorem decides.
const randomTables = 2000
