package gen

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"golang.org/x/tools/txtar"

	"github.com/routegate/routegate/framework/route"
)

var update = flag.Bool("update", false, "write the goldens in testdata anew")

// TestTerraform compares each golden, and proves its escaping: HCL's own reader
// gets back what the table says.
func TestTerraform(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/terraform/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			table := load(t, file(archive, "routes.yaml"))
			for _, m := range Modules {
				for _, format := range Formats {
					got := Terraform(table, m, format, "routes.yaml")
					checkReadsBack(t, table, m, format, got)
					golden := Filename(m, format)
					if *update {
						setFile(archive, golden, got)
						continue
					}
					want := file(archive, golden)
					if want == nil {
						t.Errorf("no golden %q in %s: run go test with -update", golden, name)
					} else if d := cmp.Diff(string(want), string(got)); d != "" {
						t.Errorf("%s (-want +got):\n%s", golden, d)
					}
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestTerraformIgnoresTheOrderOfTheManifest(t *testing.T) {
	t.Parallel()
	routes := []string{
		"{path: /a, method: GET, handler: a, scopes: [s1, s2, s3]}",
		"{path: /a, method: ANY, handler: any}",
		"{path: '/a/{x}', method: GET, handler: a, name: a2, groups: [g2, g1]}",
		"{path: /b, method: GET, handler: B, public: true}",
		"{path: /c, method: GET, handler: c, auth: iam}",
		"{path: /d, method: GET, handler: a-b}",
		"{path: /e, method: GET, handler: a_b}",
	}
	for _, output := range outputs() {
		generate := func(routes []string) string {
			src := "version: 1\nroutes:\n  - " + strings.Join(routes, "\n  - ") + "\n"
			return string(Terraform(load(t, []byte(src)), output.module, output.format, "routes.yaml"))
		}
		want := generate(routes)
		for seed := range uint64(20) {
			shuffled := slices.Clone(routes)
			r := rand.New(rand.NewPCG(seed, 0))
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for i, s := range shuffled {
				if seed%2 == 1 {
					shuffled[i] = strings.Replace(s, "s1, s2, s3", "s3, s1, s2", 1)
				}
			}
			if d := cmp.Diff(want, generate(shuffled)); d != "" {
				t.Fatalf("%v, seed %d (-want +got):\n%s", output, seed, d)
			}
		}
	}
}

// An output is one of the files that can be generated.
type output struct {
	module Module
	format Format
}

func outputs() (all []output) {
	for _, m := range Modules {
		for _, f := range Formats {
			all = append(all, output{m, f})
		}
	}
	return all
}

// Each module ignores a key that it does not know and takes the default of one
// that it does not find: NONE, for the type. The names of the second are in the
// module's variables.tf, variable "routes", of v6.1.0.
func TestAttributeNames(t *testing.T) {
	t.Parallel()
	table := load(t, []byte("version: 1\nroutes:\n  - {path: /a, method: GET, handler: a}\n"))
	for m, want := range map[Module][]string{
		Obytes:              {"operation_name", "route_key", "api_key_required", "authorization_type", "authorization_scopes"},
		TerraformAWSModules: {"operation_name", "authorization_type", "authorizer_key", "authorization_scopes"},
	} {
		var got []string
		for _, a := range m.entries(table)[0].attributes {
			got = append(got, a.name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("attributes for %s (-want +got):\n%s", m, d)
		}
	}
}

// Files that lie in one directory must not be taken for each other.
func TestFilenames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]output)
	for _, o := range outputs() {
		name := Filename(o.module, o.format)
		if other, ok := seen[name]; ok {
			t.Errorf("%v and %v are both %s", o, other, name)
		}
		seen[name] = o
	}
}

func TestAuthorizationType(t *testing.T) {
	t.Parallel()
	tests := []struct {
		access route.Access
		want   string // "" is a panic
	}{
		{route.Access{Auth: route.JWT}, "JWT"},
		{route.Access{Auth: route.JWT, Groups: []string{"g"}, Scopes: []string{"s"}}, "JWT"},
		{route.Access{Auth: route.IAM}, "AWS_IAM"},
		{route.Access{Auth: route.Public}, "NONE"},
		{route.Access{}, ""},
		{route.Access{Scopes: []string{"s"}}, ""},
		{route.Access{Auth: route.IAM + 1}, ""},
		{route.Access{Auth: -1}, ""},
		{route.Access{Auth: route.IAM, Scopes: []string{"s"}}, ""},
		{route.Access{Auth: route.Public, Scopes: []string{"s"}}, ""},
	}
	for _, test := range tests {
		got := func() (s string) {
			defer func() {
				if recover() != nil {
					s = ""
				}
			}()
			return authorizationType(test.access)
		}()
		if got != test.want {
			t.Errorf("authorizationType(%+v) = %q, want %q", test.access, got, test.want)
		}
	}
}

func TestTerraformSourceStaysInTheComment(t *testing.T) {
	t.Parallel()
	table := load(t, []byte("version: 1\nroutes:\n  - {path: /a, method: GET, handler: a}\n"))
	for _, source := range []string{"a\nb.yaml", "a\r\nlocals {}", "a\u2028b", "*/ ${x}", "日本.yaml"} {
		for _, o := range outputs() {
			checkReadsBack(t, table, o.module, o.format, Terraform(table, o.module, o.format, source))
		}
	}
}

// What begins a grapheme cluster does not take the end of its text with it.
func TestTerraformPrependedCharacters(t *testing.T) {
	t.Parallel()
	for _, summary := range []string{
		"\u0600", "a\u0600", "\u0600\u0601", "\u0600é", "\u0600\"b", "\u0600\\", "\u0600\\\"", "\u0600\u200d",
		"\U000110BD", "\u0600\U000110BD\"\u0600", "\u0d4e", "日本\u0600", "\u0600\u0301",
	} {
		src, err := json.Marshal(map[string]any{"version": 1, "routes": []any{
			map[string]any{"path": "/a", "method": "GET", "handler": "h", "summary": summary, "public": true},
		}})
		if err != nil {
			t.Fatal(err)
		}
		table := load(t, src)
		for _, o := range outputs() {
			checkReadsBack(t, table, o.module, o.format, Terraform(table, o.module, o.format, "routes.yaml"))
		}
	}
	table := load(t, []byte("version: 1\nroutes:\n  - {path: /a, method: GET, handler: a, public: true, summary: Größe und Preis é}\n"))
	if out := Terraform(table, Obytes, JSON, "routes.yaml"); !bytes.Contains(out, []byte(`"Größe und Preis é"`)) {
		t.Errorf("escapes where none has to be:\n%s", out)
	}
}

func TestParseModule(t *testing.T) {
	t.Parallel()
	for _, want := range Modules {
		if got, err := ParseModule(string(want)); got != want || err != nil {
			t.Errorf("ParseModule(%q) = %q, %v", want, got, err)
		}
	}
	for _, s := range []string{"", "Obytes", "terraform_aws_modules"} {
		if got, err := ParseModule(s); got != "" || err == nil {
			t.Errorf("ParseModule(%q) = %q, %v, want an error", s, got, err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for _, want := range Formats {
		if got, err := ParseFormat(string(want)); got != want || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", want, got, err)
		}
	}
	for _, s := range []string{"", "TF", "hcl", "tf "} {
		if got, err := ParseFormat(s); got != "" || err == nil {
			t.Errorf("ParseFormat(%q) = %q, %v, want an error", s, got, err)
		}
	}
}

func FuzzTerraform(f *testing.F) {
	f.Add("${var.x}", "for", "users/read")
	f.Add("%{ if true }$${x}%%{", "a-b", "https://x/y")
	f.Add("\"\\\u2028\u202e\u0301\U0001F600\ufffd", "_", "${x}")
	f.Fuzz(func(t *testing.T, summary, name, scope string) {
		// JSON is YAML too.
		src, err := json.Marshal(map[string]any{"version": 1, "routes": []any{
			map[string]any{"path": "/a", "method": "GET", "handler": "h", "name": name, "summary": summary, "scopes": []string{scope, "other"}},
			map[string]any{"path": "/b", "method": "GET", "handler": "other", "public": true},
		}})
		if err != nil {
			t.Fatal(err)
		}
		table, _ := route.Load("routes.yaml", src, nil)
		if table == nil {
			t.Skip("not a manifest")
		}
		for _, o := range outputs() {
			checkReadsBack(t, table, o.module, o.format, Terraform(table, o.module, o.format, "routes.yaml"))
		}
	})
}

// checkReadsBack checks that src, read as Terraform reads it, is what the table
// says, and that terraform fmt would leave it alone.
func checkReadsBack(t *testing.T, table *route.Table, m Module, format Format, src []byte) {
	t.Helper()
	var file *hcl.File
	var diags hcl.Diagnostics
	if format == JSON {
		file, diags = hclparse.NewParser().ParseJSON(src, "x.auto.tfvars.json")
	} else {
		file, diags = hclparse.NewParser().ParseHCL(src, "x.tf")
		if again := hclwrite.Format(src); !bytes.Equal(again, src) {
			t.Errorf("%s is not formatted (-want +got):\n%s", format, cmp.Diff(string(again), string(src)))
		}
	}
	if diags.HasErrors() {
		t.Fatalf("%s: %v\n%s", format, diags, src)
	}
	body := file.Body
	if format == TF {
		content, diags := body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "locals"}}})
		if diags.HasErrors() || len(content.Blocks) != 1 {
			t.Fatalf("%s: want one locals block: %v\n%s", format, diags, src)
		}
		body = content.Blocks[0].Body
	}
	attrs, diags := body.JustAttributes()
	variable := map[Module]string{Obytes: "routes_definitions", TerraformAWSModules: "routes_by_key"}[m]
	if diags.HasErrors() || len(attrs) != 1 || attrs[variable] == nil {
		t.Fatalf("%s: want nothing but %s: %v\n%s", format, variable, diags, src)
	}
	got, diags := attrs[variable].Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatalf("%s: %v\n%s", format, diags, src)
	}
	if d := cmp.Diff(plain(t, definitions(table, m)), plain(t, got)); d != "" {
		t.Errorf("%s reads back differently (-want +got):\n%s\n%s", format, d, src)
	}
}

// definitions says by other means than the generator what the module must get.
func definitions(table *route.Table, m Module) cty.Value {
	all := make(map[string]cty.Value)
	for r := range table.All() {
		scopes := cty.EmptyTupleVal
		if r.Access.Auth == route.JWT && len(r.Access.Scopes) > 0 {
			var list []cty.Value
			for _, s := range r.Access.Scopes {
				list = append(list, cty.StringVal(s))
			}
			scopes = cty.TupleVal(list)
		}
		entry := map[string]cty.Value{
			"operation_name":       cty.StringVal(r.Summary),
			"authorization_type":   cty.StringVal(map[route.Auth]string{route.Public: "NONE", route.JWT: "JWT", route.IAM: "AWS_IAM"}[r.Access.Auth]),
			"authorization_scopes": scopes,
		}
		key := r.Method + " " + r.Pattern.String()
		if m == Obytes {
			entry["route_key"], entry["api_key_required"] = cty.StringVal(key), cty.False
			key = r.Name
		} else if r.Access.Auth == route.JWT {
			entry["authorizer_key"] = cty.StringVal("jwt")
		} else {
			entry["authorizer_key"] = cty.NullVal(cty.String)
		}
		all[key] = cty.ObjectVal(entry)
	}
	return cty.ObjectVal(all)
}

// plain turns a value into one that go-cmp can show.
func plain(t *testing.T, v cty.Value) (p any) {
	t.Helper()
	src, err := json.Marshal(ctyjson.SimpleJSONValue{Value: v})
	if err == nil {
		err = json.Unmarshal(src, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t *testing.T, src []byte) *route.Table {
	t.Helper()
	table, report := route.Load("routes.yaml", src, nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

// file returns the named file of the archive, or nil.
func file(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func setFile(a *txtar.Archive, name string, data []byte) {
	for i, f := range a.Files {
		if f.Name == name {
			a.Files[i].Data = data
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: data})
}

func ExampleTerraform() {
	table, _ := route.Load("routes.yaml", []byte(`
version: 1
routes:
  - path: /v1/users/{id}
    method: GET
    handler: get_user
    summary: Get a user
    groups: [ADMINS]
    scopes: [users/read]
`), nil)
	fmt.Printf("%s", Terraform(table, Obytes, TF, "routes.yaml"))
	// Output:
	// # Code generated by gen-tf from routes.yaml. DO NOT EDIT.
	//
	// locals {
	//   routes_definitions = {
	//     "get_user" = {
	//       operation_name       = "Get a user"
	//       route_key            = "GET /v1/users/{id}"
	//       api_key_required     = false
	//       authorization_type   = "JWT"
	//       authorization_scopes = ["users/read"]
	//     }
	//   }
	// }
}
