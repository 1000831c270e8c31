package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/routegate/routegate/framework"
)

// What is too much of anything is refused, no handler sees it, and a body is not
// read for somebody who is refused, or where it is announced to be too long.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	const manifest = `
version: 1
routes:
  - {path: /open, method: ANY, handler: open, public: true}
  - {path: '/open/{x+}', method: ANY, handler: open, name: greedy, public: true}
  - {path: /secret, method: ANY, handler: secret, groups: [admin]}
`
	i := newIssuer(t)
	groups := make([]string, 10_000)
	for n := range groups {
		groups[n] = fmt.Sprint("group", n)
	}
	many := i.token(t, object{"groups": append(groups, "admin")})
	x := func(n int) string { return strings.Repeat("x", n) }
	body := strings.Repeat("b", 8<<20)
	get := func(path, headers string) string {
		return "GET " + path + " HTTP/1.1\nHost: x\nConnection: close\n" + headers + "\n"
	}
	post := func(path, headers, body string) string {
		return "POST " + path + " HTTP/1.1\nHost: x\nConnection: close\n" + headers + "\n" + body
	}
	tests := []struct {
		name, send string
		status     string
		ran        bool
		read       int64 // at most, of what comes behind the headers; 0: all of it
	}{
		{"nothing too much", get("/open", "X-A: "+x(8000)+"\n"), "200", true, 0},
		{"a header", get("/open", "X-A: "+x(20_000)+"\n"), "431", false, 0},
		{"a header's name", get("/open", x(20_000)+": a\n"), "431", false, 0},
		{"many headers", get("/open", strings.Repeat("X-A: b\n", 3000)), "431", false, 0},
		{"many headers of their own names", get("/open", numberedHeaders(2000)), "431", false, 0},
		{"many headers that are alike", get("/open", strings.ReplaceAll(numberedHeaders(2000), "X", "Xxxxxxxxx")), "431", false, 0},
		{"a folded header of many lines", get("/open", "X-A: b\n"+strings.Repeat(" c\n", 6000)), "431", false, 0},
		{"path", get("/open/"+x(20_000), ""), "431", false, 0},
		{"segments", get("/open"+strings.Repeat("/a", 10_000), ""), "431", false, 0},
		{"query", get("/open?"+x(20_000), ""), "431", false, 0},
		{"parameters", get("/open?"+strings.Repeat("a&", 10_000), ""), "431", false, 0},
		{"host", "GET /open HTTP/1.1\nConnection: close\nHost: " + x(20_000) + "\n\n", "431", false, 0},
		{"method", x(20_000) + " /open HTTP/1.1\nHost: x\nConnection: close\n\n", "431", false, 0},
		{"version", "GET /open " + x(20_000) + "\nHost: x\nConnection: close\n\n", "431", false, 0},
		{"a line that does not end", "GET /open" + x(20_000), "431", false, 0},
		{"a cookie", get("/open", "Cookie: a="+x(20_000)+"\n"), "431", false, 0},
		{"cookies", get("/open", "Cookie: "+strings.Repeat("a=b; ", 4000)+"\n"), "431", false, 0},
		{"cookie headers", get("/open", strings.Repeat("Cookie: a=b\n", 2000)), "431", false, 0},
		{"a token", get("/secret", "Authorization: Bearer "+x(20_000)+"\n"), "431", false, 0},
		{"a token of 10,000 groups", get("/secret", "Authorization: Bearer "+many+"\n"), "431", false, 0},
		{"a token of more than a gateway takes", get("/secret", "Authorization: Bearer "+x(11_000)+"\n"), "401", false, 0},
		{"trailers", post("/open", "Transfer-Encoding: chunked\n", "0\n"+strings.Repeat("X-A: b\n", 10_000)+"\n"), "200", true, 0},
		{"an announced body", post("/open", "Content-Length: 8388608\n", body), "413", false, 64 << 10},
		{"a body in chunks", post("/open", "Transfer-Encoding: chunked\n", "800000\n"+body+"\n0\n\n"), "413", true, 2 << 20},
		{"a body of a refused request", post("/secret", "Content-Length: 8388608\n", body), "401", false, 64 << 10},
		{"a body in chunks of a refused request", post("/secret", "Transfer-Encoding: chunked\n", "800000\n"+body+"\n0\n\n"), "401", false, 512 << 10},
		{"a body for no route", post("/nowhere", "Content-Length: 8388608\n", body), "404", false, 64 << 10},
		{"a body that nobody sends", post("/secret", "Content-Length: 9223372036854775807\n", ""), "401", false, 0},
		{"a body in a million chunks", post("/open", "Transfer-Encoding: chunked\n", strings.Repeat("1\nx\n", 300_000)+"0\n\n"), "200", true, 0},
	}
	var ran atomic.Int64
	handler := func(_ http.ResponseWriter, r *http.Request) {
		ran.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // what it says is what the test is about
	}
	log := &record{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	app, err := framework.New([]byte(manifest), framework.Handlers{"open": handler, "secret": handler}, framework.Options{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counting := &countingListener{Listener: listener}
	server := newServer(app.Handler(framework.HandlerOptions{Verify: i.authorizer(t, nil).Verify, MaxBody: 1 << 20}), patience, logger)
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(counting) }() // until it is closed
	for _, test := range tests {
		ran.Store(0)
		counting.read.Store(0)
		conn := connect(t, listener.Addr().String())
		go func() { _, _ = io.WriteString(conn, strings.ReplaceAll(test.send, "\n", "\r\n")) }()
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+test.status+" ") {
			t.Errorf("%s: %.60q, %v, want %s", test.name, line, err, test.status)
		}
		if (ran.Load() > 0) != test.ran {
			t.Errorf("%s: a handler ran %d times", test.name, ran.Load())
		}
		if test.read > 0 {
			_, _ = io.Copy(io.Discard, conn) // until the server closes it; a reset is an end, too
		}
		conn.Close()
		if n := counting.read.Load(); test.read > 0 && n > test.read {
			t.Errorf("%s: %d bytes were read", test.name, n)
		}
	}
	if log := log.String(); strings.Contains(log, x(100)) || strings.Contains(log, many[100:140]) {
		t.Error("the log has what clients sent")
	}
}

// numberedHeaders returns as many headers.
func numberedHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X%d: b\n", i)
	}
	return b.String()
}
