package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
)

// The differences between the function behind the local API and the container, which
// deploy/README.md lists.
func TestDifferences(t *testing.T) {
	t.Parallel()
	type handler = func(w http.ResponseWriter, r *http.Request)
	// see returns a handler that answers with what it sees.
	see := func(f func(r *http.Request) any) handler {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", fmt.Sprint(f(r))) }
	}
	header := func(name string) handler {
		return see(func(r *http.Request) any { return strings.Join(r.Header[name], " and ") })
	}
	set := func(name string, values ...string) handler {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header()[name] = values }
	}
	write := func(status int, body string) handler {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	then := func(first, second handler) handler {
		return func(w http.ResponseWriter, r *http.Request) {
			first(w, r)
			second(w, r)
		}
	}
	body := func(_ *http.Response, body string, err error) string { return body }
	all := func(name string) func(*http.Response, string, error) string {
		return func(resp *http.Response, _ string, _ error) string { return strings.Join(resp.Header[name], " and ") }
	}
	length := func(resp *http.Response, _ string, err error) string { return fmt.Sprint(resp.ContentLength, " ", err) }
	code := func(resp *http.Response, _ string, _ error) string {
		if resp == nil {
			return "cut"
		}
		return fmt.Sprint(resp.StatusCode)
	}
	get := func(headers string) string { return "GET /x HTTP/1.1\nHost: api.example.com\n" + headers + "\n" }
	const chunked = "POST /x HTTP/1.1\nHost: api.example.com\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"
	const trace = "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0"
	for _, test := range []struct {
		name                string
		request             string
		handler             handler
		got                 func(resp *http.Response, body string, err error) string
		function, container string
	}{
		// What a handler sees.
		{"repeated header", get("X-A: 1\nX-A: 2\n"), header("X-A"), body, `"1,2"`, `"1 and 2"`},
		{"repeated cookie header", get("Cookie: a=1\nCookie: b=2\n"), header("Cookie"), body, `"a=1; b=2"`, `"a=1 and b=2"`},
		{"hop-by-hop header", get("Connection: keep-alive\nTE: trailers\n"), header("Te"), body, `""`, `"trailers"`},
		{"header that Connection names", get("Connection: keep-alive, X-A\nX-A: 1\n"), header("X-A"), body, `""`, `"1"`},
		{"header that is not UTF-8", get("X-A: \xff\n"), header("X-A"), body, `"` + "\ufffd" + `"`, `"\xff"`},
		{"X-Forwarded-For", get("X-Forwarded-For: 203.0.113.7\n"), header("X-Forwarded-For"), body, `"203.0.113.7, 127.0.0.1"`, `"203.0.113.7"`},
		{"X-Forwarded-Proto", get(""), header("X-Forwarded-Proto"), body, `"https"`, `""`},
		{"X-Amzn-Trace-Id is the client's", get("X-Amzn-Trace-Id: " + trace + "\n"),
			see(func(r *http.Request) any { return r.Header.Get("X-Amzn-Trace-Id") == trace }), body, `"false"`, `"true"`},
		{"length header without a body", get(""), header("Content-Length"), body, `"0"`, `""`},
		{"length of a chunked body", chunked, see(func(r *http.Request) any { return r.ContentLength }), body, `"3"`, `"-1"`},
		{"Transfer-Encoding", chunked, see(func(r *http.Request) any { return r.TransferEncoding }), body, `"[]"`, `"[chunked]"`},
		{"TLS", get(""), see(func(r *http.Request) any { return r.TLS != nil }), body, `"true"`, `"false"`},
		{"port of the client", get(""), see(func(r *http.Request) any { return strings.HasSuffix(r.RemoteAddr, ":0") }), body, `"true"`, `"false"`},
		{"protocol", "GET /x HTTP/1.0\nHost: api.example.com\n\n", see(func(r *http.Request) any { return r.Proto }), body, `"HTTP/1.1"`, `"HTTP/1.0"`},
		{"encoding of the path", "GET /x/a%2Fb HTTP/1.1\nHost: api.example.com\n\n", see(func(r *http.Request) any { return r.RequestURI }), body, `"/x/a/b"`, `"/x/a%2Fb"`},
		{"absolute target", "GET http://api.example.com/x HTTP/1.1\nHost: api.example.com\n\n", see(func(r *http.Request) any { return r.RequestURI }), body, `"/x"`, `"http://api.example.com/x"`},
		{"Flusher", get(""), func(w http.ResponseWriter, _ *http.Request) {
			_, ok := w.(http.Flusher)
			fmt.Fprint(w, ok)
		}, body, "false", "true"},

		// What a client sees.
		{"repeated response header", get(""), set("X-A", "1", "2"), all("X-A"), "1, 2", "1 and 2"},
		{"repeated Set-Cookie", get(""), set("Set-Cookie", "a=1", "b=2"), all("Set-Cookie"), "a=1 and b=2", "a=1 and b=2"},
		{"hop-by-hop response header", get(""), set("Upgrade", "x"), all("Upgrade"), "", "x"},
		{"response header that is not UTF-8", get(""), set("X-A", "\xff"), all("X-A"), "\ufffd", "\xff"},
		{"Date of the handler", get(""), set("Date", "x"), func(resp *http.Response, _ string, _ error) string {
			return fmt.Sprint(resp.Header.Get("Date") == "x")
		}, "false", "true"},
		{"type of an empty response", get(""), write(200, ""), all("Content-Type"), "text/plain; charset=utf-8", ""},
		{"header with the request's id", get(""), write(200, ""), func(resp *http.Response, _ string, _ error) string {
			return fmt.Sprint(resp.Header.Get("Apigw-Requestid") != "", resp.Header.Get("X-Request-Id") != "")
		}, "true false", "false true"},
		{"body longer than its Content-Length", get(""), then(set("Content-Length", "2"), write(200, "hello")), length, "5 <nil>", "2 unexpected EOF"},
		{"body shorter than its Content-Length", get(""), then(set("Content-Length", "9"), write(200, "hello")), length, "5 <nil>", "9 unexpected EOF"},
		{"body of 5 kB", get(""), write(200, strings.Repeat("x", 5000)), length, "5000 <nil>", "-1 <nil>"},
		{"body of 7 MB", get(""), write(200, strings.Repeat("x", 7<<20)), code, "500", "200"},
		{"status 599", get(""), write(599, ""), code, "599", "599"},
		{"status 600", get(""), write(600, ""), code, "500", "600"},
		{"status 101", get(""), write(101, ""), code, "500", "500"},
		{"panic before the first write", get(""), func(http.ResponseWriter, *http.Request) { panic(1) }, code, "500", "500"},
		{"panic after the first write", get(""), then(write(200, "hello"), func(http.ResponseWriter, *http.Request) { panic(1) }), code, "500", "cut"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const manifest = "{version: 1, routes: [{path: '/x', method: ANY, handler: x, public: true}, {path: '/x/{p+}', method: ANY, handler: x, name: greedy, public: true}]}"
			container, function := newTargets(t, manifest, framework.Handlers{"x": test.handler}, nil, gateway.Options{})
			for _, g := range []struct {
				name, address, want string
			}{{"function", function.address, test.function}, {"container", container.address, test.container}} {
				if got := test.got(exchangeRaw(t, g.address, test.request)); got != g.want {
					t.Errorf("%s: %q, want %q", g.name, got, g.want)
				}
			}
		})
	}
}

// exchangeRaw sends a request, in which "\n" is CR LF, and returns the response. It
// returns nil if the connection ended before the response had a header.
func exchangeRaw(t *testing.T, address, request string) (*http.Response, string, error) {
	t.Helper()
	conn := connect(t, address)
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return answerOf(bufio.NewReader(conn), http.MethodGet)
}
