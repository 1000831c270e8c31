package framework_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// The Content-Length of the response to HEAD is the same from net/http, from a
// container and from a function behind the local API, except where the row says so.
func TestHeadContentLength(t *testing.T) {
	t.Parallel()
	write := func(n int, more ...func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for _, f := range more {
				f(w)
			}
			_, _ = io.WriteString(w, strings.Repeat("x", n))
		}
	}
	status := func(code int) func(http.ResponseWriter) { return func(w http.ResponseWriter) { w.WriteHeader(code) } }
	set := func(name, v string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.Header().Set(name, v) }
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string // from net/http and from a container
		local   string // from a function behind the local API, if it differs
	}{
		// A handler that notices HEAD writes nothing either, so net/http sends no
		// length. The gateway adds one to every response.
		{"nothing", write(0), "", "0"},
		{"something", write(5), "5", ""},
		{"as much as net/http keeps", write(2048), "2048", ""},
		// net/http has sent the header when it learns the length.
		{"more than net/http keeps", write(5000), "", "5000"},
		{"its own", write(5, set("Content-Length", "7")), "7", ""},
		{"its own, and no body", write(0, set("Content-Length", "7")), "7", ""},
		{"its own, in lower case", write(0, func(w http.ResponseWriter) { w.Header()["content-length"] = []string{"7"} }), "7", ""},
		{"an error", write(5, status(404)), "5", ""},
		{"no content", write(0, status(204)), "", ""},
		{"no content, and a body", write(5, status(204)), "", ""},
		{"no content, and its own", write(0, set("Content-Length", "7"), status(204)), "", ""},
		{"not modified", write(0, set("Content-Length", "7"), status(304)), "", ""},
		{"a file", func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, "10", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const manifest = "{version: 1, routes: [{path: /x, method: HEAD, handler: x, public: true}]}"
			app, err := framework.New([]byte(manifest), framework.Handlers{"x": test.handler}, framework.Options{Logger: discard})
			if err != nil {
				t.Fatal(err)
			}
			table, _ := route.Load("routes.yaml", []byte(manifest), nil)
			local := test.local
			if local == "" {
				local = test.want
			}
			for name, server := range map[string]struct {
				handler http.Handler
				want    string
			}{
				"net/http":      {test.handler, test.want},
				"container":     {app.Handler(framework.HandlerOptions{}), test.want},
				"the local API": {gateway.New(table, app, gateway.Options{}), local},
			} {
				s := httptest.NewServer(server.handler)
				defer s.Close()
				resp, err := http.Head(s.URL + "/x")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if got := strings.Join(resp.Header["Content-Length"], ", "); got != server.want {
					t.Errorf("%s: Content-Length %q, want %q", name, got, server.want)
				}
			}
		})
	}
}

// A problem document has a length in the response to HEAD, too.
func TestHeadOfAProblem(t *testing.T) {
	t.Parallel()
	s := newService(t, "{version: 1, routes: [{path: /x, method: ANY, handler: x}]}", framework.Options{}, "x")
	length := func(method string) (int, string) {
		out, err := s.app.Invoke(t.Context(), []byte(plain(httpAPI(method, "/x", "ANY /x"))))
		if err != nil {
			t.Fatal(err)
		}
		status, headers, body := answerParts(t, out)
		if status != 401 {
			t.Fatalf("%s: status %d", method, status)
		}
		return len(body), headers["Content-Length"]
	}
	n, _ := length("GET")
	if _, got := length("HEAD"); n == 0 || got != fmt.Sprint(n) {
		t.Errorf("HEAD names %s bytes, GET has %d", got, n)
	}
}
