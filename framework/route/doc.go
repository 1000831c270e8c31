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
// Decide makes four checks, and the first that fails answers:
//
//  1. route: the one that the gateway chose, if its pattern filled with the
//     gateway's path parameters gives the path; or the one that the Router
//     finds, where no gateway chose. In a container it finds it by the encoded
//     path, cut before it is decoded;
//  2. caller: nobody is asked for a public route; any other needs a caller that
//     was vouched for in the way the route asks (a token, or IAM);
//  3. scopes: the token holds at least one of the route's;
//  4. groups: the caller is in at least one of the route's.
//
// Deny is the zero value everywhere: Access{}, Caller{} and Decision{} let
// nobody in.
package route
