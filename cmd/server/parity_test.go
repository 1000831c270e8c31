package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/handlers"
)

// A caller is a class of callers, by the Authorization headers that it sends.
type caller struct {
	name    string
	headers []string
}

// everyCaller returns nobody, whoever has some of the groups and some of the
// scopes, and whoever should get nowhere.
func everyCaller(t testing.TB, i *issuer, groups, scopes []string) []caller {
	all := object{"groups": groups, "scope": strings.Join(scopes, " ")}
	with := func(changes object) object {
		c := maps.Clone(all)
		maps.Copy(c, changes)
		return c
	}
	good, other := i.token(t, all), testKeys()[1]
	callers := []caller{
		{"nobody", nil},
		{"everything", []string{"Bearer " + good}}, // these two go everywhere; see roam
		{"lower case", []string{"bearer " + good}},
		{"spaces", []string{"Bearer \t " + good + " "}},
		{"bare", []string{good}},
		{"twice", []string{"Bearer " + good, "Bearer " + good}},
		{"Basic", []string{"Basic YWxpY2U6YWxpY2U="}},
	}
	bearer := func(name, token string) { callers = append(callers, caller{name, []string{"Bearer " + token}}) }
	for _, g := range subsets(groups) {
		for n, s := range subsets(scopes) {
			claims := object{"groups": g, "scope": strings.Join(s, " ")}
			if n%2 == 1 {
				claims = object{"groups": g, "scp": s}
			}
			bearer(fmt.Sprintf("groups %v, scopes %v", g, s), i.token(t, claims))
		}
	}
	bearer("expired", i.token(t, with(object{"exp": 1_700_000_000})))
	bearer("without exp", i.token(t, with(object{"exp": nil})))
	bearer("not yet", i.token(t, with(object{"nbf": 4_000_000_000})))
	bearer("another audience", i.token(t, with(object{"aud": "another"})))
	bearer("another issuer", i.token(t, with(object{"iss": "https://issuer.example.com"})))
	bearer("forged", sign(t, jose.RS256, other, "key-0", i.claims(all)))
	bearer("another key", sign(t, jose.RS256, other, "key-1", i.claims(all)))
	bearer("HMAC", sign(t, jose.HS256, []byte(strings.Repeat("k", 32)), "key-0", i.claims(all)))
	bearer("changed", good[:len(good)/2]+"A"+good[len(good)/2+1:])
	bearer("no signature", good[:strings.LastIndex(good, ".")+1])
	bearer("no token", "nonsense")
	bearer("empty", "")
	bearer("names in one", i.token(t, object{"groups": []string{strings.Join(groups, " ")}, "scope": strings.Join(scopes, ",")}))
	bearer("names as text", i.token(t, object{"groups": "[" + strings.Join(groups, " ") + "]"}))
	return callers
}

func subsets(names []string) [][]string {
	sets := [][]string{{}}
	for _, name := range names {
		for _, s := range sets {
			sets = append(sets, append(s[:len(s):len(s)], name))
		}
	}
	return sets
}

// A pair is one table twice: in a function behind the gateway, and in a container.
type pair struct {
	table               *route.Table
	stage               string
	function, container *line

	requests, allowed int
}

// A line is a connection to one of them.
type line struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, h http.Handler) *line {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Close() })
	return &line{conn, bufio.NewReader(conn)}
}

// ask sends a request as it stands: a client would tidy the path.
func (l *line) ask(t testing.TB, method, path, body string, headers []string) (*http.Response, string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: api.example.com\r\n", method, path)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	if _, err := io.WriteString(l.conn, b.String()); err != nil {
		t.Fatalf("%s %q: %v", method, path, err)
	}
	resp, answer, err := answerOf(l.in, method)
	if err != nil {
		t.Fatalf("%s %q: %v", method, path, err)
	}
	return resp, answer
}

func newPair(t testing.TB, manifest []byte, hs framework.Handlers, a *gateway.Authorizer, stage string) *pair {
	t.Helper()
	table, report := route.Load("routes.yaml", manifest, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	app, err := framework.New(manifest, hs, framework.Options{Stage: stage, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &pair{
		table: table, stage: stage,
		function:  dial(t, gateway.New(table, app, gateway.Options{Stage: stage, Authorizer: a})),
		container: dial(t, app.Handler(framework.HandlerOptions{Verify: a.Verify})),
	}
}

// compare sends one request both ways, and reports where the answers are not one.
//
// Five differences are known:
//   - If the gateway refuses by itself, its body is {"message": …} and not a problem
//     document.
//   - An iam route is refused with 403 by the gateway and with 401 by the container,
//     because neither of them can check a signature.
//   - A path that is not UTF-8 reaches a handler as it was sent only in a container,
//     because an event is JSON; see echo.
//   - A path with a dot segment is refused with 400 by the container, whatever else is
//     wrong, and by the function only if the gateway lets the request through.
//   - If the route is public and the decoded path is another route's that needs a
//     token, the container looks at the token. The gateway does not.
func (p *pair) compare(t *testing.T, method, path string, who caller) {
	t.Helper()
	headers, body := []string{"X-List: one, two", "X-List: three", "Cookie: a=1; b=2"}, ""
	for _, h := range who.headers {
		headers = append(headers, "Authorization: "+h)
	}
	if method == http.MethodPost {
		body = "hello \xff"
	}
	want, wantBody := p.function.ask(t, method, path+"?q=a%20b&q=c", body, headers)
	got, gotBody := p.container.ask(t, method, path+"?q=a%20b&q=c", body, headers)
	what := fmt.Sprintf("%s %q by %s", method, path, who.name)
	switch byGateway := strings.HasPrefix(wantBody, `{"message":`) || method == http.MethodHead && want.StatusCode >= 400; {
	case got.StatusCode == 400 && byGateway:
		p.requests++
		return
	case want.StatusCode == 401 && !byGateway && len(who.headers) > 0 && p.isPublic(method, path):
		p.requests++
		return
	}
	if got.Header.Get("X-Ran") != want.Header.Get("X-Ran") {
		t.Fatalf("%s: the container ran %q, the function %q", what, got.Header.Get("X-Ran"), want.Header.Get("X-Ran"))
	}
	wantStatus := want.StatusCode
	if wantStatus == 403 && got.StatusCode == 401 && p.isIAM(method, path) {
		wantStatus = 401
	}
	if got.StatusCode != wantStatus {
		t.Fatalf("%s: the container says %d %s, the function %d %s", what, got.StatusCode, gotBody, want.StatusCode, wantBody)
	}
	if got.StatusCode == 401 && got.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: no challenge", what)
	}
	p.requests++
	switch {
	case got.StatusCode == 200:
		p.allowed++
		if gotBody != wantBody && !strings.Contains(path, "%ff") { // which an event cannot hold
			t.Fatalf("%s (-function +container):\n%s", what, cmp.Diff(wantBody, gotBody))
		}
	case strings.HasPrefix(wantBody, `{"message":`), method == http.MethodHead: // the gateway's own words, or none
	case withoutID(t, gotBody) != withoutID(t, wantBody):
		t.Fatalf("%s: the container says %s, the function %s", what, gotBody, wantBody)
	}
}

func (p *pair) isIAM(method, path string) bool {
	r := p.selected(method, path)
	return r != nil && r.Access.Auth == route.IAM
}

func (p *pair) isPublic(method, path string) bool {
	r := p.selected(method, path)
	return r != nil && r.Access.Auth == route.Public
}

// selected returns the route that the gateway selects, or nil.
func (p *pair) selected(method, path string) *route.Route {
	if p.stage != "" {
		path = strings.TrimPrefix(strings.TrimPrefix(path, "/m%76p"), "/mvp")
	}
	r, _ := gateway.Match(p.table, method, path)
	return r
}

func withoutID(t testing.TB, problem string) string {
	t.Helper()
	var p object
	if err := json.Unmarshal([]byte(problem), &p); err != nil {
		t.Fatalf("%q: %v", problem, err)
	}
	delete(p, "request_id")
	return fmt.Sprint(p)
}

// echo is a handler that tells what reached it.
func echo(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		p, ok := framework.PrincipalFrom(r.Context())
		values := object{}
		for _, variable := range []string{"x", "y", "z"} {
			values[variable] = asInJSON(r.PathValue(variable))
		}
		w.Header().Set("X-Ran", name)
		_ = json.NewEncoder(w).Encode(object{
			"handler": name, "pattern": r.Pattern, "values": values, "method": r.Method, "path": asInJSON(r.URL.Path), "query": r.URL.RawQuery, "host": r.Host,
			"list": strings.Join(r.Header["X-List"], ","), "cookies": r.Header["Cookie"], "body": body, "length": r.ContentLength,
			"principal": p, "vouched": ok,
		})
	}
}

// asInJSON replaces what is not UTF-8, byte by byte.
func asInJSON(s string) string { return string([]rune(s)) }

// Every decision on the shipped routes is one, in Lambda and in the container.
func TestSameDecisionsOfTheShippedTable(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for _, stage := range []string{"", "mvp"} {
		p := newPair(t, routegate.Manifest, handlers.All(), i.authorizer(t, nil), stage)
		p.matrix(t, everyCaller(t, i, p.table.Groups(), p.table.Scopes()), rand.New(rand.NewPCG(1, 1)))
		t.Logf("stage %q: %d requests, %d were let in", stage, p.requests, p.allowed)
	}
}

// And so is every decision of tables that nobody would think of, whatever is in
// the path.
func TestSameDecisionsOfRandomTables(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := i.authorizer(t, nil)
	groups, scopes := []string{"G1", "G2"}, []string{"s/1", "s/2"}
	callers := everyCaller(t, i, groups, scopes)
	tables, requests, allowed := 200, 0, 0
	if testing.Short() {
		tables = 20
	}
	for seed := range uint64(tables) {
		random := rand.New(rand.NewPCG(seed, 0))
		manifest, hs := randomTable(random, groups, scopes)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { // which closes its servers at once
			p := newPair(t, manifest, hs, a, []string{"", "mvp"}[seed%2])
			p.matrix(t, callers, random)
			p.roam(t, callers[:2], random)
			requests, allowed = requests+p.requests, allowed+p.allowed
			if t.Failed() {
				t.Logf("stage %q:\n%s", p.stage, manifest)
			}
		})
	}
	t.Logf("%d tables, %d requests, each both ways; %d were let in", tables, requests, allowed)
	if allowed < requests/10 || allowed > requests*9/10 {
		t.Error("the tables are not what they should be")
	}
}

// matrix compares every route for every caller.
func (p *pair) matrix(t *testing.T, callers []caller, random *rand.Rand) {
	t.Helper()
	values := []string{"a", "v", "v%2Fw", "..", "%2e%2e", "b%20c", "%25", "%3Fq", "%E2%82%AC", "+", "%ff"}
	for r := range p.table.All() {
		method := r.Method
		if method == route.AnyMethod {
			method = route.Methods[random.IntN(len(route.Methods))]
		}
		path := r.Pattern.String()
		for _, name := range r.Pattern.Variables() {
			value := values[random.IntN(len(values))]
			path = strings.ReplaceAll(path, "{"+name+"}", value)
			path = strings.ReplaceAll(path, "{"+name+"+}", value+"/"+value)
		}
		if p.stage != "" {
			path = "/" + p.stage + path
		}
		for _, who := range callers {
			p.compare(t, method, path, who)
		}
	}
}

// roam compares what no route has in mind.
func (p *pair) roam(t *testing.T, callers []caller, random *rand.Rand) {
	t.Helper()
	for _, method := range []string{"GET", []string{"POST", "HEAD", "OPTIONS", "PURGE"}[random.IntN(4)]} {
		for _, path := range nastyPaths {
			if p.stage != "" && random.IntN(8) > 0 {
				path = "/" + p.stage + path
			}
			for _, who := range callers {
				p.compare(t, method, path, who)
			}
		}
	}
}

var nastyPaths = []string{
	"/", "//", "/a", "/a/", "//a//b/", "/a%2Fb", "/a%2fb/c", "/%61/%62", "/a/%2e%2e/b", "/a/../b", "/a/.", "/a%00", "/a/%ff", "/a/%C3/%A9", "/a/%252F", "/a/b%2F",
	"/a/%2F", "/%2F", "/a;x=1", "/a/b;/c", "/A", "/a/b/c/d", "/a%3Fb", "/a%23b/c", "/a\"%2Fb", "/a<b>%2Fc", "/a|b", "/mvp", "/mvp/a", "/m%76p/a", "/mvp%2Fa", "/a/{x}", "/a/%7Bx%7D", "/a:b", "/a/+", "/\xc3\xa9",
}

// randomTable returns a manifest of a few routes that is valid.
func randomTable(random *rand.Rand, groups, scopes []string) ([]byte, framework.Handlers) {
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	some := func(names []string) string {
		sets := subsets(names)
		return strings.Join(sets[random.IntN(len(sets))], ", ")
	}
	for {
		hs := framework.Handlers{}
		var b strings.Builder
		b.WriteString("version: 1\nroutes:\n")
		for n := range 1 + random.IntN(5) {
			path, variables := "", []string{"x", "y", "z"}
			for range random.IntN(4) {
				if random.IntN(2) == 0 {
					path += "/" + pick([]string{"a", "b", "c"})
				} else {
					path += "/{" + variables[0] + "}"
					variables = variables[1:]
				}
			}
			if path == "" || random.IntN(4) == 0 && len(variables) > 0 {
				if path += "/{" + variables[0] + "+}"; random.IntN(3) == 0 {
					path = "/"
				}
			}
			access := ""
			switch random.IntN(5) {
			case 0:
				access = "public: true"
			case 1:
				access = "auth: " + pick([]string{"iam", "jwt"})
			default:
				access = "auth: jwt"
				if g := some(groups); g != "" {
					access += ", groups: [" + g + "]"
				}
				if s := some(scopes); s != "" {
					access += ", scopes: [" + s + "]"
				}
			}
			name := fmt.Sprintf("h%d", n)
			hs[name] = echo(name)
			fmt.Fprintf(&b, "  - {path: '%s', method: %s, handler: %s, %s}\n", path, pick([]string{"GET", "GET", "POST", "HEAD", "OPTIONS", "ANY"}), name, access)
		}
		if table, _ := route.Load("routes.yaml", []byte(b.String()), nil); table != nil {
			return []byte(b.String()), hs
		}
	}
}
