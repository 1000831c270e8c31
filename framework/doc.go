// Package framework serves a table of routes from AWS Lambda: events of API
// Gateway become net/http requests, every request is decided by the manifest
// before a handler sees it, and the handler's answer goes back in the event's
// own form.
//
//	app, err := framework.New(manifest, framework.Handlers{"get_user": getUser}, opts)
//	if err != nil {
//		log.Fatal(err)
//	}
//	app.ExitOnSIGTERM(nil)
//	lambda.Start(app)
//
// App.Handler serves the same table over net/http, in a container.
//
// Handlers are plain net/http: r.PathValue("id") is a variable of the path,
// r.URL.Path the path without the stage, r.Pattern the route key, and
// PrincipalFrom(r.Context()) who calls. LoggerFrom(r.Context()) logs with the
// request's id.
//
// # What is believed
//
// The gateway, and nothing that a client could send: who calls is read from the
// event's requestContext.authorizer. The bearer token in the Authorization
// header is believed as far as it is shown to be the one that the gateway
// verified. That rests on the function being invoked by the gateway only: an
// IAM principal that may call lambda:InvokeFunction can write any event it
// likes. A load balancer vouches for nobody, so that it can serve public routes
// only; so does a Function URL, except for IAM routes.
//
// In a container there is no gateway to believe: HandlerOptions.Verify checks the
// token, and nothing else that a client sends says who it is.
//
// How API Gateway behaves was taken from AWS's documentation and from published
// captures of live traffic; nothing here was tried against a live API by this
// package's own tests.
package framework
