package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

const smugglingManifest = `
version: 1
routes:
  - {path: /open, method: ANY, handler: open, public: true}
  - {path: /last, method: GET, handler: last, public: true}
  - {path: /secret, method: ANY, handler: secret, groups: [admin]}
`

// A target is what attacks are sent to: what listens, and what of it ran.
type target struct {
	address string
	log     *record

	mu  sync.Mutex
	ran []string
}

// handlers tell what reached them: the name, the body, and the header X-Seen.
func (g *target) handlers() framework.Handlers {
	hs := framework.Handlers{}
	for _, name := range []string{"open", "last", "secret", "signed"} {
		hs[name] = func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			saw := name
			if len(body) > 0 {
				saw += fmt.Sprintf("(%s)", body)
			}
			for _, v := range r.Header["X-Seen"] {
				saw += fmt.Sprintf("[%s]", v)
			}
			if err != nil {
				saw += "(broken)"
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.ran = append(g.ran, saw)
		}
	}
	return hs
}

// saw returns what the handlers saw since it was last asked.
func (g *target) saw() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := strings.Join(g.ran, " ")
	g.ran = nil
	return s
}

// newTargets returns the server, and the function behind the gateway of localhost.
// Without handlers they have those that tell what reached them.
func newTargets(t *testing.T, manifest string, hs framework.Handlers, a *gateway.Authorizer, opts gateway.Options) (container, function *target) {
	t.Helper()
	choose := func(g *target) framework.Handlers {
		if hs != nil {
			return hs
		}
		return g.handlers()
	}
	container = &target{}
	r := start(t, config{authorizer: a, maxBody: 1 << 20}, manifest, choose(container))
	container.address, container.log = r.api, r.record

	function = &target{log: &record{}}
	log := slog.New(slog.NewJSONHandler(function.log, nil))
	app, err := framework.New([]byte(manifest), choose(function), framework.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	table, report := route.Load("routes.yaml", []byte(manifest), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	opts.Authorizer = a
	server := httptest.NewUnstartedServer(gateway.New(table, app, opts))
	server.Config.DisableGeneralOptionsHandler = true
	server.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	server.Start()
	t.Cleanup(server.Close)
	function.address = server.Listener.Addr().String()
	return container, function
}

// attack sends bytes over a connection of their own and returns the statuses of
// all answers until the server closes it. "\n" is sent as CR LF; <LF> and <CR> are
// sent as one of them alone.
func (g *target) attack(t *testing.T, bytes string) (statuses string) {
	t.Helper()
	conn := connect(t, g.address)
	defer conn.Close()
	bytes = strings.NewReplacer("\n", "\r\n", "<LF>", "\n", "<CR>", "\r").Replace(bytes)
	go func() { _, _ = io.WriteString(conn, bytes) }() // the server may not take it all
	in := bufio.NewReader(conn)
	var list []string
	for {
		// 100 Continue comes by itself, before an answer.
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			break
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatalf("answer %s is not whole: %v", resp.Status, err)
		}
		list = append(list, fmt.Sprint(resp.StatusCode))
	}
	return strings.Join(list, " ")
}

// Requests that two readers could take for different ones. The server in front
// may have taken them for one request, and checked that.
//
// Behind each comes an honest one, which must be the last that is answered, or get
// no answer because the connection is closed: whatever lies between is the
// attacker's, and runs by its own right or not at all.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	const honest = "GET /last HTTP/1.1\nHost: x\nConnection: close\n\n"
	const notRead = "400: "               // a gateway reads the body before it asks the function
	const kept = "200 401 200: open last" // nobody is in front of the gateway of localhost
	const hidden = "GET /secret HTTP/1.1\nHost: x\nX-Secret: hush\n\n"
	post := func(headers, body string) string { return "POST /open HTTP/1.1\nHost: x\n" + headers + "\n" + body }
	tests := []struct {
		name     string
		send     string
		statuses string
		ran      string
		// gateway is what differs there, as "statuses: ran".
		gateway string
	}{
		{"nothing special", post("Content-Length: 5\n", "hello"), "200 200", "open(hello) last", ""},

		{"two lengths", post("Content-Length: 5\nContent-Length: 6\n", "hello!"), "400", "", ""},
		{"two lengths that agree", post("Content-Length: 5\nContent-Length: 5\n", "hello"), "200 200", "open(hello) last", ""},
		{"a list of lengths", post("Content-Length: 5, 6\n", "hello!"), "400", "", ""},
		{"a list of lengths that agree", post("Content-Length: 5, 5\n", "hello"), "400", "", ""},
		{"length with a sign", post("Content-Length: +5\n", "hello"), "400", "", ""},
		{"negative length", post("Content-Length: -1\n", hidden), "400", "", ""},
		{"length in hexadecimal", post("Content-Length: 0x5\n", "hello"), "400", "", ""},
		{"length with a fraction", post("Content-Length: 5.0\n", "hello"), "400", "", ""},
		{"length with an underscore", post("Content-Length: 1_0\n", "hello12345"), "400", "", ""},
		{"length that overflows", post("Content-Length: 18446744073709551621\n", "hello"), "400", "", ""},
		{"length of nothing", post("Content-Length:\n", hidden), "400", "", ""},
		{"length with a space in it", post("Content-Length: 5 5\n", "hello"), "400", "", ""},
		{"length with a form feed", post("Content-Length: \x0c5\n", "hello"), "400", "", ""},
		{"length with zeros in front", post("Content-Length: 0005\n", "hello"), "200 200", "open(hello) last", ""},
		{"space before the colon", post("Content-Length : 5\n", "hello"), "400", "", ""},
		{"tab before the colon", post("Content-Length\t: 5\n", "hello"), "400", "", ""},

		{"length and chunks", post("Content-Length: 1000\nTransfer-Encoding: chunked\n", "0\n\n"+hidden), "200", "open", kept},
		{"chunks and length", post("Transfer-Encoding: chunked\nContent-Length: 3\n", "0\n\n"+hidden), "200", "open", kept},
		{"chunks with a capital", post("Transfer-Encoding: Chunked\n", "0\n\n"), "200", "open", "200 200: open last"},
		{"chunks twice", post("Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", "0\n\n"), "501", "", ""},
		{"chunks, listed twice", post("Transfer-Encoding: chunked, chunked\n", "0\n\n"), "501", "", ""},
		{"chunks, then identity", post("Transfer-Encoding: chunked, identity\n", "0\n\n"), "501", "", ""},
		{"identity", post("Transfer-Encoding: identity\nContent-Length: 5\n", "hello"), "501", "", ""},
		{"gzip, chunked", post("Transfer-Encoding: gzip, chunked\n", "0\n\n"), "501", "", ""},
		{"an encoding that is none", post("Transfer-Encoding: xchunked\nContent-Length: 5\n", "hello"), "501", "", ""},
		{"empty encoding", post("Transfer-Encoding:\nContent-Length: 5\n", "hello"), "501", "", ""},
		{"encoding with a vertical tab", post("Transfer-Encoding: \x0bchunked\n", "0\n\n"), "400", "", ""},
		{"encoding in quotes", post("Transfer-Encoding: \"chunked\"\n", "0\n\n"), "501", "", ""},
		{"encoding with a space before the colon", post("Transfer-Encoding : chunked\nContent-Length: 5\n", "0\n\n"), "400", "", ""},
		{"encoding in a folded line", post("Transfer-Encoding:\n chunked\nContent-Length: 3\n", "0\n\n"+hidden), "200", "open", kept},
		{"encoding behind a bare CR", post("X: y<CR>Transfer-Encoding: chunked\nContent-Length: 3\n", "0\n\n"), "400", "", ""},
		{"encoding behind a bare LF", post("X: y<LF>Transfer-Encoding: chunked\n", "0\n\n"), "200", "open", "200 200: open last"},
		{"encoding with an underscore", post("Transfer_Encoding: chunked\nContent-Length: 5\n", "hello"), "200 200", "open(hello) last", ""},
		{"chunks in HTTP/1.0", "POST /open HTTP/1.0\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\n\n" + hidden, "200", "open(0\r\n)", ""},
		{"a broken body in chunks", post("Transfer-Encoding: chunked\n", "zz\n\n"), "200", "open(broken)", notRead},
		{"chunk with an extension", post("Transfer-Encoding: chunked\n", "5;a=\"b\"\nhello\n0;c\n\n"), "200", "open(hello)", "200 200: open(hello) last"},
		{"chunk with an extension that hides a request", post("Transfer-Encoding: chunked\n", "5;<LF>hello\n0\n\n"+hidden), "200", "open(broken)", notRead},
		{"chunk whose size ends in a bare LF", post("Transfer-Encoding: chunked\n", "5<LF>hello\n0\n\n"), "200", "open(broken)", notRead},
		{"chunk whose data ends in a bare LF", post("Transfer-Encoding: chunked\n", "5\nhello<LF>0\n\n"), "200", "open(hello)(broken)", notRead},
		{"chunk whose data ends in two characters", post("Transfer-Encoding: chunked\n", "5\nhelloxx0\n\n"), "200", "open(hello)(broken)", notRead},
		{"chunk size with a sign", post("Transfer-Encoding: chunked\n", "+5\nhello\n0\n\n"), "200", "open(broken)", notRead},
		{"chunk size with 0x", post("Transfer-Encoding: chunked\n", "0x5\nhello\n0\n\n"), "200", "open(broken)", notRead},
		{"chunk size that overflows", post("Transfer-Encoding: chunked\n", "10000000000000005\nhello\n0\n\n"), "200", "open(broken)", notRead},
		{"chunks that are all extensions", post("Transfer-Encoding: chunked\n", strings.Repeat("1;"+strings.Repeat("x", 1000)+"\na\n", 20)+"0\n\n"), "200", "open(" + strings.Repeat("a", 16) + ")(broken)", notRead},
		{"trailers", post("Transfer-Encoding: chunked\nTrailer: Authorization, X-Seen\n", "0\nX-Seen: trailer\nContent-Length: 9\n\n"), "200", "open", "200 200: open last"},

		{"a request in the body", post(fmt.Sprintf("Content-Length: %d\n", len(strings.ReplaceAll(hidden, "\n", "\r\n"))), hidden), "200 200", "open(" + strings.ReplaceAll(hidden, "\n", "\r\n") + ") last", ""},
		{"a request in the body of a GET", "GET /open HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello", "200 200", "open(hello) last", ""},
		{"a request behind a body that is refused", "POST /secret HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello" + hidden, "401 401 200", "last", ""},
		{"a request in a body that is refused", fmt.Sprintf("POST /secret HTTP/1.1\nHost: x\nContent-Length: %d\n\n", len(strings.ReplaceAll(hidden, "\n", "\r\n"))) + hidden, "401 200", "last", ""},
		{"a request in a body that nobody waits for", "POST /secret HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 5\n\nhello" + hidden, "401", "", ""},
		{"a request behind a body that is too large", "POST /open HTTP/1.1\nHost: x\nContent-Length: 99999999\n\n" + hidden, "413", "", ""},
		{"expectation that is none", post("Expect: 200-maybe\nContent-Length: 5\n", "hello"), "417", "", ""},
		{"empty lines before a request", "\n\n" + honest, "400", "", ""},

		{"host twice", "GET /open HTTP/1.1\nHost: x\nHost: y\n\n", "400", "", ""},
		{"no host", "GET /open HTTP/1.1\n\n", "400", "", ""},
		{"host with a path", "GET /open HTTP/1.1\nHost: x/secret\n\n", "400", "", ""},
		{"host with a space", "GET /open HTTP/1.1\nHost: x y\n\n", "400", "", ""},
		{"absolute target", "GET http://y/secret HTTP/1.1\nHost: x\n\n", "401 200", "last", ""},
		{"absolute target of another path than the host's", "GET http://secret/open HTTP/1.1\nHost: x\n\n", "200 200", "open last", ""},
		{"absolute target with a name", "GET http://admin:admin@y/secret HTTP/1.1\nHost: x\n\n", "401 200", "last", ""},
		{"absolute target of another scheme", "GET file:///secret HTTP/1.1\nHost: x\n\n", "401 200", "last", ""},
		{"target without a slash", "GET secret HTTP/1.1\nHost: x\n\n", "400", "", ""},
		{"target with a space", "GET /open /secret HTTP/1.1\nHost: x\n\n", "400", "", ""},
		{"target of a tunnel", "CONNECT x:443 HTTP/1.1\nHost: x:443\n\n", "404 200", "last", ""},
		{"tunnel to a path", "CONNECT /secret HTTP/1.1\nHost: x\n\n", "404 200", "last", ""},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\nHost: x\n\n", "404 200", "last", ""},

		{"header name with a space", "GET /open HTTP/1.1\nHost: x\nX Seen: 1\n\n", "400", "", ""},
		{"header without a name", "GET /open HTTP/1.1\nHost: x\n: 1\n\n", "400", "", ""},
		{"header without a colon", "GET /open HTTP/1.1\nHost: x\nX-Seen\n\n", "400", "", ""},
		{"first header is folded", "GET /open HTTP/1.1\n X-Seen: 1\nHost: x\n\n", "400", "", ""},
		{"folded header", "GET /open HTTP/1.1\nHost: x\nX-Seen: 1\n  2\n\n", "200 200", "open[1 2] last", ""},
		{"header with NUL", "GET /open HTTP/1.1\nHost: x\nX-Seen: a\x00b\n\n", "400", "", ""},
		{"header with a bare CR", "GET /open HTTP/1.1\nHost: x\nX-Seen: a<CR>b\n\n", "400", "", ""},
		{"lines that end in a bare LF", "GET /open HTTP/1.1<LF>Host: x<LF>X-Seen: 1<LF><LF>", "200 200", "open[1] last", ""},
		{"line that ends in a bare CR", "GET /open HTTP/1.1<CR>Host: x\n\n", "400", "", ""},

		{"upgrade to HTTP/2", "GET /secret HTTP/1.1\nHost: x\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n", "401 200", "last", ""},
		{"HTTP/2 at once", "PRI * HTTP/2.0\n\nSM\n\n", "404", "", ""},
		{"upgrade to a socket", "GET /secret HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n\n", "401 200", "last", ""},
		{"HTTP/0.9", "GET /open\n\n", "400", "", ""},
		{"HTTP/1.2", "GET /open HTTP/1.2\nHost: x\n\n", "200 200", "open last", ""},
		{"HTTP/3", "GET /open HTTP/3.0\nHost: x\n\n", "505", "", ""},
		{"method with a line", "GET<CR>/open HTTP/1.1\nHost: x\n\n", "400", "", ""},
	}
	i := newIssuer(t)
	container, function := newTargets(t, smugglingManifest, nil, i.authorizer(t, nil), gateway.Options{})
	for name, at := range map[string]*target{"container": container, "gateway": function} {
		t.Run(name, func(t *testing.T) {
			for _, test := range tests {
				statuses := at.attack(t, test.send+honest)
				want, got := test.statuses+": "+test.ran, statuses+": "+at.saw()
				if at == function && test.gateway != "" {
					want = test.gateway
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", test.name, diff)
				}
			}
			if log := at.log.String(); strings.Contains(log, "hush") {
				t.Errorf("the log has what a client sent:\n%s", log)
			}
		})
	}
}
