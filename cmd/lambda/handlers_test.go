package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
)

// concurrency is how many events the function under test runs at once, as a function
// of Lambda Managed Instances does.
const concurrency = 8

// meeting is where the handler "meet" waits for as many requests as can run at once.
var meeting struct {
	sync.Mutex
	waiting int
	all     chan struct{}
}

func meet(w http.ResponseWriter, r *http.Request) {
	meeting.Lock()
	if meeting.waiting == 0 {
		meeting.all = make(chan struct{})
	}
	all := meeting.all
	if meeting.waiting++; meeting.waiting == concurrency {
		meeting.waiting = 0
		close(all)
	}
	meeting.Unlock()
	select {
	case <-all:
		fmt.Fprint(w, r.URL.Query().Get("id"), " met the others")
	case <-r.Context().Done():
	}
}

// own answers with everything that must be the request's own.
func own(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	trace, _ := framework.TraceFrom(r.Context())
	lc, _ := lambdacontext.FromContext(r.Context())
	event, _ := apigw.EventFrom(r.Context())
	fmt.Fprint(w, strings.Join([]string{
		r.URL.Query().Get("id"), string(body), fmt.Sprint(err), trace, lc.AwsRequestID, event.RequestID, os.Getenv("_X_AMZN_TRACE_ID"),
	}, "|"))
}

// released lets the handlers go on that have outlived their deadline.
var released = make(chan struct{})

// late outlives its deadline. After hundreds of other requests it looks whether its
// request is still the one that it had, and writes to a response that is gone.
func late(w http.ResponseWriter, r *http.Request) {
	event, _ := apigw.EventFrom(r.Context())
	before := string(event.Payload())
	<-r.Context().Done()
	<-released
	id := r.URL.Query().Get("id")
	body, err := io.ReadAll(r.Body)
	intact := err == nil && string(body) == bodyOf(id) && string(event.Payload()) == before && r.Header.Get("X-Id") == id
	w.Header().Set("X-Late", "yes")
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprint(w, "late")
	fmt.Fprintf(os.Stderr, "%s is late, intact: %v\n", id, intact)
}

func release(http.ResponseWriter, *http.Request) { close(released) }

func bodyOf(id string) string { return strings.Repeat(id+" ", 500) }

// traceOf returns a trace header for each id.
func traceOf(id string) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(id, "r"))
	return fmt.Sprintf("Root=1-6a5145a9-%024x;Parent=53995c3f42cd8ad8;Sampled=0", n)
}
