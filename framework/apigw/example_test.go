package apigw_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/routegate/routegate/framework/apigw"
)

const payload = `{
	"version": "2.0",
	"routeKey": "GET /users/{id}",
	"rawPath": "/mvp/users/J Doe",
	"rawQueryString": "full=true",
	"headers": {"host": "abcde12345.execute-api.eu-central-1.amazonaws.com"},
	"pathParameters": {"id": "J Doe"},
	"requestContext": {
		"authorizer": {"jwt": {"claims": {"sub": "user-1", "groups": "[USERS]"}, "scopes": null}},
		"http": {"method": "GET", "path": "/mvp/users/J Doe", "sourceIp": "203.0.113.7"},
		"requestId": "JKJaXmPLvHcESHA=",
		"stage": "mvp"
	},
	"isBase64Encoded": false
}`

// A handler sees a request like any other; what the gateway knows beyond that is in
// the event.
func ExampleDecode() {
	event, err := apigw.Decode([]byte(payload))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Source, "chose", event.RouteKey, "with", event.PathParameters)
	fmt.Println(event.Authorizer.Kind == apigw.JWTAuthorizer, event.Authorizer.Claims()["sub"])

	req, err := event.Request(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(req.Method, req.RequestURI, "from", req.RemoteAddr)
	fmt.Println(req.URL.Path)
	// Output:
	// HTTP API chose GET /users/{id} with map[id:J Doe]
	// true user-1
	// GET /users/J%20Doe?full=true from 203.0.113.7:0
	// /users/J Doe
}

func ExampleEvent_Encode() {
	event, err := apigw.Decode([]byte(payload))
	if err != nil {
		log.Fatal(err)
	}
	req, err := event.Request(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "created for %s", r.URL.Query().Get("full"))
	})

	resp := apigw.NewResponse(event.Method)
	handler.ServeHTTP(resp, req)
	answer, err := event.Encode(resp)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(answer))
	// Output:
	// {"statusCode":201,"headers":{"Content-Type":"text/plain; charset=utf-8"},"cookies":["seen=yes"],"body":"created for true","isBase64Encoded":false}
}

// The event is in the request's context, for the few handlers that want it.
func ExampleEventFrom() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if event, ok := apigw.EventFrom(r.Context()); ok {
			fmt.Println("request", event.RequestID, "by", event.Source)
		}
	}
	event, err := apigw.Decode([]byte(payload))
	if err != nil {
		log.Fatal(err)
	}
	req, err := event.Request(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	handler(apigw.NewResponse(event.Method), req)
	// Output:
	// request JKJaXmPLvHcESHA= by HTTP API
}
