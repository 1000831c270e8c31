//go:build routegate.packaged

package manifest

// Parse reads no manifest. With the tag routegate.packaged, which cmd/package
// sets, the program has no YAML parser and no JSON Schema in it: initializing
// what compiles the schema takes longer than all else that a function does when
// it starts. The manifest that the function was packaged with was checked then,
// and route.Restore has its table. Every other is refused.
//
// It is so short that the compiler puts it in route.Load, and sees that nothing
// there goes on: what checks a manifest's meaning is not in the program either.
func Parse(filename string, src []byte) (*Manifest, *Report) { return nil, refuse(filename, src) }

func refuse(filename string, src []byte) *Report {
	r := &Report{Filename: filename, Source: src}
	r.Errorf(Span{}, "not-packaged", "this is not the manifest that the function was packaged with, or package main has not begun: a packaged function checks no manifest")
	return r
}
