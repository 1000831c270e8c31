// Package frameworktest tests the handlers of a service: a request goes through
// the whole path in one line, as it does once the service is deployed.
//
//	c := frameworktest.New(t, orders.Manifest, handlers.All(), framework.Options{})
//	res := c.As(route.Principal{Subject: "alice", Groups: []string{"STAFF"}}).Get("/v1/orders/42")
//
// The request meets the gateway as package gateway imitates it, which chooses the
// route, verifies the token and makes the event; then the App's decision and the
// handler. So a test finds what a handler called by itself cannot: a route that
// another one takes, a refusal, a variable that is named otherwise, a body that
// arrives in base64. Tokens are signed and verified for real, with a key that
// each test process makes for itself. Nothing listens and nothing is fetched.
package frameworktest
