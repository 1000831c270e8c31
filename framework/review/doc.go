// Package review answers questions about access: who may call what, why, what a
// change of the manifest changes, and whether a deployed gateway does what the
// manifest says.
//
// A manifest is small and finite, and every request is answered like one of
// finitely many others, so the answers are exact: nothing is sampled. Every one
// of them comes from the production router and the production decision
// ([route.Router.Decide]), the same that run in the function.
//
// Only commands import this package, and what it needs stays out of the
// function's binary.
package review
