// Package openapi describes a [route.Table] as an OpenAPI document.
//
// [Document] is for people and for programs that call the API: OpenAPI 3.1
// (https://spec.openapis.org/oas/v3.1.1). [Import] is for API Gateway: OpenAPI
// 3.0 with AWS's extensions, since an HTTP API is made of a definition of 3.0
// (developer guide, "Use OpenAPI definitions for HTTP APIs"). Both are JSON, and
// equal tables give equal bytes.
//
// The function imports this package to serve its own description, so that it
// needs nothing beside the standard library and package route.
//
// # What OpenAPI says in other words
//
// Scopes. A route takes any one of its scopes, while the scopes of a security
// requirement must all be there. [Document] therefore has a requirement for each
// scope, any one of which is enough. API Gateway reads the scopes of one
// requirement as its authorizationScopes, any one of which is enough, so that
// [Import] has them in one.
//
// Groups. OpenAPI has no word for them: they are in x-groups, and in words in the
// description. API Gateway does not know them.
//
// ANY. A path has an operation for each method that the route takes: API
// Gateway's seven, without TRACE, less those that routes of the same path take.
// [Import] has API Gateway's x-amazon-apigateway-any-method.
//
// Greedy variables. OpenAPI has none: /files/{path+} is /files/{path}, with a
// parameter whose description says that it takes the rest. Where another route
// is /files/{id}, which API Gateway prefers, it is /files/{path_1}/{path}.
// [Import] has /files/{path+}, as API Gateway writes it.
//
// Names of variables. /users/{id} and /users/{user} are one path to OpenAPI,
// which takes the name that comes first. [Import] keeps the route keys.
package openapi
