package framework_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/routegate/routegate/framework"
)

const openManifest = `
version: 1
routes:
  - {path: /open, method: ANY, handler: open, public: true}
  - {path: /next, method: GET, handler: next, public: true}
`

// exchange sends text as it is, with CR LF for each new line, and returns what comes
// back until the connection is closed.
func exchange(t *testing.T, base, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n"))
	answer, _ := io.ReadAll(conn) // a connection that is cut has no end
	return string(answer)
}

// A client chooses when a body turns out to be too large. A handler may answer
// while it reads, as httputil.ReverseProxy does; the race detector watches.
func TestContainerBodyTooLargeWhileAnswering(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, r *http.Request) {
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, r.Body)
		}()
		for i := range 20 {
			w.Header().Set(fmt.Sprint("X-", i), "x")
		}
		_, _ = io.WriteString(w, "answer")
		<-read
	}
	base, _ := newContainer(t, openManifest, framework.Handlers{"open": handler, "next": handler}, framework.Options{}, framework.HandlerOptions{MaxBody: 10})
	for range 200 {
		exchange(t, base, "POST /open HTTP/1.1\nHost: x\nConnection: close\nTransfer-Encoding: chunked\n\n5\nhello\n14\n"+strings.Repeat("x", 20)+"\n0\n\n")
	}
}

// The same where the request's time is over while the body becomes too large.
func TestContainerBodyTooLargeAtTheDeadline(t *testing.T) {
	t.Parallel()
	const timeout = 20 * time.Millisecond
	handler := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	base, _ := newContainer(t, openManifest, framework.Handlers{"open": handler, "next": handler}, framework.Options{}, framework.HandlerOptions{MaxBody: 10, Timeout: timeout})
	for i := range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "POST /open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
		time.Sleep(timeout + time.Duration(i-80)*50*time.Microsecond)
		_, _ = io.WriteString(conn, "14\r\n"+strings.Repeat("x", 20)+"\r\n0\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		// It is lost where the rest of the body came after the connection's end.
		if got := string(answer); got != "" && !strings.HasPrefix(got, "HTTP/1.1 413 ") && !strings.HasPrefix(got, "HTTP/1.1 408 ") && !strings.HasPrefix(got, "HTTP/1.1 503 ") {
			t.Errorf("answered with %q", got)
		}
		conn.Close()
	}
}

// What stands behind a body whose end is not certain is no request, whatever the
// handler says of the connection. net/http takes no chunks in HTTP/1.0, and drops the
// header that says there are some.
func TestContainerClosesBehindAnUncertainBody(t *testing.T) {
	t.Parallel()
	const next = "GET /next HTTP/1.1\nHost: x\nConnection: close\n\n"
	for _, connection := range []string{"", "keep-alive", "Keep-Alive", "upgrade"} {
		ran := make(chan string, 10)
		base, _ := newContainer(t, openManifest, framework.Handlers{
			"open": func(w http.ResponseWriter, r *http.Request) {
				ran <- "open"
				_, _ = io.Copy(io.Discard, r.Body)
				if connection != "" {
					w.Header()["connection"] = []string{connection}
					w.Header().Set("Connection", connection)
				}
				_, _ = io.WriteString(w, "x")
			},
			"next": func(http.ResponseWriter, *http.Request) { ran <- "next" },
		}, framework.Options{}, framework.HandlerOptions{})
		for name, text := range map[string]string{
			"chunks and a length":                     "POST /open HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 1000\n\n0\n\n" + next,
			"chunks in HTTP/1.0":                      "POST /open HTTP/1.0\nHost: x\nConnection: keep-alive\nTransfer-Encoding: chunked\n\n" + next,
			"chunks and a length in HTTP/1.0":         "POST /open HTTP/1.0\nHost: x\nConnection: keep-alive\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\n" + next,
			"an encoding that is none, in HTTP/1.0":   "POST /open HTTP/1.0\nHost: x\nConnection: keep-alive\nTransfer-Encoding: x\nContent-Length: 0\n\n" + next,
			"no length, in HTTP/1.0":                  "GET /open HTTP/1.0\nHost: x\nConnection: keep-alive\n\n" + next,
			"a certain length, and the client closes": "POST /open HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 1\n\n1" + next,
		} {
			answer := exchange(t, base, text)
			if n := strings.Count(answer, "HTTP/1."); n != 1 || <-ran != "open" {
				t.Errorf("%s, the handler says %q: %d answers:\n%s", name, connection, n, answer)
			}
			if len(ran) > 0 {
				t.Errorf("%s, the handler says %q: %s ran", name, connection, <-ran)
			}
		}
	}
}

// A handler's headers are its answer's, and say nothing of where that ends.
func TestContainerHandlerHeaders(t *testing.T) {
	t.Parallel()
	const next = "GET /next HTTP/1.1\nHost: x\nConnection: close\n\n"
	base, _ := newContainer(t, openManifest, framework.Handlers{
		"open": func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.RawQuery {
			case "length":
				w.Header()["content-length"] = []string{"1"}
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, "x")
			case "upgrade":
				w.Header().Set("Connection", "Upgrade")
				w.Header().Set("Upgrade", "websocket")
				w.WriteHeader(http.StatusSwitchingProtocols)
			case "late+upgrade":
				w.WriteHeader(http.StatusCreated)
				w.WriteHeader(http.StatusSwitchingProtocols)
			case "close":
				w.Header().Set("Connection", "close")
			case "cases":
				w.Header()["x-a"] = []string{"1"}
				w.Header()["X-A"] = []string{"2"}
			}
		},
		"next": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	}, framework.Options{}, framework.HandlerOptions{})
	for _, test := range []struct {
		query, has, not string
		answers         int
	}{
		{"none", "HTTP/1.1 200 OK\r\n", "Connection: close\r\nContent-Length: 0", 2},
		{"late upgrade", "HTTP/1.1 201 ", "HTTP/1.1 500", 2},
		{"length", "Content-Length: 1\r\n", "chunked", 2},
		{"upgrade", "HTTP/1.1 500 ", "Upgrade", 2},
		{"close", "Connection: close\r\n", "HTTP/1.1 204", 1},
		{"cases", "X-A: 2\r\nX-A: 1\r\n", "x-a", 2},
	} {
		answer := exchange(t, base, "GET /open?"+url.QueryEscape(test.query)+" HTTP/1.1\nHost: x\n\n"+next)
		if n := strings.Count(answer, "HTTP/1.1 "); n != test.answers || !strings.Contains(answer, test.has) || strings.Contains(answer, test.not) {
			t.Errorf("%s: %d answers:\n%s", test.query, n, answer)
		}
	}
}

// What a handler panics with is asked nothing: its methods may panic, too.
func TestPanicsWithNilErrors(t *testing.T) {
	t.Parallel()
	handlers := framework.Handlers{"open": func(http.ResponseWriter, *http.Request) { panic((*url.Error)(nil)) }, "next": http.NotFound}
	base, log := newContainer(t, openManifest, handlers, framework.Options{}, framework.HandlerOptions{})
	resp, body := send(t, "GET", base+"/open", nil)
	if got := (outcome{Status: resp.StatusCode, Code: code(t, resp, body)}); got != refused(500, "internal_error") {
		t.Errorf("container: %+v", got)
	}
	log.line(t, "handler panicked", 1)
	app, err := framework.New([]byte(openManifest), handlers, framework.Options{Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	out, err := app.Invoke(t.Context(), []byte(plain(httpAPI("GET", "/open", "ANY /open"))))
	if err != nil || !strings.HasPrefix(string(out), `{"statusCode":500,`) {
		t.Errorf("function: %s, %v", out, err)
	}
}

// Trailers of a request are not the handler's, who may be left behind while
// net/http reads them; the race detector watches.
func TestContainerTrailers(t *testing.T) {
	t.Parallel()
	done := make(chan int, 1)
	handler := func(_ http.ResponseWriter, r *http.Request) {
		n := 0
		for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
			for name := range r.Trailer {
				n += len(name)
			}
		}
		done <- n
	}
	base, _ := newContainer(t, openManifest, framework.Handlers{"open": handler, "next": handler}, framework.Options{}, framework.HandlerOptions{Timeout: 50 * time.Millisecond})
	for range 3 {
		exchange(t, base, "POST /open HTTP/1.1\nHost: x\nConnection: close\nTransfer-Encoding: chunked\nTrailer: A, B\n\n1\na\n0\nA: 1\nB: 2\n\n")
		if n := <-done; n > 0 {
			t.Error("the handler sees trailers")
		}
	}
}

// Uploads that are kept in files are removed, once the handler is done with them:
// the next request of a function has the same disk.
func TestUploadsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	done := make(chan struct{}, 1)
	handler := func(_ http.ResponseWriter, r *http.Request) {
		defer func() { done <- struct{}{} }()
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("%d files while the handler runs, %v", len(files), err)
		}
		if r.URL.RawQuery == "late" {
			time.Sleep(300 * time.Millisecond)
		}
		if r.URL.RawQuery == "panics" {
			panic("upload")
		}
	}
	handlers := framework.Handlers{"open": handler, "next": handler}
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", "secret.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, "private")
	_ = m.Close()
	base, _ := newContainer(t, openManifest, handlers, framework.Options{}, framework.HandlerOptions{Timeout: 200 * time.Millisecond})
	app, err := framework.New([]byte(openManifest), handlers, framework.Options{Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"", "panics", "late"} {
		for name, request := range map[string]func(){
			"container": func() {
				resp, err := http.Post(base+"/open?"+query, m.FormDataContentType(), bytes.NewReader(form.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			},
			"function": func() {
				event, err := json.Marshal(httpAPI("POST", "/open", "ANY /open", at("rawQueryString", query), header("content-type", m.FormDataContentType()),
					at("body", base64.StdEncoding.EncodeToString(form.Bytes())), at("isBase64Encoded", true)))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := app.Invoke(t.Context(), event); err != nil {
					t.Fatal(err)
				}
			},
		} {
			request()
			<-done
			var left []os.DirEntry
			for range 100 { // a late handler is not waited for
				if left, err = os.ReadDir(dir); len(left) == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if err != nil || len(left) > 0 {
				t.Fatalf("%s, %q: %d files are left, %v", name, query, len(left), err)
			}
		}
	}
}
