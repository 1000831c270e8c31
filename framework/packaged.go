package framework

import "github.com/routegate/routegate/framework/route"

// packaged is the table of the manifest that the program was packaged with; nil in
// a program that was not.
var packaged *route.Packaged

// UsePackaged hands over what route.Table.Packaged has made, so that New need not
// check the manifest of which it is. It is called by the file that cmd/package adds
// to package main, and by nothing else: what it is given is believed. The result,
// true, is for a variable that is declared before all others, so that they can be
// made by New.
func UsePackaged(p *route.Packaged) bool {
	packaged = p
	return true
}
