package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
)

// connect opens a connection that gives up when nothing happens.
func connect(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Clients that take their time over a request lose their connection: over the
// headers after ten seconds, over the body when the request's time is up.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	r := start(t, config{timeout: 2 * time.Second, cors: &gateway.CORS{AllowOrigins: []string{"*"}}}, publicAnd("takes", "POST"), testHandlers)
	drip := func(conn net.Conn, beginning string) (answer string, took time.Duration) {
		start := time.Now()
		fmt.Fprint(conn, beginning)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
					_, _ = io.WriteString(conn, "x") // until the server is gone
				}
			}
		}()
		b, _ := io.ReadAll(conn) // a reset is an end, too
		return string(b), time.Since(start)
	}
	var wg sync.WaitGroup
	tryAt := func(addr, name, beginning, status string, least, most time.Duration) {
		conn := connect(t, addr)
		wg.Go(func() {
			if answer, took := drip(conn, beginning); !strings.HasPrefix(answer, status) || took < least || took > most {
				t.Errorf("%s: %q after %v", name, answer, took)
			}
		})
	}
	try := func(name, beginning, status string, least, most time.Duration) {
		tryAt(r.api, name, beginning, status, least, most)
	}
	try("headers", "GET /ok HTTP/1.1\r\nHost: x\r\nX-Slow: ", "", headerTimeout-time.Second, headerTimeout+patience)
	const body = "Host: x\r\nContent-Length: 1000\r\n"
	try("refusal", "POST /nowhere HTTP/1.1\r\n"+body+"\r\n", "HTTP/1.1 404 ", time.Second, patience)
	try("preflight", "OPTIONS /takes HTTP/1.1\r\nOrigin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n"+body+"\r\n", "HTTP/1.1 204 ", time.Second, patience)
	tryAt(r.health, "health", "GET /readyz HTTP/1.1\r\nConnection: close\r\n"+body+"\r\n", "HTTP/1.1 200 ", 0, patience)
	// At the end of the time it is a matter of luck who notices first; and the
	// answer is lost where what the client still sends makes the server's kernel
	// reset the connection. But it ends, and mostly with the answer.
	var told atomic.Int32
	for range 50 {
		for name, beginning := range map[string]string{
			"body":  "POST /takes HTTP/1.1\r\n" + body + "\r\n",
			"chunk": "POST /takes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
		} {
			conn := connect(t, r.api)
			wg.Go(func() {
				answer, took := drip(conn, beginning)
				switch {
				case strings.HasPrefix(answer, "HTTP/1.1 408 "):
					told.Add(1)
				case answer != "":
					t.Errorf("%s: %q", name, answer)
				}
				if took < time.Second || took > patience {
					t.Errorf("%s: ended after %v", name, took)
				}
			})
		}
	}
	wg.Wait()
	if n := told.Load(); n < 50 {
		t.Errorf("%d of 100 were told 408", n)
	}
}

// publicAnd is a manifest of public routes.
func publicAnd(handler, method string) string {
	return fmt.Sprintf("{version: 1, routes: [{path: /ok, method: GET, handler: ok, public: true}, {path: /%[1]s, method: %[2]s, handler: %[1]s, public: true}]}", handler, method)
}

// What is too large is refused before it is read.
func TestLargeRequests(t *testing.T) {
	t.Parallel()
	r := start(t, config{maxBody: 1 << 20}, publicAnd("takes", "POST"), testHandlers)
	for _, test := range []struct{ name, request, want string }{
		{"body", "POST /takes HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", "413"},
		{"body of any size", "POST /takes HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", "413"},
		{"chunks", "POST /takes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n" + strings.Repeat("x", 1<<20+1), "413"},
		{"body that is taken", "POST /takes HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat("x", 1<<20), "200"},
		{"a header", "GET /ok HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 20_000) + "\r\n\r\n", "431"},
		{"many headers", "GET /ok HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 2_500) + "\r\n", "431"},
		{"path", "GET /" + strings.Repeat("x", 20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"},
		{"headers that are taken", "GET /ok HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 9_000) + "\r\n\r\n", "200"},
		{"two lengths", "POST /takes HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400"},
		{"an encoding that is none", "POST /takes HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", "501"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
	} {
		conn := connect(t, r.api)
		go func() { _, _ = io.WriteString(conn, test.request) }() // the server may not read it all
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+test.want+" ") {
			t.Errorf("%s: %q, %v, want %s", test.name, line, err, test.want)
		}
		conn.Close()
	}
}

// Clients that read slowly get all of it, and stand in nobody's way.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	const slow = 220
	r := start(t, config{}, publicAnd("large", "GET"), testHandlers)
	var wg sync.WaitGroup
	for range slow {
		conn := connect(t, r.api)
		wg.Go(func() {
			fmt.Fprint(conn, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			n, buf := 0, make([]byte, 16<<10)
			for {
				m, err := conn.Read(buf)
				if n += m; err == io.EOF {
					break
				} else if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
			if n < largeAnswer {
				t.Errorf("a slow reader got %d bytes of %d", n, largeAnswer)
			}
		})
	}
	for range 50 {
		if status, body := get(t, "http://"+r.api+"/ok"); status != 200 || body != "fine" {
			t.Errorf("/ok: %d %s", status, body)
		}
	}
	wg.Wait()
}

// Clients that do not read at all are cut off, and leave nothing behind. No other
// test runs meanwhile, so that goroutines can be counted.
func TestClientsThatDoNotRead(t *testing.T) {
	const clients = 200
	before := runtime.NumGoroutine()
	r := start(t, config{timeout: 500 * time.Millisecond}, publicAnd("endless", "GET"), framework.Handlers{
		"ok": testHandlers["ok"],
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 64<<10))
			}
		},
	})
	for range clients {
		fmt.Fprint(connect(t, r.api), "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	r.line(t, "request", clients)
	for line := range strings.Lines(r.String()) {
		if strings.Contains(line, `"msg":"request"`) && !strings.Contains(line, `"failure":"client_slow"`) && !strings.Contains(line, `"failure":"timeout"`) {
			t.Errorf("log line %s", line)
		}
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}
