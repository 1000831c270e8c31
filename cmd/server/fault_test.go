package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

// An issuer that is down while it begins to use another key takes nothing away:
// the old key is good, the new one is not before it is back, and the server is
// ready all the time.
func TestRotationWhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	r := startRotation(t)
	r.issuer.publish("key-1", testKeys()[1])
	r.issuer.setDown(true)
	for n := range 4 {
		r.clock.advance(time.Hour)
		r.expect(fmt.Sprint("down for hours: ", n+1), 200, 401)
		if status, _ := get(t, "http://"+r.health+"/readyz"); status != 200 {
			t.Errorf("/readyz says %d", status)
		}
	}
	r.issuer.setDown(false)
	// Twice, for a fetch that failed may have begun just now.
	for range 2 {
		r.clock.advance(10 * time.Second)
		get(t, "http://"+r.api+"/who", "Authorization", r.young)
	}
	r.expect("back", 401, 200)
}

const ownManifest = `
version: 1
routes:
  - {path: '/mine/{id}', method: GET, handler: mine, public: true}
  - {path: /back, method: POST, handler: back, public: true}
`

const ownAnswer = 128 << 10

var ownHandlers = framework.Handlers{
	// Every 16 bytes of the answer tell whose it is.
	"mine": func(w http.ResponseWriter, r *http.Request) {
		for range ownAnswer / 4096 {
			if _, err := io.WriteString(w, ownText(r.PathValue("id"), 4096)); err != nil {
				return
			}
		}
	},
	"back": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(body)
	},
}

func ownText(id string, n int) string { return strings.Repeat(fmt.Sprintf("%-16s", id), n/16) }

// A thousand clients at once, of which most are slow to send or to read: all get
// their own answer, those that are quick before the others are done, and
// goroutines and memory are back where they were. No other test runs meanwhile,
// so that they can be counted.
func TestThousandClients(t *testing.T) {
	const slowReaders, slowWriters, quick = 350, 350, 300
	var m runtime.MemStats
	heap := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	goroutines, before := runtime.NumGoroutine(), heap()
	r := start(t, config{}, ownManifest, ownHandlers)

	var slow, all sync.WaitGroup
	release := make(chan struct{}) // the slow ones, when the quick ones have their answers
	expect := func(who string, in *bufio.Reader, want string) {
		resp, body, err := answerOf(in, "GET")
		if err != nil || resp.StatusCode != 200 || body != want {
			t.Errorf("%s: %v, %d bytes, which begin with %.40q", who, err, len(body), body)
		}
	}
	// open does not end the test, which only its own goroutine may.
	open := func(who string) (net.Conn, bool) {
		conn, err := net.Dial("tcp", r.api)
		if err != nil {
			t.Errorf("%s: %v", who, err)
			return nil, false
		}
		_ = conn.SetDeadline(time.Now().Add(2 * patience))
		return conn, true
	}
	for n := range slowReaders {
		slow.Add(1)
		all.Go(func() {
			id := fmt.Sprint("reader-", n)
			conn, ok := open(id)
			if !ok {
				slow.Done()
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /mine/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", id)
			in := bufio.NewReader(conn)
			_, err := in.Peek(100)
			slow.Done()
			if err != nil {
				t.Errorf("%s: %v", id, err)
				return
			}
			<-release
			expect(id, in, ownText(id, ownAnswer))
		})
	}
	for n := range slowWriters {
		slow.Add(1)
		all.Go(func() {
			id := fmt.Sprint("writer-", n)
			conn, ok := open(id)
			if !ok {
				slow.Done()
				return
			}
			defer conn.Close()
			body := ownText(id, 1600)
			fmt.Fprintf(conn, "POST /back HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:100])
			slow.Done()
			<-release
			for at := 100; at < len(body); at += 500 {
				time.Sleep(5 * time.Millisecond)
				_, _ = io.WriteString(conn, body[at:min(at+500, len(body))])
			}
			expect(id, bufio.NewReader(conn), body)
		})
	}
	slow.Wait()
	var answered sync.WaitGroup
	for n := range quick {
		answered.Go(func() {
			id := fmt.Sprint("quick-", n)
			conn, ok := open(id)
			if !ok {
				return
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for k := range 3 {
				text := ownText(fmt.Sprint(id, "-", k), 160)
				fmt.Fprintf(conn, "POST /back HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
				expect(id, in, text)
			}
		})
	}
	answered.Wait()
	at := heap()
	close(release)
	all.Wait()
	r.line(t, "request", slowReaders+slowWriters+3*quick)
	for line := range strings.Lines(r.String()) {
		if strings.Contains(line, `"msg":"request"`) && (!strings.Contains(line, `"status":200`) || strings.Contains(line, `"duration_ms":-`)) {
			t.Errorf("log line %s", line)
		}
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
	r = nil
	after := heap()
	t.Logf("heap: %d kB before, %d kB with %d connections, %d kB after", before>>10, at>>10, slowReaders+slowWriters, after>>10)
	if after > before+8<<20 {
		t.Errorf("%d bytes of heap before, %d after", before, after)
	}
}

// What the clients of TestLargeBodies send, again and again. It is made once, so
// that they take no memory.
var (
	endless       = bytes.Repeat([]byte("x"), 64<<10)
	endlessChunks = fmt.Appendf(nil, "%x\r\n%s\r\n", len(endless), endless)
)

// What is announced as too large is not read, and what is not announced is cut
// where it becomes too large: in the container and at the gateway. No other test
// runs meanwhile, so that memory can be counted.
func TestLargeBodies(t *testing.T) {
	const limit, clients = 10 << 20, 8 // which is the gateway's
	manifest := publicAnd("takes", "POST")
	table, report := route.Load("routes.yaml", []byte(manifest), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	app, err := framework.New([]byte(manifest), framework.Handlers{
		"ok": testHandlers["ok"],
		"takes": func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, err)
		},
	}, framework.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{
		"container": app.Handler(framework.HandlerOptions{MaxBody: limit}),
		"gateway":   gateway.New(table, app, gateway.Options{}),
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		counted := &countingListener{Listener: l}
		server := newServer(handler, patience, log)
		go server.Serve(counted)
		defer server.Close()
		for _, test := range []struct {
			name, header string
			chunked      bool
			mostRead     int64 // for each client
			mostMemory   uint64
		}{
			{"just over", "Content-Length: " + strconv.Itoa(limit+1), false, 16 << 10, 256 << 10},
			{"a terabyte", "Content-Length: 1099511627776", false, 16 << 10, 256 << 10},
			{"all that can be said", "Content-Length: 9223372036854775807", false, 16 << 10, 256 << 10},
			{"a terabyte, and a question", "Expect: 100-continue\r\nContent-Length: 1099511627776", false, 16 << 10, 256 << 10},
			{"chunks", "Transfer-Encoding: chunked", true, limit + 512<<10, 8 * limit},
		} {
			counted.read.Store(0)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var all sync.WaitGroup
			for range clients {
				conn := connect(t, l.Addr().String())
				all.Go(func() {
					defer conn.Close()
					fmt.Fprintf(conn, "POST /takes HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", test.header)
					go func() {
						part := endless
						if test.chunked {
							part = endlessChunks
						}
						for err := error(nil); err == nil; {
							_, err = conn.Write(part) // until the server is gone
						}
					}()
					line, err := bufio.NewReader(conn).ReadString('\n')
					if err != nil || !strings.HasPrefix(line, "HTTP/1.1 413 ") {
						t.Errorf("%s, %s: %q, %v", name, test.name, line, err)
					}
				})
			}
			all.Wait()
			runtime.ReadMemStats(&after)
			read, memory := counted.read.Load()/clients, (after.TotalAlloc-before.TotalAlloc)/clients
			t.Logf("%s, %s: %d bytes read, %d allocated, for each of %d clients", name, test.name, read, memory, clients)
			if test.chunked && name == "container" {
				test.mostMemory = 1 << 20 // the handler keeps nothing
			}
			if read > test.mostRead || memory > test.mostMemory {
				t.Errorf("%s, %s: %d bytes read, %d allocated, for each of %d clients; want no more than %d and %d", name, test.name, read, memory, clients, test.mostRead, test.mostMemory)
			}
		}
	}
}

// A log that nobody reads any more, or for which there is no room, is no reason
// to end: requests are answered, and SIGTERM ends it as ever.
func TestNobodyReadsTheLog(t *testing.T) { // not beside other tests, which could take its ports
	for _, name := range []string{"closed", "full"} {
		api, health := freeAddress(t), freeAddress(t)
		cmd := exec.Command(os.Args[0], "-public-only", "-listen", api, "-health", health, "-drain", "0s")
		cmd.Env = append(os.Environ(), "ROUTEGATE_TEST_SERVER=main", "GORACE=atexit_sleep_ms=0")
		for _, v := range variables {
			cmd.Env = append(cmd.Env, v+"=")
		}
		cmd.Env = append(cmd.Env, "ROUTEGATE_METRICS_NAMESPACE=Test") // on standard output
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		if name == "full" {
			write.Close()
			if write, err = os.OpenFile("/dev/full", os.O_WRONLY, 0); err != nil {
				t.Skip(err)
			}
		}
		cmd.Stdout, cmd.Stderr = write, write
		err = cmd.Start()
		write.Close()
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		defer cmd.Process.Kill()
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			if status, _, _ := fetch("http://" + health + "/readyz"); status == 200 {
				break
			}
			if time.Now().After(end) || len(ended) > 0 {
				t.Fatalf("%s: it is not ready", name)
			}
		}
		for range 3 {
			if status, body, err := fetch("http://" + api + "/v1/manage/hc"); status != 200 {
				t.Errorf("%s: %d %s, %v", name, status, body, err)
			}
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s: it ended with %v", name, err)
			}
		case <-time.After(patience):
			t.Errorf("%s: it does not end", name)
		}
	}
}

// freeAddress returns a loopback address that nothing listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
