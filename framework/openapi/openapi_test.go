package openapi_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/routegate/routegate"
	"github.com/routegate/routegate/framework/openapi"
	"github.com/routegate/routegate/framework/route"
)

var update = flag.Bool("update", false, "write the golden file anew")

func load(t *testing.T, src string) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", []byte(src), nil)
	if err := report.Err(); err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return table
}

var (
	options = openapi.Options{Title: "Example", Server: "..", TokenHandler: "auth_token"}
	gateway = openapi.Gateway{
		Title:     "Example",
		Function:  "arn:aws:lambda:eu-west-1:123456789012:function:example",
		Issuer:    "https://issuer.example.com/",
		Audiences: []string{"one", "two"},
	}
)

// valid says what a library that is written for OpenAPI finds wrong.
func valid(t *testing.T, document []byte) error {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return err
	}
	return d.Validate(t.Context())
}

// Everything that a manifest can say, in both documents.
func TestGolden(t *testing.T) {
	t.Parallel()
	const name = "testdata/everything.txtar"
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	table := load(t, string(archive.Files[0].Data))
	for i, document := range [][]byte{openapi.Document(table, options), openapi.Import(table, gateway)} {
		want := &archive.Files[i+1]
		if *update {
			want.Data = document
		}
		if diff := cmp.Diff(string(want.Data), string(document)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := valid(t, openapi.Document(table, options)); err != nil {
		t.Error(err)
	}
}

// The order of the manifest changes nothing, and neither does the order of a map.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	routes := []string{
		"{path: '/a/{x}', method: GET, handler: a, groups: [B, A], scopes: [s, r], tags: [z, y]}",
		"{path: '/a/{y}', method: PUT, handler: b}",
		"{path: '/a/{z+}', method: ANY, handler: c, auth: iam}",
		"{path: /t, method: POST, handler: auth_token, public: true}",
	}
	documents := make(map[string]bool)
	for range 20 {
		routes = append(routes[1:], routes[0])
		table := load(t, "version: 1\nroutes:\n  - "+strings.Join(routes, "\n  - ")+"\n")
		documents[string(openapi.Document(table, options))+string(openapi.Import(table, gateway))] = true
	}
	if len(documents) != 1 {
		t.Errorf("%d documents of one table", len(documents))
	}
}

func TestShippedManifest(t *testing.T) {
	t.Parallel()
	table := load(t, string(routegate.Manifest))
	for _, server := range []string{"", ".", "..", "https://api.example.com/v1"} {
		opts := options
		opts.Server = server
		if err := valid(t, openapi.Document(table, opts)); err != nil {
			t.Errorf("server %q: %v", server, err)
		}
	}
	if err := valid(t, openapi.Import(table, gateway)); err != nil {
		t.Errorf("for the gateway: %v", err)
	}
}

// The library would find what is wrong.
func TestValidationValidates(t *testing.T) {
	t.Parallel()
	document := string(openapi.Document(load(t, string(routegate.Manifest)), options))
	for _, wrong := range []struct{ old, new string }{
		{`"openapi": "3.1.1"`, `"openapi": "3.1.1", "swagger": "2.0"`},
		{`"operationId": "whoami"`, `"operationId": "docs"`},
		{`"jwt": []`, `"jwtt": []`},
		{`responses/NotFound"`, `responses/NotFond"`},
		{`"tags": [`, `"tag": [`},
		{`"type": "oauth2"`, `"type": "oauth"`},
		{`"tokenUrl"`, `"tokenURL"`},
	} {
		broken := strings.Replace(document, wrong.old, wrong.new, 1)
		if broken == document {
			t.Errorf("the document has no %s", wrong.old)
		} else if valid(t, []byte(broken)) == nil {
			t.Errorf("%s for %s is not found", wrong.new, wrong.old)
		}
	}
}

// What a client reads of a document.
type parsed struct {
	Paths map[string]map[string]struct {
		OperationID string                `json:"operationId"`
		Security    []map[string][]string `json:"security"`
		Parameters  []struct{ Name string }
	}
	Components struct {
		SecuritySchemes map[string]struct {
			Type  string
			Flows map[string]struct {
				TokenURL string `json:"tokenUrl"`
				Scopes   map[string]string
			}
		}
	}
}

func parse(t *testing.T, document []byte) (p parsed) {
	t.Helper()
	if err := json.Unmarshal(document, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// Every set of routes has a valid document that has each of them once.
func TestPlacesEveryRoute(t *testing.T) {
	t.Parallel()
	paths := []string{"/", "/{p+}", "/a", "/{x}", "/a/{y}", "/a/{z}", "/a/{r+}", "/a/{r_1}/{r+}", "/a/b"}
	methods := []string{"GET", "POST", "ANY"}
	var all []string
	for _, path := range paths {
		for _, method := range methods {
			all = append(all, method+" "+path)
		}
	}
	tables := 0
	try := func(keys ...string) {
		src := "version: 1\nroutes:\n"
		for i, key := range keys {
			method, path, _ := strings.Cut(key, " ")
			src += fmt.Sprintf("  - {path: '%s', method: %s, handler: h, name: r%d}\n", path, method, i)
		}
		table, _ := route.Load("routes.yaml", []byte(src), nil)
		if table == nil {
			return // no clear answer
		}
		tables++
		document := openapi.Document(table, options)
		if len(keys) < 3 || tables%50 == 0 { // all would take a minute
			if err := valid(t, document); err != nil {
				t.Fatalf("%v: %v", keys, err)
			}
		}
		found := make(map[string]int)
		for _, item := range parse(t, document).Paths {
			for _, o := range item {
				found[strings.SplitN(o.OperationID, "_", 2)[0]]++
			}
		}
		imported := 0
		for _, item := range parse(t, openapi.Import(table, gateway)).Paths {
			imported += len(item)
		}
		if imported != len(keys) {
			t.Fatalf("%v: %d routes to import", keys, imported)
		}
		for r := range table.All() {
			want := 1
			if r.Method == route.AnyMethod {
				want = len(route.Methods)
				for other := range table.All() {
					if other != r && other.Pattern.Shape() == r.Pattern.Shape() {
						want--
					}
				}
			}
			if found[r.Name] != want {
				t.Fatalf("%v: %s has %d operations, want %d\n%s", keys, r.Key(), found[r.Name], want, document)
			}
		}
	}
	for i, a := range all {
		try(a)
		for j, b := range all[i+1:] {
			try(a, b)
			for _, c := range all[i+j+2:] {
				try(a, b, c)
			}
		}
	}
	if tables < 1000 {
		t.Errorf("only %d tables were tried", tables)
	}
}

// Any one scope is enough, and no requirement at all is public: a document that
// confused the two would call a private route public.
func TestSecurity(t *testing.T) {
	t.Parallel()
	table := load(t, `version: 1
scopes: {a/read: Reads, a/write: Writes}
routes:
  - {path: /public, method: GET, handler: a, public: true}
  - {path: /any, method: GET, handler: b}
  - {path: /group, method: GET, handler: c, groups: [A, B]}
  - {path: /scopes, method: GET, handler: d, scopes: [a/write, a/read]}
  - {path: /iam, method: GET, handler: e, auth: iam}
`)
	type list = []map[string][]string
	want := map[string][2]list{
		"/public": {{}, {}},
		"/any":    {{{"jwt": {}}}, {{"jwt": {}}}},
		"/group":  {{{"jwt": {}}}, {{"jwt": {}}}},
		"/scopes": {{{"jwt": {"a/read"}}, {"jwt": {"a/write"}}}, {{"jwt": {"a/read", "a/write"}}}},
		"/iam":    {{{"sigv4": {}}}, {{"sigv4": {}}}},
	}
	for i, document := range [][]byte{openapi.Document(table, options), openapi.Import(table, gateway)} {
		for path, item := range parse(t, document).Paths {
			if diff := cmp.Diff(want[path][i], item["get"].Security); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
	}
	if groups := strings.Count(string(openapi.Import(table, gateway)), "x-groups"); groups != 0 {
		t.Error("API Gateway is told of groups")
	}
}

// Where the token route is, seen from the API's address.
func TestTokenAddress(t *testing.T) {
	t.Parallel()
	const src = "version: 1\nscopes: {s: Does it}\nroutes:\n  - {path: /v1/a, method: GET, handler: a, scopes: [s]}\n"
	table := load(t, src+"  - {path: /v1/auth/token, method: POST, handler: auth_token, public: true}\n")
	for server, want := range map[string]string{
		"":                        "/v1/auth/token",
		"..":                      "v1/auth/token",
		"https://example.com/mvp": "https://example.com/mvp/v1/auth/token",
	} {
		scheme := parse(t, openapi.Document(table, openapi.Options{Title: "x", Server: server, TokenHandler: "auth_token"})).Components.SecuritySchemes["jwt"]
		for _, name := range []string{"password", "clientCredentials"} {
			if got := scheme.Flows[name]; got.TokenURL != want || got.Scopes["s"] != "Does it" {
				t.Errorf("server %q, %s: %+v", server, name, got)
			}
		}
	}
	without := openapi.Document(load(t, src), options)
	if scheme := parse(t, without).Components.SecuritySchemes["jwt"]; scheme.Type != "http" {
		t.Errorf("without a token route the scheme is %+v", scheme)
	}
	if err := valid(t, without); err != nil {
		t.Error(err)
	}
}

func TestGreedy(t *testing.T) {
	t.Parallel()
	table := load(t, `version: 1
routes:
  - {path: '/files/{path+}', method: ANY, handler: files}
  - {path: '/files/{id}', method: GET, handler: file}
  - {path: '/files/{path+}', method: PUT, handler: put}
`)
	var got []string
	for path, item := range parse(t, openapi.Document(table, options)).Paths {
		for method, o := range item {
			line := method + " " + path + " " + o.OperationID
			for _, p := range o.Parameters {
				line += " " + p.Name
			}
			got = append(got, line)
		}
	}
	slices.Sort(got)
	want := []string{
		"delete /files/{id} files_delete id",
		"get /files/{id} file id",
		"get /files/{path_1}/{path} files_get path_1 path",
		"head /files/{id} files_head id",
		"options /files/{id} files_options id",
		"patch /files/{id} files_patch id",
		"post /files/{id} files_post id",
		"put /files/{id} put id",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}
