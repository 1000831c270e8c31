// Package oauth is the token route: it exchanges a user's name and password, or
// a client's own credentials, for a token of the identity provider, and answers
// in the form of OAuth 2.0 (RFC 6749, sections 5.1 and 5.2) whatever form the
// provider has.
//
// It is for tools and for trusted clients of one's own. The password grant shows
// the password to the API, which is why OAuth itself now advises against it
// (RFC 9700, section 2.4): people should sign in at the provider's own page.
//
// The route gives no refresh token and takes none (unsupported_grant_type). A
// client that wants another token sends its credentials again. An application that
// needs refresh tokens gets them at the provider's own page.
//
// Whoever can reach the route can guess passwords with it. It counts nothing,
// since the instances of a function share no memory: what limits the guesses is
// API Gateway's throttling of the route, and what the provider does itself.
//
// No name, password, secret or token reaches the log or an error's text, and
// nothing of what the provider says does but its error code.
package oauth
