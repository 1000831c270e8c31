// Package gen makes from a [route.Table] the files that are kept beside the
// manifest: what a program other than this one reads of it.
//
// A generator is pure: table in, bytes out. Equal tables give equal bytes, with
// no clock, no order of a Go map and no order of the manifest in them, so a
// file that differs from what is generated is stale, and nothing else.
// [WriteFile] and [CompareFile] are all that touches a disk, and are the same
// for every generator.
//
// Only commands import this package. What it needs, and the function does not,
// stays out of the function's binary that way.
package gen
