//go:build !routegate.packaged

package route

// packaged is what the program was packaged with: nothing. In a program that
// cmd/package builds the file that Table.PackagedSource returns stands in the place
// of this one.
var packaged *packagedTable
