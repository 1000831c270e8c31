package framework

// snapshot is the table of the manifest that the program was packaged with; ""
// in a program that was not.
var snapshot string

// UseSnapshot hands over what route.Table.Snapshot has written, so that New need
// not check the manifest of which it is. It is called by the file that
// cmd/package adds to package main, and by nothing else: what it is given is
// believed (see route.Restore). The result, true, is for a variable that is
// declared before all others, so that they can be made by New.
func UseSnapshot(s string) bool {
	snapshot = s
	return true
}
