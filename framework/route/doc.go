// Package route gives a manifest its meaning: the table of routes, which of
// them answers a request, and who may call it.
//
// A Table exists only if its manifest is valid, and does not change. Load makes
// it, or Restore of what Load has made when the program was built; a Router finds
// routes and decides; both are safe for concurrent use.
//
// # Which route answers
//
//	of two routes that match   answers          because
//	GET /users/me              GET /users/me    its requests are a part of the other's
//	GET /users/{id}
//	GET /users/{id}            GET /users/{id}  no greedy variable
//	GET /users/{rest+}
//	GET /a/{rest+}             GET /a/{rest+}   its requests are a part of the other's
//	ANY /{rest+}
//	GET /a/{x}                 neither          GET /a/b has no clear answer, so the
//	GET /{y}/b                                  manifest is refused
//
// The rules are those of API Gateway's HTTP APIs (developer guide, "Create
// routes for HTTP APIs"); where AWS does not say which of two routes is first,
// the manifest may not have both.
//
// # Who may call it
//
// Decide makes four checks. The first check that fails determines the response.
//
//  1. route: a path with a segment "." or ".." is refused. The route is the one
//     that the gateway chose, if its pattern filled with the gateway's path
//     parameters gives the path. If no gateway chose a route of the table, the
//     Router finds it. It splits the encoded path into segments before it decodes
//     them, or splits the decoded path if the event has no other;
//  2. caller: a public route asks nothing. Any other route needs a caller that
//     somebody vouched for in the way the route asks (a token, or IAM);
//  3. scopes: the token holds at least one of the route's scopes;
//  4. groups: the caller is in at least one of the route's groups.
//
// A handler reads the decoded path, in which an escaped slash looks like any other.
// If that path belongs to another route, checks 2 to 4 are made for the other route
// too, after those of the first one. Otherwise a public /files/{path+} would give
// away what /files/secret/{id} protects, for the path /files/secret%2F1. A caller
// thereby never reaches a handler that it could not reach by a path without
// escapes.
//
// Deny is the zero value everywhere: Access{}, Caller{} and Decision{} let
// nobody in.
package route
