package review_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// driftManifest is what the tables below compare gateways with.
const driftManifest = `version: 1
routes:
  - {path: /hc, method: GET, handler: hc, public: true}
  - {path: /me, method: GET, handler: me}
  - {path: '/users/{id}', method: GET, handler: user, scopes: [read, all]}
  - {path: '/users/{id}', method: DELETE, handler: remove, groups: [ADMINS], scopes: [all]}
  - {path: /jobs, method: POST, handler: jobs, auth: iam}
`

func driftTable(t testing.TB, src string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", []byte(src), nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	return table
}

// deploy reads routes written as "GET /a | JWT | read,all | target", the end of
// which may be left out.
func deploy(t testing.TB, lines ...string) *review.Deployment {
	t.Helper()
	d := &review.Deployment{}
	for i, line := range lines {
		parts := strings.Split(line+" | | | ", "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		r, err := review.NewDeployedRoute(parts[0], parts[1], strings.FieldsFunc(parts[2], func(c rune) bool { return c == ',' }))
		if err != nil {
			t.Fatal(err)
		}
		r.Target, r.Where = parts[3], fmt.Sprintf("r%d", i)
		d.Routes = append(d.Routes, r)
	}
	return d
}

// asDeployed are the routes of driftManifest as a gateway has them that does
// what it says.
var asDeployed = []string{
	"GET /hc | NONE",
	"GET /me | JWT",
	"GET /users/{id} | JWT | read,all",
	"DELETE /users/{id} | JWT | all",
	"POST /jobs | AWS_IAM",
}

// with returns asDeployed with the routes that have the same keys as some lines
// replaced by them, or, where a line is only a key behind "-", left out.
func with(lines ...string) []string {
	var out []string
	for _, old := range asDeployed {
		key, _, _ := strings.Cut(old, " | ")
		replaced := false
		for _, line := range lines {
			replaced = replaced || strings.HasPrefix(line, key+" |") || line == key || line == "- "+key
		}
		if !replaced {
			out = append(out, old)
		}
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "- ") {
			out = append(out, line)
		}
	}
	return out
}

// told writes a difference in one line: kind, routes, request, caller, and
// whether it is open.
func told(d review.Drift) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", d.Kind)
	if d.Route != nil {
		fmt.Fprintf(&b, " %q", d.Route.Key())
	}
	if d.Deployed != nil {
		fmt.Fprintf(&b, " as %q", d.Deployed.Key)
	}
	fmt.Fprintf(&b, ": %s %s by %s", d.Method, d.Path, review.Describe(d.Caller))
	if d.Open() {
		b.WriteString(", open")
	}
	return b.String()
}

func TestDrifts(t *testing.T) {
	t.Parallel()
	everything := []string{
		`exposed "GET /me" as "ANY /{proxy+}": GET /me by nobody`,
		`exposed "GET /users/{id}" as "ANY /{proxy+}": GET /users/x by nobody`,
		`exposed "DELETE /users/{id}" as "ANY /{proxy+}": DELETE /users/x by nobody`,
		`exposed "POST /jobs" as "ANY /{proxy+}": POST /jobs by nobody`,
		`blocked "GET /me" as "ANY /{proxy+}": GET /me by a token`,
		`blocked "GET /users/{id}" as "ANY /{proxy+}": GET /users/x by a token with scope all`,
		`blocked "DELETE /users/{id}" as "ANY /{proxy+}": DELETE /users/x by a token with group ADMINS and scope all`,
		`blocked "POST /jobs" as "ANY /{proxy+}": POST /jobs by an IAM caller`,
		`orphan as "ANY /{proxy+}": GET / by nobody`,
	}
	asDefault := make([]string, len(everything))
	for i, s := range everything {
		asDefault[i] = strings.ReplaceAll(s, "ANY /{proxy+}", "$default")
	}
	for _, test := range []struct {
		name     string
		manifest string // "": driftManifest
		routes   []string
		want     []string
	}{
		{name: "none", routes: with()},
		{name: "order, names of variables, defaults and case", routes: []string{
			"post /jobs | aws_iam", "DELETE /users/{user_id} | JWT | all,all", "GET /users/{user} | jwt | all,read", "GET /me | JWT", "GET /hc",
		}},
		{name: "scopes mean nothing without a token", routes: with("GET /hc | NONE | read")},
		{name: "no proof is asked", routes: with("GET /me | NONE"), want: []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody`,
			`blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{name: "scopes are dropped", routes: with("DELETE /users/{id} | JWT"), want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token`,
		}},
		{name: "a scope too many", routes: with("DELETE /users/{id} | JWT | all,read"), want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope read`,
		}},
		{name: "a scope too few", routes: with("GET /users/{id} | JWT | read"), want: []string{
			`blocked "GET /users/{id}" as "GET /users/{id}": GET /users/x by a token with scope all`,
		}},
		{name: "another scope", routes: with("DELETE /users/{id} | JWT | read"), want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope read`,
			`blocked "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
		}},
		{name: "a scope in another case", routes: with("DELETE /users/{id} | JWT | All"), want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope All`,
			`blocked "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
		}},
		{name: "a token where none was asked", routes: with("GET /hc | JWT"), want: []string{
			`blocked "GET /hc" as "GET /hc": GET /hc by nobody`,
		}},
		{name: "IAM in place of a token", routes: with("GET /me | AWS_IAM"), want: []string{
			`exposed "GET /me" as "GET /me": GET /me by an IAM caller`,
			`blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{name: "a token in place of IAM", routes: with("POST /jobs | JWT"), want: []string{
			`exposed "POST /jobs" as "POST /jobs": POST /jobs by a token`,
			`blocked "POST /jobs" as "POST /jobs": POST /jobs by an IAM caller`,
		}},
		{name: "a Lambda authorizer", routes: with("GET /me | CUSTOM", "GET /hc | CUSTOM"), want: []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody`,
			`blocked "GET /hc" as "GET /hc": GET /hc by nobody`,
			`blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{name: "not deployed", routes: with("- GET /me"), want: []string{
			`missing "GET /me": GET /me by a token`,
		}},
		{name: "nothing is deployed", want: []string{
			`missing "GET /hc": GET /hc by nobody`,
			`missing "GET /me": GET /me by a token`,
			`missing "GET /users/{id}": GET /users/x by a token with scope all`,
			`missing "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
			`missing "POST /jobs": POST /jobs by an IAM caller`,
		}},
		{name: "not in the manifest", routes: with("GET /admin | NONE"), want: []string{
			`orphan as "GET /admin": GET /admin by nobody`,
		}},
		{name: "not in the manifest, and for few", routes: with("GET /admin | JWT | all"), want: []string{
			`orphan as "GET /admin": GET /admin by a token with scope all`,
		}},
		{name: "paths differ in case", routes: with("- GET /me", "GET /Me | JWT"), want: []string{
			`orphan as "GET /Me": GET /Me by a token`,
			`missing "GET /me": GET /me by a token`,
		}},
		{name: "a route that takes some of another's requests", routes: with("GET /users/root | NONE"), want: []string{
			`exposed "GET /users/{id}" as "GET /users/root": GET /users/root by nobody`,
			`blocked "GET /users/{id}" as "GET /users/root": GET /users/root by a token with scope all`,
			`orphan "GET /users/{id}" as "GET /users/root": GET /users/root by nobody`,
		}},
		{name: "ANY in place of a method, and a tie of equals", routes: with("GET /{x}/root | JWT | read,all", "- GET /hc", "ANY /hc | NONE"), want: []string{
			`orphan as "ANY /hc": HEAD /hc by nobody`,
			`orphan as "GET /{x}/root": GET /x/root by a token with scope all`,
		}},
		{name: "everything goes to the function, without a token", routes: []string{"ANY /{proxy+} | NONE"}, want: everything},
		{name: "the same by default", routes: []string{"$default | NONE"}, want: asDefault},
		{name: "everything goes to the function, with any token", routes: []string{"ANY /{proxy+} | JWT", "GET /hc", "POST /jobs | AWS_IAM"}, want: []string{
			`exposed "GET /users/{id}" as "ANY /{proxy+}": GET /users/x by a token`,
			`exposed "DELETE /users/{id}" as "ANY /{proxy+}": DELETE /users/x by a token`,
			`orphan as "ANY /{proxy+}": GET / by a token`,
		}},
		{name: "$default behind a greedy route", routes: with("$default | NONE", "ANY /{proxy+} | JWT"), want: []string{
			`orphan as "ANY /{proxy+}": GET / by a token`,
		}},
		{name: "$default gets what a greedy route leaves", routes: with("$default | NONE", "GET /{proxy+} | JWT"), want: []string{
			`orphan as "$default": HEAD / by nobody`,
			`orphan as "GET /{proxy+}": GET / by a token`,
		}},
		{name: "another integration", routes: []string{
			"GET /hc | NONE | | f", "GET /me | JWT | | f", "GET /users/{id} | JWT | all,read | f", "DELETE /users/{id} | JWT | all | g", "POST /jobs | AWS_IAM | | f",
			"GET /docs | NONE | | g", "GET /admin | NONE | | f",
		}, want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope all, open`,
			`orphan as "GET /admin": GET /admin by nobody`,
			`orphan as "GET /docs": GET /docs by nobody, open`,
			`missing "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
		}},
		{name: "an integration a route", routes: []string{
			"GET /hc | NONE | | f", "GET /me | NONE | | g", "GET /users/{id} | JWT | all,read | h", "DELETE /users/{id} | JWT | all | i", "POST /jobs | AWS_IAM",
		}, want: []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody, open`,
			`blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{
			name:     "the function answers most routes",
			manifest: "version: 1\nroutes: [{path: /a/1, method: GET, handler: a, public: true}, {path: /a/2, method: GET, handler: b, public: true}, {path: /b, method: GET, handler: c, public: true}]\n",
			routes:   []string{"GET /a/{x} | NONE | | f", "ANY /b | NONE | | g"},
			want: []string{
				`orphan as "ANY /b": HEAD /b by nobody, open`,
				`orphan as "GET /a/{x}": GET /a/x by nobody`,
				`missing "GET /b" as "ANY /b": GET /b by nobody`,
			},
		},
		{
			name: "another route of the manifest answers",
			manifest: `version: 1
routes:
  - {path: '/{a}', method: GET, handler: a, groups: [A]}
  - {path: /me, method: GET, handler: b}
  - {path: /out, method: GET, handler: c, public: true}
`,
			routes: []string{"GET /{x} | JWT", "GET /out | NONE"},
			want: []string{
				`blocked "GET /me" as "GET /{x}": GET /me by a token`,
				`missing "GET /me" as "GET /{x}": GET /me by a token`,
			},
		},
		{
			name: "another route of the manifest answers, which asks for less",
			manifest: `version: 1
routes:
  - {path: '/{a}', method: GET, handler: a, public: true}
  - {path: /me, method: GET, handler: b, groups: [A]}
`,
			routes: []string{"GET /{x}"},
			want: []string{
				// The function knows whose path it is, and the gateway vouches for nobody.
				`blocked "GET /me" as "GET /{x}": GET /me by a token with group A`,
				`missing "GET /me" as "GET /{x}": GET /me by a token with group A`,
			},
		},
		{
			name:     "$default in place of a route for everything",
			manifest: "version: 1\nroutes: [{path: '/{p+}', method: ANY, handler: a}]\n",
			routes:   []string{"$default | JWT"},
			want:     []string{`orphan "ANY /{p+}" as "$default": GET / by a token`},
		},
		{
			name:     "AWS does not say which answers",
			manifest: "version: 1\nroutes: [{path: '/{a}/b', method: GET, handler: a}]\n",
			routes:   []string{"GET /{a}/b | JWT", "GET /a/{b} | NONE"},
			want: []string{
				`exposed "GET /{a}/b" as "GET /a/{b}": GET /a/b by nobody`,
				`blocked "GET /{a}/b" as "GET /a/{b}": GET /a/b by a token`,
				`orphan as "GET /a/{b}": GET /a/x by nobody`,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			manifest := test.manifest
			if manifest == "" {
				manifest = driftManifest
			}
			drifts, err := review.Drifts(driftTable(t, manifest), deploy(t, test.routes...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range drifts {
				got = append(got, told(d))
				if d.Message == "" {
					t.Errorf("%s: no message", told(d))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("drifts (-want +got):\n%s", diff)
			}
		})
	}
}

// A message says who refuses, and whether that is sure.
func TestDriftMessages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		routes []string
		kind   review.DriftKind
		want   string
	}{
		{with("GET /me | NONE"), review.Exposed, "the gateway asks for nothing; it should ask for any valid token. The function refuses it: 401 no_principal"},
		{with("GET /me | NONE"), review.Blocked, "the gateway asks for nothing; it should ask for any valid token. The function refuses it: 401 no_principal, since such a gateway looks at no token"},
		{with("DELETE /users/{id} | JWT"), review.Exposed, "the gateway asks for any valid token; it should ask for scope all. The function refuses it: 403 missing_scope"},
		{with("GET /hc | JWT"), review.Blocked, "the gateway asks for any valid token; it should ask for nothing. The gateway refuses it"},
		{with("GET /hc | CUSTOM"), review.Blocked, "the gateway asks for what its Lambda authorizer wants, which is not known here; it should ask for nothing. The Lambda authorizer may refuse it"},
		{with("- GET /me"), review.Missing, "no deployed route takes it: the gateway answers 404"},
		{with("GET /x"), review.Orphan, "the manifest does not have it. The function answers 404"},
		{with("GET /users/root | JWT | read,all"), review.Orphan, `the manifest does not have it. The function takes it for "GET /users/{id}" (line 5)`},
		{[]string{"GET /hc | | | f", "GET /x | | | g"}, review.Orphan, `the manifest does not have it. It goes to "g", which is not the function: nothing checks what the manifest says`},
		{[]string{"GET /hc | | | f", "GET /me | JWT | | g", "GET /x | | | g"}, review.Orphan, `the manifest does not have it. Whether "g" is the function is not clear`},
		{[]string{"GET /hc | | | f", "GET /me | NONE | | g", "POST /jobs | AWS_IAM | | f"}, review.Exposed, `the gateway asks for nothing, and the function is not asked; the manifest asks for any valid token. It goes to "g", which is not the function: nothing refuses it`},
		{[]string{"GET /hc | | | f", "GET /me | NONE | | g"}, review.Exposed, `the gateway asks for nothing; it should ask for any valid token. The function would refuse it, but whether "g" is the function is not clear`},
	} {
		drifts, err := review.Drifts(driftTable(t, driftManifest), deploy(t, test.routes...))
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		for _, d := range drifts {
			if d.Kind == test.kind && got == "none" {
				got = d.Message
				if d.Then != "" {
					got += ". " + strings.ToUpper(d.Then[:1]) + d.Then[1:]
				}
			}
		}
		if got != test.want {
			t.Errorf("%v: %s is told as\n%s\nwant\n%s", test.routes, test.kind, got, test.want)
		}
	}
}

// Of two that tie both are named.
func TestDriftNamesATie(t *testing.T) {
	t.Parallel()
	table := driftTable(t, "version: 1\nroutes: [{path: '/{a}/b', method: GET, handler: a}]\n")
	drifts, err := review.Drifts(table, deploy(t, "GET /{a}/b | JWT", "GET /a/{b} | NONE"))
	if err != nil || len(drifts) == 0 {
		t.Fatal(drifts, err)
	}
	if want := `; AWS does not say which of "GET /a/{b}" and "GET /{a}/b" answers`; !strings.HasSuffix(drifts[0].Message, want) {
		t.Errorf("the message is %q", drifts[0].Message)
	}
}

// What cannot be understood is not compared.
func TestDriftsOfKeysThatMeanNothing(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"$connect":      "want a method, a space and a path",
		"GET":           "want a method, a space and a path",
		"FETCH /a":      `unknown method "FETCH"`,
		"GET a":         "path",
		"GET /a/":       "path",
		"GET /{a":       "path",
		"GET /{a+}/b":   "greedy",
		"GET /a b":      "space",
		"$DEFAULT":      "want a method, a space and a path",
		"GET  /a":       "path",
		"GET /{x}/{x}":  "twice",
		"ANY /a?b=c":    "the character '?'",
		"GET /\x00":     "character",
		"GET /${stage}": "the character '$'",
	} {
		_, err := review.Drifts(driftTable(t, driftManifest), deploy(t, key))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("%q (r0)", key)) {
			t.Errorf("%q: %v, want an error with its name and %q", key, err, want)
		}
	}
}

func TestAuthorizerDrifts(t *testing.T) {
	t.Parallel()
	right := review.Authorizer{ID: "one", Name: "main", JWT: true, Issuer: "https://issuer/", Audience: []string{"b", "a"}, Where: "one"}
	want := review.Tokens{Issuer: "https://issuer/", Audience: []string{"a", "b", "a"}}
	change := func(f func(*review.Authorizer)) review.Authorizer {
		a := right
		f(&a)
		return a
	}
	for _, test := range []struct {
		name        string
		authorizers []review.Authorizer
		want        review.Tokens
		drifts      []string
		err         string
	}{
		{name: "right", authorizers: []review.Authorizer{right}, want: want},
		{name: "a slash less", authorizers: []review.Authorizer{change(func(a *review.Authorizer) { a.Issuer = "https://issuer" })}, want: want, drifts: []string{
			`exposed token of issuer "https://issuer": authorizer "main" trusts the issuer "https://issuer"; want "https://issuer/"`,
			`blocked token of issuer "https://issuer/": authorizer "main" trusts the issuer "https://issuer"; want "https://issuer/"`,
		}},
		{name: "audiences", authorizers: []review.Authorizer{change(func(a *review.Authorizer) { a.Audience = []string{"a", "d", "c"} })}, want: want, drifts: []string{
			`exposed token for audience "c": authorizer "main" takes tokens for "c", "d" too`,
			`blocked token for audience "b": authorizer "main" does not take tokens for "b"`,
		}},
		{name: "where tokens are", authorizers: []review.Authorizer{change(func(a *review.Authorizer) {
			a.IdentitySources = []string{"$request.header.authorization"}
		})}, want: want},
		{name: "from elsewhere", authorizers: []review.Authorizer{change(func(a *review.Authorizer) {
			a.IdentitySources = []string{"$request.querystring.token"}
		})}, drifts: []string{
			`exposed token in "$request.querystring.token": authorizer "main" takes tokens from "$request.querystring.token"; want "$request.header.Authorization"`,
		}},
		{name: "from elsewhere, too, and a slash less", authorizers: []review.Authorizer{change(func(a *review.Authorizer) {
			a.IdentitySources, a.Issuer = []string{"$request.header.Authorization", "$request.header.X-Token"}, "https://issuer"
		})}, want: want, drifts: []string{
			`exposed token in "$request.header.X-Token": authorizer "main" takes tokens from "$request.header.X-Token"; want "$request.header.Authorization"`,
			`exposed token of issuer "https://issuer": authorizer "main" trusts the issuer "https://issuer"; want "https://issuer/"`,
			`blocked token of issuer "https://issuer/": authorizer "main" trusts the issuer "https://issuer"; want "https://issuer/"`,
		}},
		{name: "only what is given", authorizers: []review.Authorizer{change(func(a *review.Authorizer) { a.Audience = nil })}, want: review.Tokens{Issuer: right.Issuer}},
		{name: "nothing is given", authorizers: nil},
		{name: "not in the source", authorizers: nil, want: want, err: `the authorizer "one" of route "DELETE /users/{id}" is not in it`},
		{name: "not known yet", authorizers: []review.Authorizer{change(func(a *review.Authorizer) { a.Unknown = true })}, want: want, err: "known only after terraform apply"},
		{name: "no issuer", authorizers: []review.Authorizer{change(func(a *review.Authorizer) { a.Issuer = "" })}, want: want, err: "has no issuer"},
		{name: "a Lambda authorizer", authorizers: []review.Authorizer{{ID: "one"}}, err: "no JWT authorizer"},
		{name: "of another route type only", authorizers: []review.Authorizer{right, {ID: "two", JWT: true, Issuer: "https://other"}}, want: want},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, with()...)
			for i := range d.Routes {
				if d.Routes[i].Access.Auth == route.JWT {
					d.Routes[i].Authorizer = "one"
				}
			}
			d.Authorizers = test.authorizers
			drifts, err := review.AuthorizerDrifts(d, test.want)
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			var got []string
			for _, f := range drifts {
				if f.Deployed == nil || f.Method+" "+f.Path != "DELETE /users/x" || f.Open() != (f.Kind == review.Exposed) {
					t.Errorf("%+v", f)
				}
				got = append(got, fmt.Sprintf("%s token %s: %s", f.Kind, f.Token, f.Message))
			}
			if diff := cmp.Diff(test.drifts, got); diff != "" {
				t.Errorf("drifts (-want +got):\n%s", diff)
			}
		})
	}
}

// Two answers of AWS that contradict each other are not compared.
func TestAuthorizersContradictRoutes(t *testing.T) {
	t.Parallel()
	for authorizer, want := range map[string]string{
		"":     `route "GET /me" asks for a token and names no authorizer`,
		"gone": `route "GET /me" has the authorizer "gone", which is not among the authorizers`,
	} {
		d := deploy(t, "GET /me | JWT")
		d.Routes[0].Authorizer, d.Complete = authorizer, true
		if _, err := review.AuthorizerDrifts(d, review.Tokens{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("authorizer %q: error %v, want %q", authorizer, err, want)
		}
	}
}

// manyRoutes returns a manifest of n routes in 40 groups.
func manyRoutes(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {path: '/v1/r%d/{id}/s%d', method: GET, handler: h, name: n%d, groups: [G%d, G%d], scopes: [s%d]}\n", i/10, i%10, i, i%40, (i+1)%40, i%7)
	}
	return b.String()
}

// The time is that of the routes that differ, and no more than in proportion to
// them. It is logged only: machines differ.
func TestDriftsOfManyRoutes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{300, 10000} {
		if n > 300 && testing.Short() {
			continue
		}
		table := driftTable(t, manyRoutes(n))
		same, open := &review.Deployment{}, &review.Deployment{}
		for r := range table.All() {
			d, err := review.NewDeployedRoute(r.Key(), "JWT", r.Access.Scopes)
			if err != nil {
				t.Fatal(err)
			}
			same.Routes = append(same.Routes, d)
			d.Access = route.Access{Auth: route.Public}
			open.Routes = append(open.Routes, d)
		}
		for _, test := range []struct {
			name       string
			deployment *review.Deployment
			want       int
		}{
			{"as the manifest says", same, 0},
			{"open to all", open, 2 * n},
			{"one route for everything", deploy(t, "ANY /{proxy+} | JWT"), n + 1},
		} {
			start := time.Now()
			drifts, err := review.Drifts(table, test.deployment)
			if err != nil || len(drifts) != test.want {
				t.Errorf("%d routes, %s: %d drifts and error %v, want %d", n, test.name, len(drifts), err, test.want)
			}
			t.Logf("%d routes, %s: %v", n, test.name, time.Since(start).Round(time.Millisecond))
		}
	}
}
