// Package review answers questions about access: who may call what, why, and what
// a change of the manifest changes.
//
// A manifest is small and finite, and every request is answered like one of
// finitely many others, so the answers are exact: nothing is sampled. Every one
// of them comes from the production router and the production decision
// ([route.Router.Decide]), the same that run in the function.
//
// # The theorem
//
// The project rests on one statement. Assume that
//
//   - API Gateway verifies tokens and AWS signatures and selects routes as package
//     gateway says it does,
//   - the function can be invoked by that gateway only, and
//   - the gateway's routes and the function come from the same manifest.
//
// Then a request reaches a handler if and only if the manifest has a route for
// it, that handler is the route's, and the route is public; or asks for a token
// and the request has a valid one, with any one of the route's scopes, if it has
// some, and any one of its groups, if it has some; or asks for IAM and the
// request is signed by an IAM caller.
//
// Two parts of it hold with less. The gateway that the generated Terraform sets
// up lets nobody through whom the manifest's scopes and token rules refuse, and
// refuses nobody whom they allow, whatever the function does. And a function
// behind a gateway whose routes ask for too little, for no scopes, for a token in
// place of IAM or for nothing, still runs no handler for a caller whom the
// manifest refuses.
//
// TestTheorem holds all of it, as HTTP requests with signed tokens, against a
// second telling of the manifest's meaning that shares no code with the
// framework: for the shipped manifest and for thousands of random ones. The
// imitated gateway checks no AWS signatures, so IAM callers are events there.
//
// # Who imports it
//
// Only commands import this package, and what it needs stays out of the
// function's binary.
package review
