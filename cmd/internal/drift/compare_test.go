package drift

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/route"
)

// testManifest is what the tables below compare gateways with.
const testManifest = `version: 1
routes:
  - {path: /hc, method: GET, handler: hc, public: true}
  - {path: /me, method: GET, handler: me}
  - {path: '/users/{id}', method: GET, handler: user, scopes: [read, all]}
  - {path: '/users/{id}', method: DELETE, handler: remove, groups: [ADMINS], scopes: [all]}
  - {path: /jobs, method: POST, handler: jobs, auth: iam}
`

func loadTable(t testing.TB, src string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", []byte(src), nil)
	if table == nil {
		t.Fatal(report.Err())
	}
	return table
}

// gap is a Gap of some name.
func gap(what string) Gap { return Gap{What: what, Get: "ask"} }

// mainAuthorizer returns an authorizer whose fields are all known.
func mainAuthorizer() *Authorizer {
	return &Authorizer{
		Name: "main", Where: "one", Type: Known("JWT"), IdentitySources: Known([]string{identitySource}),
		Issuer: Known("https://issuer/"), Audience: Known([]string{"b", "a"}),
	}
}

// deploy reads routes written as "GET /a | JWT | read,all | target". The end may be
// left out. "?" stands for what is not known. The target is "f" if it is left out,
// which is the function, and "-" for no integration.
func deploy(lines ...string) *Deployment {
	d := &Deployment{Function: Known(FunctionID("f")), Read: []string{"test"}}
	main := mainAuthorizer()
	for i, line := range lines {
		parts := strings.Split(line+" | | | ", "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		r := Route{Where: fmt.Sprintf("r%d", i), Key: Known(parts[0]), Authorization: Known(Authorization(parts[1])), Authorizer: Known(main)}
		if parts[0] == "?" {
			r.Key = Unknown[string](gap("key"))
		}
		if parts[1] == "?" {
			r.Authorization = Unknown[Authorization](gap("authorization"))
		}
		r.Scopes = Known(strings.FieldsFunc(parts[2], func(c rune) bool { return c == ',' }))
		if parts[2] == "?" {
			r.Scopes = Unknown[[]string](gap("scopes"))
		}
		integration := &Integration{Type: Known("AWS_PROXY"), Calls: Known(FunctionID("f")), Mappings: Known(map[string]string(nil)), Where: "i-" + parts[3], Target: parts[3]}
		r.Integration = Known(integration)
		switch parts[3] {
		case "":
		case "-":
			r.Integration = Known[*Integration](nil)
		case "?":
			r.Integration = Unknown[*Integration](gap("integration"))
		case "?calls":
			integration.Calls = Unknown[FunctionID](gap("calls"))
		case "http":
			integration.Type, integration.Calls = Known("HTTP_PROXY"), Unknown[FunctionID](gap("calls"))
		default:
			integration.Calls = Known(FunctionID(parts[3]))
		}
		d.Routes = append(d.Routes, r)
	}
	return d
}

// asDeployed are the routes of testManifest as a gateway has them that does what it
// says.
var asDeployed = []string{
	"GET /hc | NONE",
	"GET /me | JWT",
	"GET /users/{id} | JWT | read,all",
	"DELETE /users/{id} | JWT | all",
	"POST /jobs | AWS_IAM",
}

// with returns asDeployed, in which lines replace the routes of the same keys. "- KEY"
// removes a route.
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

// inOneLine writes a finding as: kind, routes, request, caller, and whether nothing
// refuses the caller.
func inOneLine(f Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", f.Kind)
	if f.Kind == NotKnown {
		fmt.Fprintf(&b, " %s, maybe %s", f.Gap.What, f.Might)
	}
	if f.Route != nil {
		fmt.Fprintf(&b, " %q", f.Route.Key())
	}
	if f.Deployed != nil {
		fmt.Fprintf(&b, " as %q", f.Deployed.name())
	}
	if f.Door != nil {
		fmt.Fprintf(&b, " %s", f.Door.Kind)
	}
	if f.Path != "" {
		fmt.Fprintf(&b, ": %s %s by %s", f.Method, f.Path, callerOf(&f))
	}
	if f.Others > 0 {
		fmt.Fprintf(&b, ", and %d others", f.Others)
	}
	if (f.Kind == Exposed || f.Kind == Orphan) && !f.Enforced {
		b.WriteString(", open")
	}
	return b.String()
}

func compared(t testing.TB, manifest string, d *Deployment, opts Options) *Result {
	t.Helper()
	result, err := Compare(loadTable(t, manifest), d, opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func allInOneLine(list []Finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, inOneLine(f))
	}
	return out
}

func TestCompare(t *testing.T) {
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
		manifest string // "": testManifest
		routes   []string
		unnamed  bool // whether nobody knows which function is meant
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
		{name: "one scope with a space instead of two scopes", routes: with("GET /users/{id} | JWT | read all"), want: []string{
			`exposed "GET /users/{id}" as "GET /users/{id}": GET /users/x by a token with scope read all`,
			`blocked "GET /users/{id}" as "GET /users/{id}": GET /users/x by a token with scope all`,
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
		{name: "all integrations are HTTP proxies", routes: []string{
			"GET /hc | NONE | | http", "GET /me | JWT | | http", "GET /users/{id} | JWT | all,read | http", "DELETE /users/{id} | JWT | all | http", "POST /jobs | AWS_IAM | | http",
		}, unnamed: true, want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope all, open`,
			`missing "GET /hc" as "GET /hc": GET /hc by nobody`,
			`missing "GET /me" as "GET /me": GET /me by a token`,
			`missing "GET /users/{id}" as "GET /users/{id}": GET /users/x by a token with scope all`,
			`missing "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
			`missing "POST /jobs" as "POST /jobs": POST /jobs by an IAM caller`,
		}},
		{name: "an integration a route", unnamed: true, routes: []string{
			"GET /hc | NONE | | f", "GET /me | NONE | | g", "GET /users/{id} | JWT | all,read | h", "DELETE /users/{id} | JWT | all | i", "POST /jobs | AWS_IAM | | f",
		}, want: []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody, open`,
			`unknown function, maybe exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope all, and 4 others`,
		}},
		{
			name:     "the function answers few routes",
			manifest: "version: 1\nroutes: [{path: /a/1, method: GET, handler: a, public: true}, {path: /a/2, method: GET, handler: b, public: true}, {path: /b, method: GET, handler: c, public: true}]\n",
			routes:   []string{"GET /a/{x} | NONE | | g", "ANY /b | NONE | | f"},
			want: []string{
				`orphan as "ANY /b": HEAD /b by nobody`,
				`orphan as "GET /a/{x}": GET /a/x by nobody, open`,
				`missing "GET /a/1" as "GET /a/{x}": GET /a/1 by nobody`,
				`missing "GET /a/2" as "GET /a/{x}": GET /a/2 by nobody`,
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
			name:     "the first of several requests shows an orphan",
			manifest: "version: 1\nroutes: [{path: '/{p+}', method: ANY, handler: a}, {path: /a, method: GET, handler: b}]\n",
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
		{name: "no integration", routes: with("GET /me | NONE | | -", "GET /x | NONE | | -"), want: []string{
			`orphan as "GET /x": GET /x by nobody`,
			`missing "GET /me" as "GET /me": GET /me by a token`,
		}},

		{name: "an unknown authorization type", routes: with("GET /me | ?"), want: []string{
			`unknown authorization, maybe exposed "GET /me" as "GET /me": GET /me by nobody`,
		}},
		{name: "an unknown authorization type of a route that leads elsewhere", routes: with("DELETE /users/{id} | ? | all | g"), want: []string{
			`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope all, open`,
			`unknown authorization, maybe blocked "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
			`missing "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with group ADMINS and scope all`,
		}},
		{name: "an unknown authorization type that nobody asks about", routes: with("GET /x | ?"), want: []string{
			`orphan as "GET /x": GET /x by a token`,
		}},
		{name: "unknown scopes", routes: with("GET /users/{id} | JWT | ?"), want: []string{
			`unknown scopes, maybe exposed "GET /users/{id}" as "GET /users/{id}": GET /users/x by a token`,
		}},
		{name: "unknown scopes where none are wanted", routes: with("GET /me | JWT | ?"), want: []string{
			`unknown scopes, maybe blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{name: "unknown scopes of a public route", routes: with("GET /me | NONE | ?", "GET /hc | NONE | ?"), want: []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody`,
			`blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{name: "unknown scopes where no token is wanted", routes: with("GET /hc | JWT | ?", "POST /jobs | JWT | ?"), want: []string{
			`exposed "POST /jobs" as "POST /jobs": POST /jobs by a token`,
			`blocked "GET /hc" as "GET /hc": GET /hc by nobody`,
			`blocked "POST /jobs" as "POST /jobs": POST /jobs by an IAM caller`,
		}},
		{name: "an unknown integration", routes: with("GET /me | JWT | | ?", "DELETE /users/{id} | JWT | all | ?"), want: []string{
			`unknown integration, maybe exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope all, and 1 others`,
		}},
		{name: "an unknown integration of an exposed route", routes: with("GET /me | NONE | | ?"), want: []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody, open`,
			`unknown integration, maybe blocked "GET /me" as "GET /me": GET /me by a token`,
		}},
		{name: "an integration that calls nobody knows what", routes: with("DELETE /users/{id} | JWT | all | ?calls"), want: []string{
			`unknown calls, maybe exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/x by a token with scope all`,
		}},
		{name: "an unknown integration of a route that the manifest does not have", routes: with("GET /x | NONE | | ?"), want: []string{
			`unknown integration, maybe orphan as "GET /x": GET /x by nobody`,
		}},
		{name: "an unknown key", routes: with("- GET /me", "? | JWT"), want: []string{
			`unknown key, maybe exposed as "a route whose key is not known"`,
			`missing "GET /me": GET /me by a token`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			manifest := test.manifest
			if manifest == "" {
				manifest = testManifest
			}
			d := deploy(test.routes...)
			if test.unnamed {
				d.Function = Unknown[FunctionID](gap("function"))
			}
			result := compared(t, manifest, d, Options{})
			if diff := cmp.Diff(test.want, allInOneLine(result.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			for _, f := range result.Findings {
				if f.Message == "" {
					t.Errorf("%s: no message", inOneLine(f))
				}
			}
		})
	}
}

// A message says who refuses, and whether that is sure.
func TestMessages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		routes  []string
		unnamed bool
		kind    Kind
		want    string
	}{
		{with("GET /me | NONE"), false, Exposed, "the gateway asks for nothing; it should ask for any valid token. The function refuses it: 401 no_principal"},
		{with("GET /me | NONE"), false, Blocked, "the gateway asks for nothing; it should ask for any valid token. The function refuses it: 401 no_principal, since such a gateway looks at no token"},
		{with("DELETE /users/{id} | JWT"), false, Exposed, "the gateway asks for any valid token; it should ask for scope all. The function refuses it: 403 missing_scope"},
		{with("GET /hc | JWT"), false, Blocked, "the gateway asks for any valid token; it should ask for nothing. The gateway refuses it"},
		{with("GET /hc | CUSTOM"), false, Blocked, "the gateway asks for what its Lambda authorizer wants, which is not known here; it should ask for nothing. The Lambda authorizer may refuse it"},
		{with("GET /me | CUSTOM"), false, Blocked, "the gateway asks for what its Lambda authorizer wants, which is not known here; it should ask for any valid token. The function refuses it: 401 no_principal"},
		{with("POST /jobs | JWT | ?"), false, Exposed, "the gateway asks for a token with scopes that are not known; it should ask for an IAM signature. The function refuses it: 401 wrong_auth"},
		{with("- GET /me"), false, Missing, "no deployed route takes it: the gateway answers 404"},
		{with("- GET /me", "? | JWT"), false, Missing, "no deployed route takes it: the gateway answers 404, unless it is a route whose key is not known"},
		{with("GET /me | JWT | | -"), false, Missing, "the deployed route has no integration: the gateway answers 500"},
		{with("GET /x | JWT | | -"), false, Orphan, "the manifest does not have it. It has no integration: the gateway answers 500"},
		{with("GET /x"), false, Orphan, "the manifest does not have it. The function answers 404"},
		{with("GET /users/root | JWT | read,all"), false, Orphan, `the manifest does not have it. The function takes it for "GET /users/{id}" (line 5)`},
		{with("GET /x | | | g"), false, Orphan, `the manifest does not have it. It goes to "g", which is not the function: nothing checks what the manifest says`},
		{with("GET /me | NONE | | g"), false, Exposed, `the gateway asks for nothing, and the function is not asked; the manifest asks for any valid token. It goes to "g", which is not the function: nothing refuses it`},
		{with("GET /me | NONE | | ?"), false, Exposed, `the gateway asks for nothing; it should ask for any valid token. The function may refuse it, but it is not known whether its integration is the function`},
		{with("GET /me | NONE | | g"), true, Exposed, `the gateway asks for nothing; it should ask for any valid token. The function may refuse it, but it is not known whether "g" is the function`},
		{with("DELETE /users/{id} | ? | | g"), false, Exposed, `the gateway asks for something that is not known, and the function is not asked; the manifest asks for group ADMINS, and scope all. It goes to "g", which is not the function: nothing refuses it`},
	} {
		d := deploy(test.routes...)
		if test.unnamed {
			d.Function = Unknown[FunctionID](gap("function"))
		}
		got := "none"
		for _, f := range compared(t, testManifest, d, Options{}).Findings {
			if f.Kind == test.kind && got == "none" {
				got = f.Message
				if f.Then != "" {
					got += ". " + strings.ToUpper(f.Then[:1]) + f.Then[1:]
				}
			}
		}
		if got != test.want {
			t.Errorf("%v: the message of %s is\n%s\nwant\n%s", test.routes, test.kind, got, test.want)
		}
	}
}

// If two routes tie, the message names both.
func TestMessageNamesATie(t *testing.T) {
	t.Parallel()
	d := deploy("GET /{a}/b | JWT", "GET /a/{b} | NONE")
	result := compared(t, "version: 1\nroutes: [{path: '/{a}/b', method: GET, handler: a}]\n", d, Options{})
	if want := `; AWS does not say which of "GET /a/{b}" and "GET /{a}/b" answers`; len(result.Findings) == 0 || !strings.HasSuffix(result.Findings[0].Message, want) {
		t.Errorf("findings %v, want the end %q", result.Findings, want)
	}
}

// A route that AWS would not have made is not compared.
func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
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
		"GET /a | OPEN": `has the unknown authorization type "OPEN"`,
	} {
		_, err := Compare(loadTable(t, testManifest), deploy(line), Options{})
		key, _, _ := strings.Cut(line, " | ")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("%q (r0)", key)) {
			t.Errorf("%q: %v, want an error with its name and %q", line, err, want)
		}
	}
	for want, authorizer := range map[string]*Authorizer{
		`the deployed route "GET /me" (r0) asks for a token and names no authorizer`:                                   nil,
		`the deployed route "GET /me" (r0) asks for a token of the authorizer "lambda", which is not a JWT authorizer`: {Name: "lambda", Type: Known("REQUEST")},
	} {
		d := deploy("GET /me | JWT")
		d.Routes[0].Authorizer = Known(authorizer)
		if _, err := Compare(loadTable(t, testManifest), d, Options{}); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// What the function refuses by itself does not count if people say so, unless
// nobody knows whether the function is asked.
func TestFunctionEnforces(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		routes             []string
		counted, uncounted []string
	}{
		{with("GET /me | NONE", "GET /x"), []string{
			`blocked "GET /me" as "GET /me": GET /me by a token`,
		}, []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody`,
			`orphan as "GET /x": GET /x by nobody`,
		}},
		{with("GET /me | NONE | | g"), []string{
			`exposed "GET /me" as "GET /me": GET /me by nobody, open`,
			`missing "GET /me" as "GET /me": GET /me by a token`,
		}, nil},
		{with("GET /me | NONE | | ?", "GET /x | NONE | | ?"), []string{
			`unknown integration, maybe exposed "GET /me" as "GET /me": GET /me by nobody, and 1 others`,
		}, nil},
	} {
		result := compared(t, testManifest, deploy(test.routes...), Options{FunctionEnforces: true})
		if diff := cmp.Diff([][]string{test.counted, test.uncounted}, [][]string{allInOneLine(result.Findings), allInOneLine(result.NotCounted)}); diff != "" {
			t.Errorf("%v: findings (-want +got):\n%s", test.routes, diff)
		}
	}
}

func TestCompareAuthorizers(t *testing.T) {
	t.Parallel()
	right := mainAuthorizer()
	want := Options{Issuer: "https://issuer/", Audience: []string{"a", "b", "a"}}
	change := func(f func(*Authorizer)) *Authorizer {
		a := *right
		f(&a)
		return &a
	}
	for _, test := range []struct {
		name       string
		authorizer *Authorizer // nil: not known
		second     *Authorizer // of GET /me; nil: the same
		opts       Options
		want       []string
		assumed    []string
	}{
		{name: "right", authorizer: right, opts: want},
		{name: "a slash less", authorizer: change(func(a *Authorizer) { a.Issuer = Known("https://issuer") }), opts: want, want: []string{
			`exposed with the issuer "https://issuer": authorizer "main" takes tokens with the issuer "https://issuer"`,
			`blocked with the issuer "https://issuer/": authorizer "main" does not take tokens with the issuer "https://issuer/"`,
		}},
		{name: "audiences", authorizer: change(func(a *Authorizer) { a.Audience = Known([]string{"a", "d", "c"}) }), opts: want, want: []string{
			`exposed with the audience "c": authorizer "main" takes tokens with the audience "c", "d"`,
			`blocked with the audience "b": authorizer "main" does not take tokens with the audience "b"`,
		}},
		{name: "the header in another case", authorizer: change(func(a *Authorizer) {
			a.IdentitySources = Known([]string{"$request.header.authorization"})
		}), opts: want},
		{name: "from elsewhere, and nobody gives an issuer", authorizer: change(func(a *Authorizer) {
			a.IdentitySources = Known([]string{"$request.querystring.token"})
		}), want: []string{
			`exposed in "$request.querystring.token": authorizer "main" takes tokens from "$request.querystring.token"; want "$request.header.Authorization"`,
		}, assumed: []string{
			`the authorizer "main" verifies the right issuer, "https://issuer/" (-issuer compares it)`,
			`the authorizer "main" verifies the right audience, "a", "b" (-audience compares it)`,
		}},
		{name: "from elsewhere, too, and a slash less", authorizer: change(func(a *Authorizer) {
			a.IdentitySources, a.Issuer = Known([]string{"$request.header.Authorization", "$request.header.X-Token"}), Known("https://issuer")
		}), opts: want, want: []string{
			`exposed in "$request.header.X-Token": authorizer "main" takes tokens from "$request.header.X-Token"; want "$request.header.Authorization"`,
			`exposed with the issuer "https://issuer": authorizer "main" takes tokens with the issuer "https://issuer"`,
			`blocked with the issuer "https://issuer/": authorizer "main" does not take tokens with the issuer "https://issuer/"`,
		}},
		{name: "an unknown identity source", authorizer: change(func(a *Authorizer) { a.IdentitySources = Unknown[[]string](gap("source")) }), opts: want, want: []string{
			`unknown source : tokens may be read from elsewhere than $request.header.Authorization`,
		}},
		{name: "no identity source", authorizer: change(func(a *Authorizer) { a.IdentitySources = Known([]string{}) }), opts: want, want: []string{
			`unknown the identity source of the authorizer (one) : tokens may be read from elsewhere than $request.header.Authorization`,
		}},
		{name: "only what is given", authorizer: change(func(a *Authorizer) { a.Audience = Known([]string(nil)) }), opts: Options{Issuer: "https://issuer/"}, assumed: []string{
			`the authorizer "main" verifies the right audience,  (-audience compares it)`,
		}},
		{name: "not in the source", opts: want, want: []string{
			`unknown authorizer : any token that it accepts gets in`,
		}},
		{name: "an issuer that is not known yet", authorizer: change(func(a *Authorizer) { a.Issuer = Unknown[string](gap("issuer")) }), opts: want, want: []string{
			`unknown issuer : tokens of any issuer may get in`,
		}},
		{name: "an issuer that is not known yet, and nobody gives one", authorizer: change(func(a *Authorizer) { a.Issuer = Unknown[string](gap("issuer")) }), assumed: []string{
			`the authorizer "main" verifies the right issuer, what is not known yet (-issuer compares it)`,
			`the authorizer "main" verifies the right audience, "a", "b" (-audience compares it)`,
		}},
		{name: "no issuer", authorizer: change(func(a *Authorizer) { a.Issuer = Known("") }), opts: want, want: []string{
			`unknown the issuer of the authorizer (one) : tokens of any issuer may get in`,
		}},
		{name: "a second issuer", authorizer: right, second: change(func(a *Authorizer) { a.Name, a.Issuer = "other", Known("https://other/") }), want: []string{
			`unknown which issuer is right: the authorizers verify different ones with the issuer "https://other/": authorizer "other" takes tokens with the issuer "https://other/"`,
		}, assumed: []string{
			`the authorizers verify the right audience, "a", "b" (-audience compares it)`,
		}},
		{name: "a second issuer, and one is right", authorizer: right, second: change(func(a *Authorizer) { a.Name, a.Issuer = "other", Known("https://other/") }), opts: want, want: []string{
			`exposed with the issuer "https://other/": authorizer "other" takes tokens with the issuer "https://other/"`,
			`blocked with the issuer "https://issuer/": authorizer "other" does not take tokens with the issuer "https://issuer/"`,
		}},
		{name: "a second issuer that is not known yet", authorizer: right, second: change(func(a *Authorizer) { a.Name, a.Issuer = "other", Unknown[string](gap("issuer")) }), want: []string{
			`unknown issuer : another authorizer may verify another issuer`,
		}, assumed: []string{
			`the authorizers verify the right audience, "a", "b" (-audience compares it)`,
		}},
		{name: "a second audience", authorizer: right, second: change(func(a *Authorizer) { a.Name, a.Audience = "other", Known([]string{"a"}) }), want: []string{
			`unknown which audience is right: the authorizers verify different ones with the audience "a": authorizer "other" takes tokens with the audience "a"`,
		}, assumed: []string{
			`the authorizers verify the right issuer, "https://issuer/" (-issuer compares it)`,
		}},
		{name: "a second authorizer that verifies the same", authorizer: right, second: change(func(a *Authorizer) { a.Name, a.Audience = "other", Known([]string{"a", "b"}) }), assumed: []string{
			`the authorizers verify the right issuer, "https://issuer/" (-issuer compares it)`,
			`the authorizers verify the right audience, "a", "b" (-audience compares it)`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := deploy(with()...)
			for i := range d.Routes {
				r := &d.Routes[i]
				r.Authorizer = Unknown[*Authorizer](gap("authorizer"))
				if key, _ := r.Key.Get(); test.second != nil && key == "GET /me" {
					r.Authorizer = Known(test.second)
				} else if test.authorizer != nil {
					r.Authorizer = Known(test.authorizer)
				}
			}
			result := compared(t, testManifest, d, test.opts)
			var got []string
			for _, f := range result.Findings {
				if f.Deployed == nil || test.second == nil && f.Method+" "+f.Path != "DELETE /users/x" || f.Enforced {
					t.Errorf("%+v", f)
				}
				text := string(f.Kind) + " "
				if f.Kind == NotKnown {
					text += f.Gap.What + " "
				}
				got = append(got, text+f.Token+": "+f.Message)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.assumed, result.Assumed); diff != "" {
				t.Errorf("assumed (-want +got):\n%s", diff)
			}
		})
	}
}

// An authorizer counts if a request of the manifest may come through it.
func TestAuthorizersThatCount(t *testing.T) {
	t.Parallel()
	foreign := func() *Authorizer {
		a := mainAuthorizer()
		a.Name, a.IdentitySources = "foreign", Known([]string{"$request.querystring.token"})
		return a
	}
	for line, want := range map[string]bool{
		"GET /me | JWT":                true,
		"GET /me | JWT | | g":          true,
		"GET /me | JWT | | -":          false,
		"GET /me | AWS_IAM":            false,
		"GET /x | JWT":                 false, // the function answers 404
		"ANY /{proxy+} | JWT":          true,
		"GET /users/root | JWT | read": true,
	} {
		d := deploy(with(line)...)
		d.Routes[len(d.Routes)-1].Authorizer = Known(foreign())
		got := slices.ContainsFunc(compared(t, testManifest, d, Options{}).Findings, func(f Finding) bool {
			return f.Authorizer != nil && f.Authorizer.Name == "foreign" && f.Kind == Exposed
		})
		if line == "ANY /{proxy+} | JWT" {
			want = false // the manifest's own routes are all deployed
		}
		if got != want {
			t.Errorf("%s: a foreign authorizer is reported: %v, want %v", line, got, want)
		}
	}
}

func TestDoors(t *testing.T) {
	t.Parallel()
	public := "version: 1\nroutes: [{path: /hc, method: GET, handler: hc, public: true}]\n"
	for _, test := range []struct {
		lets     Value[Entry]
		manifest string
		want     string
	}{
		{Known(Refused), testManifest, `orphan function URL`},
		{Known(Unvouched), testManifest, `orphan function URL`},
		{Known(SameRules), testManifest, `orphan function URL`},
		{Known(IAMCallers), testManifest, `orphan function URL`},
		{Known(Vouched), testManifest, `exposed "GET /me" function URL: GET /me by a token claimed by another authorizer, open`},
		{Known(AnyEvent), testManifest, `exposed "GET /me" function URL: GET /me by a token claimed by the event, open`},
		{Unknown[Entry](gap("entry")), testManifest, `unknown entry, maybe exposed "GET /me" function URL: GET /me by a token claimed by the event`},
		{Known(Entry(0)), testManifest, `unknown who comes through the function URL (url), maybe exposed "GET /me" function URL: GET /me by a token claimed by the event`},
		{Known(AnyEvent), public, `orphan function URL`},
		{Unknown[Entry](gap("entry")), public, `orphan function URL`},
	} {
		var d *Deployment
		if test.manifest == public {
			d = deploy("GET /hc")
		} else {
			d = deploy(with()...)
		}
		d.Doors = []Door{{Kind: FunctionURL, Where: "url", Lets: test.lets}}
		result := compared(t, test.manifest, d, Options{})
		if got := allInOneLine(result.Findings); len(got) != 1 || got[0] != test.want {
			t.Errorf("findings %q, want %q", got, test.want)
		}
		if len(result.Findings) == 1 && result.Findings[0].Message == "" {
			t.Error("no message")
		}
		result = compared(t, test.manifest, d, Options{FunctionEnforces: true})
		if isOrphan := strings.HasPrefix(test.want, "orphan"); (len(result.NotCounted) == 1) != isOrphan {
			t.Errorf("%s: %d findings do not count if the function enforces the rules", test.want, len(result.NotCounted))
		}
	}
}

// Findings are sorted by kind, then routes before authorizers before doors, then by
// line.
func TestOrder(t *testing.T) {
	t.Parallel()
	d := deploy(with("GET /me | NONE", "DELETE /users/{id} | JWT", "- POST /jobs", "GET /hc | JWT", "GET /x", "? | JWT")...)
	d.Doors = []Door{{Kind: FunctionURL, Where: "b", Lets: Known(Unvouched)}, {Kind: FunctionURL, Where: "a", Lets: Known(AnyEvent)}, {Kind: FunctionURL, Where: "c", Lets: Unknown[Entry](gap("entry"))}}
	d.Gaps = []Gap{gap("b"), gap("a")}
	got := allInOneLine(compared(t, testManifest, d, Options{Issuer: "https://other/", Audience: []string{"a", "b"}}).Findings)
	want := []string{
		`exposed "GET /me" as "GET /me": GET /me by nobody`,
		`exposed "DELETE /users/{id}" as "DELETE /users/{id}": DELETE /users/xx by a token`,
		`exposed as "DELETE /users/{id}": DELETE /users/x by a token with the issuer "https://issuer/", open`,
		`exposed "GET /me" function URL: GET /me by a token claimed by the event, open`,
		`unknown a, maybe `,
		`unknown b, maybe `,
		`unknown key, maybe exposed as "a route whose key is not known"`,
		`unknown entry, maybe exposed "GET /me" function URL: GET /me by a token claimed by the event`,
		`blocked "GET /hc" as "GET /hc": GET /hc by nobody`,
		`blocked "GET /me" as "GET /me": GET /me by a token`,
		`blocked as "DELETE /users/{id}": DELETE /users/x by a token with the issuer "https://other/"`,
		`orphan as "GET /x": GET /x by nobody`,
		`orphan function URL`,
		`missing "POST /jobs": POST /jobs by an IAM caller`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// An alias that nothing reaches is read, and no finding.
func TestUnusedAlias(t *testing.T) {
	t.Parallel()
	d := deploy(with()...)
	d.Doors = []Door{{Kind: Alias, Where: "live", Lets: Known(Refused)}}
	result := compared(t, testManifest, d, Options{})
	if want := []string{"test", "the alias live, which nothing that was read reaches"}; len(result.Findings) > 0 || !slices.Equal(result.Read, want) {
		t.Errorf("findings %v, read %q", result.Findings, result.Read)
	}
	d.Doors[0].Lets = Known(AnyEvent)
	if result := compared(t, testManifest, d, Options{}); len(result.Findings) != 1 {
		t.Errorf("findings %v of an alias that somebody reaches", result.Findings)
	}
}

// A gap of the deployment, a stage that does not deploy by itself and a mapping of
// the path are unknown.
func TestGaps(t *testing.T) {
	t.Parallel()
	mapping := func(m Value[map[string]string]) func(*Deployment) {
		return func(d *Deployment) {
			i := *d.Routes[1].Integration.value
			i.Mappings = m
			d.Routes[1].Integration = Known(&i)
		}
	}
	for _, test := range []struct {
		name   string
		change func(*Deployment)
		want   string // "" for none
	}{
		{"a gap", func(d *Deployment) { d.Gaps = []Gap{gap("the other half")} }, "the other half"},
		{"a stage", func(d *Deployment) { d.Stages = []Stage{{"$default", Known(true), "s"}} }, ""},
		{"a stage without auto-deploy", func(d *Deployment) { d.Stages = []Stage{{"mvp", Known(false), "s"}} }, `what the stage "mvp" (s) serves, because it does not deploy by itself`},
		{"an unknown stage", func(d *Deployment) { d.Stages = []Stage{{"mvp", Unknown[bool](gap("stage")), "s"}} }, "stage"},
		{"mappings of headers", mapping(Known(map[string]string{"append:header.x": "y", "remove:querystring.q": ""})), ""},
		{"a mapping of the path", mapping(Known(map[string]string{"overwrite:path": "/admin"})), `what the function does behind the parameter mapping "overwrite:path" (i-)`},
		{"a mapping of the token", mapping(Known(map[string]string{"overwrite:header.authorization": "x"})), `what the function does behind the parameter mapping "overwrite:header.authorization" (i-)`},
		{"a mapping without an operation", mapping(Known(map[string]string{"header.x": "x"})), `what the function does behind the parameter mapping "header.x" (i-)`},
		{"unknown mappings", mapping(Unknown[map[string]string](gap("mappings"))), "mappings"},
		{"an unknown function, and all integrations call something", func(d *Deployment) { d.Function = Unknown[FunctionID](Gap{}) }, "which function was built from the manifest (give -function)"},
	} {
		d := deploy(with()...)
		test.change(d)
		result := compared(t, testManifest, d, Options{})
		var got []string
		for _, f := range result.Findings {
			if f.Kind != NotKnown {
				t.Errorf("%s: %s", test.name, inOneLine(f))
			}
			got = append(got, f.Gap.What)
		}
		if strings.Join(got, "\n") != test.want {
			t.Errorf("%s: gaps %q, want %q", test.name, got, test.want)
		}
	}
	// A mapping in front of something else than the function is nothing new.
	d := deploy(with("GET /x | NONE | | g")...)
	i := *d.Routes[5].Integration.value
	i.Mappings = Known(map[string]string{"overwrite:path": "/admin"})
	d.Routes[5].Integration = Known(&i)
	if got := compared(t, testManifest, d, Options{}).Findings; len(got) != 1 || got[0].Kind != Orphan {
		t.Errorf("findings %q", allInOneLine(got))
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

// manyDeployments returns deployments of the routes of a table, and how many
// findings each has.
func manyDeployments(table *route.Table) map[string]manyDeployment {
	var same, open, unknown []string
	n := table.Len()
	for r := range table.All() {
		same = append(same, r.Key()+" | JWT | "+strings.Join(r.Access.Scopes, ","))
		open = append(open, r.Key()+" | NONE")
		unknown = append(unknown, r.Key()+" | ? | ? | ?")
	}
	return map[string]manyDeployment{
		"as the manifest says":     {deploy(same...), 0},
		"open to all":              {deploy(open...), 2 * n},
		"one route for everything": {deploy("ANY /{proxy+} | JWT"), n + 1},
		"nothing is known":         {deploy(unknown...), 3},
	}
}

type manyDeployment struct {
	*Deployment
	want int // findings
}

// Every finding on many routes is there.
func TestCompareManyRoutes(t *testing.T) {
	t.Parallel()
	table := loadTable(t, manyRoutes(300))
	for name, d := range manyDeployments(table) {
		result, err := Compare(table, d.Deployment, Options{})
		if err != nil || len(result.Findings) != d.want {
			t.Errorf("%s: %d findings and error %v, want %d", name, len(result.Findings), err, d.want)
		}
	}
}

// BenchmarkCompare compares 300 and 10,000 routes in 40 groups.
func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{300, 10_000} {
		table := loadTable(b, manyRoutes(n))
		for name, d := range manyDeployments(table) {
			b.Run(fmt.Sprintf("%d routes, %s", n, name), func(b *testing.B) {
				for b.Loop() {
					if result, err := Compare(table, d.Deployment, Options{}); err != nil || len(result.Findings) != d.want {
						b.Fatalf("%d findings and error %v, want %d", len(result.Findings), err, d.want)
					}
				}
			})
		}
	}
}

// A value is known, or it has a gap.
func TestValue(t *testing.T) {
	t.Parallel()
	if v, ok := Known(7).Get(); v != 7 || !ok {
		t.Errorf("Known(7) is %d, %v", v, ok)
	}
	if g, ok := Known(7).Gap(); g != (Gap{}) || ok {
		t.Errorf("Known(7) has the gap %v, %v", g, ok)
	}
	var zero Value[int]
	for _, v := range []Value[int]{zero, Unknown[int](gap("it"))} {
		if n, ok := v.Get(); n != 0 || ok {
			t.Errorf("an unknown value is %d, %v", n, ok)
		}
	}
	if g, ok := Unknown[int](gap("it")).Gap(); g != gap("it") || !ok {
		t.Errorf("the gap is %v, %v", g, ok)
	}
}
