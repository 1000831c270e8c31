package frameworktest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/frameworktest"
	"github.com/routegate/routegate/framework/route"
)

var orders = []byte(`
version: 1
routes:
  - path: /v1/orders/{id}
    method: GET
    handler: get_order
    groups: [STAFF]
  - path: /v1/orders/{id}
    method: PUT
    handler: put_order
    scopes: [orders/write]
  - path: /v1/jobs/nightly
    method: POST
    handler: nightly
    auth: iam
tests:
  - name: staff reads orders
    as: { groups: [STAFF] }
    allow: [GET /v1/orders/42]
`)

var handlers = framework.Handlers{
	"get_order": func(w http.ResponseWriter, r *http.Request) {
		p, _ := framework.PrincipalFrom(r.Context())
		fmt.Fprintf(w, "order %s, for %s", r.PathValue("id"), p.Subject)
	},
	"put_order": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	},
	"nightly": func(w http.ResponseWriter, r *http.Request) {
		p, _ := framework.PrincipalFrom(r.Context())
		fmt.Fprintf(w, "started by %s", p.Subject)
	},
}

// A request takes a line.
func Example() {
	c := frameworktest.New(t, orders, handlers, framework.Options{})

	res := c.As(route.Principal{Subject: "alice", Groups: []string{"STAFF"}}).Get("/v1/orders/42")
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))

	// The function refuses whoever is in none of the groups, and the gateway
	// whoever has no token.
	res = c.As(route.Principal{Subject: "mallory"}).Get("/v1/orders/42")
	fmt.Println(res.StatusCode, res.Header.Get("Content-Type"))
	res = c.Get("/v1/orders/42")
	fmt.Println(res.StatusCode, res.Header.Get("Content-Type"))
	// Output:
	// 200 order 42, for alice
	// 403 application/problem+json
	// 401 application/json
}

// Do sends any request.
func ExampleClient_Do() {
	c := frameworktest.New(t, orders, handlers, framework.Options{Stage: "mvp"})
	r := httptest.NewRequest("PUT", "/v1/orders/42", strings.NewReader(`{"state": "paid"}`))
	r.Header.Set("Content-Type", "application/json")
	res := c.As(route.Principal{Scopes: []string{"orders/write"}}).Do(r)
	fmt.Println(res.Status)
	// Output:
	// 204 No Content
}

// An IAM caller has no token. The principal of the handler is its ARN.
func ExampleClient_AsIAM() {
	c := frameworktest.New(t, orders, handlers, framework.Options{})
	res := c.AsIAM("arn:aws:iam::111122223333:role/Scheduler").Post("/v1/jobs/nightly", "", nil)
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))
	// Output:
	// 200 started by arn:aws:iam::111122223333:role/Scheduler
}

// Every route wants a test in the manifest that has a request for it.
func ExampleTestManifest() {
	frameworktest.TestManifest(t, orders, handlers)
	// Output:
	// routes.yaml:8: no test of the manifest covers "PUT /v1/orders/{id}"
	// routes.yaml:12: no test of the manifest covers "POST /v1/jobs/nightly"
}

// In a test, t is the test's own. Here it prints what fails.
var t testing.TB = printer{}

type printer struct{ testing.TB }

func (printer) Helper()                           {}
func (printer) Output() io.Writer                 { return io.Discard }
func (printer) Logf(string, ...any)               {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printer) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
