package framework_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/frameworktest"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/gen"
	"github.com/routegate/routegate/framework/openapi"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/schema"
)

// pains are what users of comparable systems complain about, and what shows that
// it does not happen here: a test of this file, and tests elsewhere. "dir TestX"
// is a test function of a folder of the module, "dir TestX: words" a row of its
// table, and anything else a file.
var pains = []struct {
	pain  string
	test  func(*testing.T)
	proof []string
}{
	{"rules that are kept in several places drift apart", oneChangeReachesEveryCopy, []string{
		"framework/review TestTheorem", "cmd/gen-tf TestShippedFile", "cmd/gen-tf/testdata/script/check_stale.txtar", "cmd/package/testdata/script/refuses.txtar"}},
	{"a typo makes a route public", noTypoOpensARoute, []string{
		"framework/route TestBadManifests", "framework/route/testdata/bad/key-unknown.txtar", "framework/route/testdata/bad/value-auth.txtar", "framework/route/testdata/bad/access-unknown-names.txtar",
		"framework/route/testdata/bad/handler-unknown.txtar", "framework/route TestZeroDenies"}},
	{"the gateway authorizes one route and the function runs another", noOtherRouteRuns, []string{
		"framework TestAttacks: encoded slash", "framework TestAttacks: route key of another route", "framework/gateway TestDecodedPathOfAnotherRoute", "framework/gateway FuzzPath"}},
	{"groups are read wrongly from a claim", groupsAreThoseOfTheToken, []string{
		"framework TestAttacks: group with a space", "framework TestGroupsClaim", "framework TestSplitText", "framework FuzzClaims", "framework/route/testdata/bad/value-group-name.txtar"}},
	{"a local gateway skips authorization", nil, []string{
		"framework/gateway TestRefusals", "framework/gateway TestNoAuthorizer", "framework/gateway TestIAM", "cmd/local TestLocal", "cmd/local TestLocalForeignIssuer", "cmd/server TestDoesNotStart"}},
	{"nobody can tell why a request was refused, but the answer tells an attacker", nil, []string{
		"framework TestRefusalsAreSilent", "framework TestLog: missing_group", "framework/review TestWhyIsWhatTheFunctionDoes", "framework/review TestFlipsAreMinimal",
		"cmd/routes/testdata/script/why.txtar", "cmd/routes/testdata/script/why_event.txtar"}},
	{"stage and base path are mixed up with the route", nil, []string{
		"framework TestStage: named, the beginning of a segment", "framework TestStageNamedAsASegment", "framework/frameworktest TestRequestArrives", "framework/apigw TestRESTPath", "framework/apigw TestHTTPAPIv1Path",
		"framework/apigw/testdata/events/httpapi-named-stage-is-in-the-path.txtar", "framework/apigw/testdata/events/httpapi-mapping-key-is-not-in-the-path.txtar",
		"framework/apigw/testdata/events/httpapi-stage-is-a-whole-segment.txtar", "framework/apigw/testdata/events/httpapi-default-stage-adds-no-prefix.txtar"}},
	{"cookies are lost and headers are split at commas", cookiesAndCommasBothWays, []string{
		"framework/apigw TestRequestHeaders", "framework/apigw TestResponseIsLikeNetHTTP", "framework/apigw/testdata/events/httpapi-comma-in-a-header-is-part-of-it.txtar",
		"framework/apigw/testdata/events/httpapi-answer-cookies-in-their-own-list.txtar"}},
	{"a client forges the context that the gateway adds", nil, []string{
		"framework TestAttacks: forged context header", "framework TestAttacks: context in another case", "framework/apigw TestForgedHeaders", "framework/apigw TestDecodeKeyCase"}},
	{"routes are chosen otherwise on localhost than on AWS", nil, []string{
		"framework/gateway TestSelection", "framework/gateway TestMatcherAgainstRouterAndBruteForce", "framework/route TestRouterAgainstBruteForce"}},
	{"a preflight asks for a token, and errors have no CORS headers", nil, []string{
		"framework/gateway TestCORS: 6 preflight needs no token", "framework/gateway TestCORS: 11 choice: on errors, too", "framework/route/testdata/bad/warn-any.txtar", "cmd/local TestFetchFromAnotherOrigin"}},
	{"the router panics on routes that the gateway takes", routesThatOneTreeRefuses, []string{
		"framework/route TestRouterTakesWhatHTTPRouterRefuses", "framework/route TestRouterAgainstBruteForce", "framework/route/testdata/bad/clash-static-variable.txtar", "framework/route FuzzRouter"}},
	{"a quota is found out about while deploying", nil, []string{
		"framework/route TestRouteQuota", "framework/route/testdata/bad/value-scopes-eleven.txtar", "framework/route/testdata/bad/value-scope-name.txtar", "framework/route/testdata/bad/value-summary.txtar",
		"framework/gateway TestHeaderLimit", "framework/gateway TestPayloadLimits"}},
	{"any scope is taken for every scope, or scopes are ignored", anyScopeIsEnough, []string{
		"framework/openapi TestSecurity", "framework TestAccess: a reader", "framework/gateway TestRefusals"}},
	{"a report on drift is full of noise, or clean by mistake", nil, []string{
		"cmd/routes/testdata/script/drift.txtar", "cmd/routes/testdata/script/drift_bad.txtar", "cmd/routes/testdata/script/drift_closed.txtar", "cmd/internal/drift TestCompareIsBruteForce"}},
	{"a diff misses what changes who may call", nil, []string{
		"framework/review TestEveryEditIsClaimed", "framework/review TestCompareAgainstBruteForce", "cmd/routes/testdata/script/diff.txtar"}},
	{"a change takes a container, the cloud or a restart to be seen", nil, []string{
		"cmd/local TestLocalReloads", "cmd/local TestWhatIsSavedBeforeTheWatch", "framework/gateway TestRuntimeSwapUnderLoad"}},
	{"Terraform makes routes anew, and generated code pins its provider", addingARouteMovesNoOther, []string{
		"framework/gen TestTerraformIgnoresTheOrderOfTheManifest", "framework/gen TestTerraform", "cmd/gen-tf TestTerraform"}},
	{"an adapter brings half of the ecosystem along", nil, []string{
		"cmd/lambda TestDependencies", "cmd/server TestDependencies"}},
	{"the documentation page breaks behind a stage, and is public unasked", documentationAsksForADecision, []string{
		"cmd/local TestDocs: named stage", "cmd/local TestDocs: mapping key", "cmd/local TestDocsPrivate", "framework/swaggerui TestPage", "handlers TestOpenAPI"}},
	{"a handler that panics costs the instance", nil, []string{
		"framework TestHandlersThatFail: panics", "cmd/lambda TestSurvivesAPanic", "framework TestContainerHandlersThatFail"}},
	{"a warm-up warms something else than it says", nil, []string{
		"framework TestWarmUp: more than one", "framework TestNoWarmUp", "cmd/lambda TestWarmUpTraceAndMetrics"}},
	{"a setting is accepted and does nothing", everyKeyOfTheSchemaCounts, []string{
		"framework/review TestEveryEditIsClaimed"}},
	{"null scopes crash the function", nil, []string{
		"framework TestAttacks: scopes null", "framework/apigw/testdata/events/httpapi-authorization-is-passed-on.txtar", "framework/gateway/testdata/events/v2-jwt-no-scopes.txtar"}},
	{"one rule of a route switches another off", rulesAddUp, []string{
		"framework TestAccess: nobody", "framework/route/testdata/bad/access-public.txtar", "framework/route/testdata/bad/value-lists-empty.txtar"}},
	{"the answer is 401 where it should be 403", nil, []string{
		"framework TestAccess: a token", "framework/frameworktest TestCallers", "framework/gateway TestRefusals"}},
}

func TestPains(t *testing.T) {
	t.Parallel()
	for _, p := range pains {
		t.Run(p.pain, func(t *testing.T) {
			t.Parallel()
			for _, proof := range p.proof {
				if err := isThere(proof); err != nil {
					t.Errorf("%s: %v", proof, err)
				}
			}
			if p.test != nil {
				p.test(t)
			}
		})
	}
}

// isThere reports whether the module has a proof, so that one which is renamed
// or deleted is noticed.
func isThere(proof string) error {
	name, row, _ := strings.Cut(proof, ": ")
	dir, function, isTest := strings.Cut(name, " ")
	if !isTest {
		_, err := os.Stat(filepath.Join("..", filepath.FromSlash(proof)))
		return err
	}
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, body, ok := strings.Cut(string(src), "\nfunc "+function+"(")
		if !ok {
			continue
		}
		if body, _, _ = strings.Cut(body, "\n}\n"); row != "" && !strings.Contains(body, `"`+row+`"`) {
			return fmt.Errorf("the test has no row %q", row)
		}
		return nil
	}
	return fmt.Errorf("there is no such test")
}

func tableOf(t *testing.T, manifest string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", []byte(manifest), nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	return table
}

// told answers with the name of the handler and the values of its variables.
func told(names ...string) framework.Handlers {
	handlers := framework.Handlers{}
	for _, name := range names {
		handlers[name] = func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, name)
			for _, variable := range []string{"name", "rest", "id"} {
				if v := r.PathValue(variable); v != "" {
					fmt.Fprintf(w, " %s=%q", variable, v)
				}
			}
		}
	}
	return handlers
}

// answered is the status of an answer, and its body if it is a handler's.
func answered(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Sprint(res.StatusCode)
	}
	return "200 " + string(body)
}

var quiet = framework.Options{Logger: slog.New(slog.DiscardHandler)}

// A scope that is renamed in the manifest is renamed in Terraform, in the
// documentation, in the matrix, in the gateway and in the function.
func oneChangeReachesEveryCopy(t *testing.T) {
	const before = "{version: 1, routes: [{path: /users, method: GET, handler: users, scopes: [users/read]}]}"
	after := strings.Replace(before, "users/read", "users/list", 1)
	for _, test := range []struct{ manifest, has, lacks string }{{before, "users/read", "users/list"}, {after, "users/list", "users/read"}} {
		table := tableOf(t, test.manifest)
		copies := map[string]string{
			"the document for people":  string(openapi.Document(table, openapi.Options{})),
			"the document for gateway": string(openapi.Import(table, openapi.Gateway{})),
			"the matrix":               string(review.NewMatrix(table).Text()),
		}
		for _, module := range gen.Modules {
			for _, format := range gen.Formats {
				copies["Terraform for "+module.Variable()+", "+string(format)] = string(gen.Terraform(table, module, format, "routes.yaml"))
			}
		}
		for _, name := range []string{"the document for people", "the document for gateway"} {
			if asks := `"security":[{"jwt":["` + test.has + `"]}]`; !strings.Contains(strings.Join(strings.Fields(copies[name]), ""), asks) {
				t.Errorf("%s has no %s:\n%s", name, asks, copies[name])
			}
		}
		for name, text := range copies {
			if !strings.Contains(text, test.has) || strings.Contains(text, test.lacks) {
				t.Errorf("%s does not ask for %s alone:\n%s", name, test.has, text)
			}
		}
		// Each of the two alone, as if the other one had not been deployed.
		s := newService(t, test.manifest, framework.Options{}, "users")
		w := httptest.NewRecorder()
		gateway.New(table, s.app, gateway.Options{}).ServeHTTP(w, httptest.NewRequest("GET", "/users", nil))
		if w.Code != 401 || s.ran != "" {
			t.Errorf("the gateway asks for no token: %d", w.Code)
		}
		for scope, want := range map[string]outcome{test.has: ran("users"), test.lacks: refused(403, "missing_scope")} {
			if got := s.invoke(t, get("/users", bearer(alice(value{"scope": scope})))); got != want {
				t.Errorf("the function answers %s with %+v, want %+v", scope, got, want)
			}
			status := map[string]string{test.has: "200 users", test.lacks: "403"}[scope]
			c := frameworktest.New(t, []byte(test.manifest), told("users"), quiet).As(route.Principal{Scopes: []string{scope}})
			if got := answered(t, c.Get("/users")); got != status {
				t.Errorf("both answer %s with %s, want %s", scope, got, status)
			}
		}
	}
}

// Whatever one slip does to a manifest, a letter that is missing, doubled or
// swapped or a line that is lost: it is refused, or lets no stranger in.
func noTypoOpensARoute(t *testing.T) {
	const manifest = `version: 1
groups:
  admin: Operates the site
scopes:
  users/read: Reads users
routes:
  - path: /hc
    method: GET
    handler: open
    public: true
  - path: /me
    method: GET
    handler: token
  - path: /admins
    method: GET
    handler: admins
    groups: [admin]
  - path: /users
    method: GET
    handler: users
    scopes: [users/read]
  - path: /jobs
    method: GET
    handler: signed
    auth: iam
`
	var slips []string
	for i := range len(manifest) {
		slips = append(slips, manifest[:i]+manifest[i+1:], manifest[:i+1]+manifest[i:])
		if i > 0 {
			slips = append(slips, manifest[:i-1]+manifest[i:i+1]+manifest[i-1:i]+manifest[i+1:])
		}
	}
	lines := strings.SplitAfter(manifest, "\n")
	for i := range lines {
		slips = append(slips, strings.Join(slices.Delete(slices.Clone(lines), i, i+1), ""), strings.Join(slices.Insert(slices.Clone(lines), i, lines[i]), ""))
	}
	valid := 0
	for _, slip := range slips {
		app, err := framework.New([]byte(slip), told("open", "token", "admins", "users", "signed"), quiet)
		if err != nil {
			continue
		}
		valid++
		s := &service{app: app}
		for r := range tableOf(t, slip).All() {
			got := s.invoke(t, httpAPI(r.Method, r.Pattern.String(), "$default"))
			if want := map[bool]int{true: 200, false: 401}[r.Handler == "open"]; got.Status != want && got.Status != 401 {
				t.Errorf("%s answers a stranger with %d:\n%s", r.Key(), got.Status, slip)
			}
		}
	}
	if valid < 20 || valid > len(slips)/2 {
		t.Errorf("%d of %d manifests are valid: the test tests nothing", valid, len(slips))
	}
	t.Logf("%d of %d manifests are valid", valid, len(slips))
}

// A slash, a dot or a question mark that a client hides in a path runs no route
// but the one that was authorized, and opens no other.
func noOtherRouteRuns(t *testing.T) {
	const manifest = `
version: 1
routes:
  - {path: '/files/{name}', method: GET, handler: file, public: true}
  - {path: '/files/{name}/secret', method: GET, handler: secret, groups: [admin]}
  - {path: '/public/{rest+}', method: GET, handler: public, public: true}
  - {path: '/private/{rest+}', method: GET, handler: private, groups: [admin]}
`
	tests := []struct{ target, want string }{
		{"/files/a", `200 file name="a"`},
		{"/files/a/secret", "401"},
		{"/files/a%2Fb", `200 file name="a/b"`},
		{"/files/a%2Fsecret", "401"},
		{"/files/a%2fsecret", "401"},
		{"/files/a%252Fsecret", `200 file name="a%2Fsecret"`},
		{"/files/a%3F/secret", "401"},
		{"/files/a%3Fx=%2Fsecret", "401"},
		{"/files/a%23b", `200 file name="a#b"`},
		{"/files/100%25", `200 file name="100%"`},
		{"/public/..%2Fprivate%2Fx", "400"},
		{"/public/%2e%2e/private/x", "400"},
		{"/private/x", "401"},
		{"//private//x", "401"},
		{"/private/", "401"},
	}
	for _, stage := range []string{"", "files"} {
		opts := quiet
		opts.Stage = stage
		c := frameworktest.New(t, []byte(manifest), told("file", "secret", "public", "private"), opts)
		for _, test := range tests {
			if got := answered(t, c.Get(test.target)); got != test.want {
				t.Errorf("stage %q, GET %s: %s, want %s", stage, test.target, got, test.want)
			}
		}
	}
}

// A group is a whole name of the token's list, whatever the gateway makes of it.
func groupsAreThoseOfTheToken(t *testing.T) {
	const manifest = "{version: 1, routes: [{path: /x, method: GET, handler: x, groups: [admin]}]}"
	tests := []struct {
		groups any
		want   string
	}{
		{[]any{"admin"}, "200 x"},
		{[]any{"staff", "admin"}, "200 x"},
		{"admin", "200 x"},
		{[]any{"staff admin"}, "403"},
		{[]any{"admin staff", "site"}, "403"},
		{[]any{"staff,admin"}, "403"},
		{"staff admin", "403"},
		{"staff,admin", "403"},
		{"[admin]", "403"},
		{[]any{"[admin]"}, "403"},
		{[]any{"administrator", "ADMIN", "/admin"}, "403"},
		{map[string]any{"admin": true}, "403"},
		{[]any{[]any{"admin"}}, "403"},
		{[]any{}, "403"},
		{nil, "403"},
	}
	c := frameworktest.New(t, []byte(manifest), told("x"), quiet)
	for _, test := range tests {
		if got := answered(t, c.As(route.Principal{Claims: map[string]any{"groups": test.groups}}).Get("/x")); got != test.want {
			t.Errorf("%#v: %s, want %s", test.groups, got, test.want)
		}
	}
}

// From the client to the handler and back.
func cookiesAndCommasBothWays(t *testing.T) {
	const manifest = "{version: 1, routes: [{path: /x, method: GET, handler: x, public: true}]}"
	var got http.Header
	handlers := framework.Handlers{"x": func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		if c, err := r.Cookie("theme"); err != nil || c.Value != "dark" {
			t.Errorf("cookie %v, %v", c, err)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Path: "/"})
		w.Header().Add("Set-Cookie", "b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT")
		w.Header().Set("Last-Modified", "Tue, 15 Nov 1994 08:12:31 GMT")
	}}
	sent := http.Header{
		"Cookie": {"session=abc123; theme=dark"}, "If-Modified-Since": {"Tue, 15 Nov 1994 08:12:31 GMT"},
		"User-Agent": {"Mozilla/5.0 (KHTML, like Gecko)"}, "Access-Control-Request-Headers": {"authorization,content-type"},
	}
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header = sent.Clone()
	res := frameworktest.New(t, []byte(manifest), handlers, quiet).Do(r)
	for name := range got {
		if sent[name] == nil {
			delete(got, name) // the gateway's own
		}
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("the handler's headers (-sent +got):\n%s", diff)
	}
	want := []string{"a=1; Path=/", "b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT"}
	if diff := cmp.Diff(want, res.Header["Set-Cookie"]); diff != "" {
		t.Errorf("the client's cookies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Tue, 15 Nov 1994 08:12:31 GMT"}, res.Header["Last-Modified"]); diff != "" {
		t.Errorf("the client's date (-want +got):\n%s", diff)
	}
}

// A function with such routes starts, and each of them is answered; one whose
// routes have no clear answer does not start, and says which two it means.
func routesThatOneTreeRefuses(t *testing.T) {
	sets := []map[string]string{ // handler by route, then the request is the same path
		{"/users/me": "/users/me", "/users/{id}": "/users/7"},
		{"/users/{id}": "/users/7", "/users/{user_id}/posts": "/users/7/posts"},
		{"/files/{path+}": "/files/a/b", "/files/list": "/files/list"},
		{"/{tenant}/x": "/acme/x", "/health": "/health"},
		{"/{proxy+}": "/anything", "/health": "/health"},
	}
	for _, set := range sets {
		manifest, handlers := "version: 1\nroutes:\n", framework.Handlers{}
		for path := range set {
			name := "h" + regexp.MustCompile(`\W`).ReplaceAllString(path, "_")
			manifest += fmt.Sprintf("  - {path: '%s', method: GET, handler: %s, public: true}\n", path, name)
			handlers[name] = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, path) }
		}
		c := frameworktest.New(t, []byte(manifest), handlers, quiet)
		for path, request := range set {
			if got, want := answered(t, c.Get(request)), "200 "+path; got != want {
				t.Errorf("GET %s: %s, want %s", request, got, want)
			}
		}
	}
	_, err := framework.New([]byte("version: 1\nroutes:\n- {path: '/a/{x}', method: GET, handler: x}\n- {path: '/{y}/b', method: GET, handler: x}\n"), told("x"), quiet)
	for _, part := range []string{"routes.yaml:3:", "routes.yaml:4:", `"GET /a/b"`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v has no %s", err, part)
		}
	}
}

// Any one of a route's scopes is enough, and none is not.
func anyScopeIsEnough(t *testing.T) {
	const manifest = "{version: 1, routes: [{path: /x, method: GET, handler: x, scopes: [a/read, a/write]}]}"
	c := frameworktest.New(t, []byte(manifest), told("x"), quiet)
	for scopes, want := range map[string]string{"a/read": "200 x", "a/write other": "200 x", "a/read a/write": "200 x", "": "403", "a/readers": "403", "A/READ": "403", "a": "403"} {
		// As text and as a list, under either name; beside a gateway that was not
		// told of the scopes, too.
		for _, claims := range []map[string]any{{"scope": scopes}, {"scp": strings.Fields(scopes)}} {
			if got := answered(t, c.As(route.Principal{Claims: claims}).Get("/x")); got != want {
				t.Errorf("%v: %s, want %s", claims, got, want)
			}
			s := newService(t, manifest, framework.Options{}, "x")
			if got := s.invoke(t, get("/x", bearer(alice(claims)))); fmt.Sprint(got.Status) != want[:3] {
				t.Errorf("%v, the function alone: %+v, want %s", claims, got, want)
			}
		}
	}
}

// Each route has a key of its own in Terraform: what is added to the manifest is
// added to the file, and nothing else in it is touched. Nothing in it says which
// Terraform or which provider to use.
func addingARouteMovesNoOther(t *testing.T) {
	const before = `
version: 1
routes:
  - {path: /b, method: GET, handler: b, scopes: [b/read]}
  - {path: /d, method: ANY, handler: d}
`
	const after = `
version: 1
routes:
  - {path: /c, method: GET, handler: c, public: true}
  - {path: /d, method: ANY, handler: d}
  - {path: /b, method: GET, handler: b, scopes: [b/read]}
`
	for _, module := range gen.Modules {
		for _, format := range []gen.Format{gen.TF, gen.TFVars} {
			from := string(gen.Terraform(tableOf(t, before), module, format, "routes.yaml"))
			to := string(gen.Terraform(tableOf(t, after), module, format, "routes.yaml"))
			if rest := withoutAddition(from, to); rest == "" || !strings.Contains(rest, "GET /c") {
				t.Errorf("%s, %s: more than the new route differs:\n%s\n%s", module.Variable(), format, from, to)
			}
			for _, word := range []string{"terraform {", "required_", "provider", "version"} {
				if strings.Contains(to, word) {
					t.Errorf("%s, %s has %q", module.Variable(), format, word)
				}
			}
		}
	}
}

// withoutAddition is what b has at one place beyond a, or "" where they differ
// otherwise.
func withoutAddition(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if len(b) <= len(a) || !strings.HasSuffix(b, a[n:]) {
		return ""
	}
	return b[n : len(b)-len(a)+n]
}

// The document and its page are routes like any other: without a word in the
// manifest that says so they are not public.
func documentationAsksForADecision(t *testing.T) {
	const manifest = `
version: 1
routes:
  - {path: /docs, method: GET, handler: docs}
  - {path: /openapi.json, method: GET, handler: document}
`
	c := frameworktest.New(t, []byte(manifest), told("docs", "document"), quiet)
	for _, path := range []string{"/docs", "/openapi.json"} {
		if got := answered(t, c.Get(path)); got != "401" {
			t.Errorf("GET %s: %s", path, got)
		}
		if got := answered(t, c.As(route.Principal{}).Get(path)); !strings.HasPrefix(got, "200 ") {
			t.Errorf("GET %s with a token: %s", path, got)
		}
	}
	// No other route serves them.
	for _, path := range []string{"/", "/docs/index.html", "/swagger", "/swagger.json", "/v1/docs"} {
		if got := answered(t, c.As(route.Principal{}).Get(path)); got != "404" {
			t.Errorf("GET %s: %s", path, got)
		}
	}
}

// Whoever adds a key to the schema has to say here what it does.
func everyKeyOfTheSchemaCounts(t *testing.T) {
	var defs struct {
		Properties map[string]any
		Defs       struct {
			Route, Test struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema.Routes, &defs); err != nil {
		t.Fatal(err)
	}
	const (
		base  = "version: 1\nroutes:\n  - {path: /x, method: GET, handler: x%s}\n"
		tests = "version: 1\nroutes:\n  - {path: /x, method: GET, handler: x, groups: [a]}\ntests:\n  - {name: t, as: {groups: [a]}, allow: [GET /x]%s}\n"
	)
	route1 := func(more string) string { return fmt.Sprintf(base, more) }
	test1 := func(more string) string { return fmt.Sprintf(tests, more) }
	without := route1("")
	counts := map[string][2]string{ // two manifests that differ in the key
		"version":           {without, strings.Replace(without, "1", "2", 1)},
		"groups":            {route1(", groups: [a]"), "groups: {b: B}\n" + route1(", groups: [a]")},
		"scopes":            {route1(", scopes: [a]"), "scopes: {b: B}\n" + route1(", scopes: [a]")},
		"routes":            {without, without + "  - {path: /y, method: GET, handler: y}\n"},
		"tests":             {without, without + "tests:\n  - {name: t, allow: [GET /x]}\n"},
		"route.path":        {without, strings.Replace(without, "/x", "/y", 1)},
		"route.method":      {without, strings.Replace(without, "GET", "PUT", 1)},
		"route.handler":     {route1(", name: n"), strings.Replace(route1(", name: n"), "handler: x", "handler: y", 1)},
		"route.name":        {without, route1(", name: n")},
		"route.summary":     {without, route1(", summary: S")},
		"route.description": {without, route1(", description: D")},
		"route.tags":        {without, route1(", tags: [T]")},
		"route.deprecated":  {without, route1(", deprecated: true")},
		"route.public":      {without, route1(", public: true")},
		"route.auth":        {without, route1(", auth: iam")},
		"route.groups":      {without, route1(", groups: [a]")},
		"route.scopes":      {without, route1(", scopes: [a]")},
		"test.name":         {test1(", deny: [GET /x]"), strings.Replace(test1(", deny: [GET /x]"), "name: t", "name: u", 1)},
		"test.as":           {test1(""), strings.Replace(test1(""), "as: {groups: [a]}, ", "", 1)},
		"test.allow":        {test1(""), strings.Replace(test1(""), "GET /x]}\n", "GET /y]}\n", 1)},
		"test.deny":         {test1(""), test1(", deny: [GET /x]")},
	}
	var keys []string
	for key := range defs.Properties {
		keys = append(keys, key)
	}
	for key := range defs.Defs.Route.Properties {
		keys = append(keys, "route."+key)
	}
	for key := range defs.Defs.Test.Properties {
		keys = append(keys, "test."+key)
	}
	if len(keys) < 15 {
		t.Fatalf("the schema has the keys %q only", keys)
	}
	for _, key := range keys {
		pair, ok := counts[key]
		switch {
		case !ok:
			t.Errorf("what does %s do?", key)
		case pair[0] == pair[1]:
			t.Errorf("%s: the manifests are the same", key)
		case effect(t, pair[0]) == effect(t, pair[1]):
			t.Errorf("%s is accepted and does nothing: %s", key, pair[1])
		}
	}
}

// effect is all that comes of a manifest: what it is told, what is generated and
// what is answered.
func effect(t *testing.T, manifest string) string {
	var b strings.Builder
	table, report := route.Load("routes.yaml", []byte(manifest), []string{"x", "y"})
	if table == nil {
		return report.Err().Error()
	}
	for _, d := range table.Test() {
		fmt.Fprintf(&b, "%s\n", d.Message)
	}
	b.Write(gen.Terraform(table, gen.Obytes, gen.TF, "routes.yaml"))
	// Less the digest, which is of the manifest and not of what it does.
	b.WriteString(strings.ReplaceAll(string(openapi.Document(table, openapi.Options{})), table.Digest()[:12], ""))
	s := newService(t, manifest, framework.Options{}, "x", "y")
	for _, path := range []string{"/x", "/y"} {
		for _, who := range []caller{nobody, bearer(alice(nil)), iam} {
			fmt.Fprintf(&b, "%s: %+v\n", path, s.invoke(t, get(path, who)))
		}
	}
	return b.String()
}

// A route with groups still asks for a token and for its scopes, and one with
// scopes for its groups; a public neighbour opens nothing.
func rulesAddUp(t *testing.T) {
	const manifest = `
version: 1
routes:
  - {path: '/{rest+}', method: ANY, handler: rest, public: true}
  - {path: /x, method: GET, handler: x, groups: [g], scopes: [s]}
  - {path: /y, method: GET, handler: y, groups: [g]}
`
	c := frameworktest.New(t, []byte(manifest), told("rest", "x", "y"), quiet)
	for _, test := range []struct {
		who            *frameworktest.Client
		x, y, anything string
	}{
		{c, "401", "401", `200 rest rest="z"`},
		{c.As(route.Principal{}), "403", "403", `200 rest rest="z"`},
		{c.As(route.Principal{Groups: []string{"g"}}), "403", "200 y", `200 rest rest="z"`},
		{c.As(route.Principal{Scopes: []string{"s"}}), "403", "403", `200 rest rest="z"`},
		{c.As(route.Principal{Groups: []string{"g"}, Scopes: []string{"s"}}), "200 x", "200 y", `200 rest rest="z"`},
	} {
		got := []string{answered(t, test.who.Get("/x")), answered(t, test.who.Get("/y")), answered(t, test.who.Get("/z"))}
		if diff := cmp.Diff([]string{test.x, test.y, test.anything}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	// The function alone, behind a gateway that checks no scopes.
	s := newService(t, manifest, framework.Options{}, "rest", "x", "y")
	for _, test := range []struct {
		claims value
		want   outcome
	}{
		{value{"groups": []string{"g"}}, refused(403, "missing_scope")},
		{value{"scope": "s"}, refused(403, "missing_group")},
		{value{"groups": []string{"g"}, "scope": "s"}, ran("x")},
	} {
		if got := s.invoke(t, get("/x", bearer(alice(test.claims)))); got != test.want {
			t.Errorf("%v: %+v, want %+v", test.claims, got, test.want)
		}
	}
}
