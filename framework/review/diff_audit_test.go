package review

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/route"
)

const auditManifest = `version: 1
groups: {A: all, B: both, C: none}
scopes: {s: some, t: two, u: none}
routes:
  - {path: '/a/{id}', method: GET, handler: a, name: get_a, summary: A, description: of A, tags: [x, y], groups: [A, B], scopes: [s, t]}
  - {path: /b, method: POST, handler: b, auth: iam}
  - {path: /c, method: GET, handler: c, public: true, deprecated: true}
  - {path: '/d/{rest+}', method: ANY, handler: d, public: true}
tests:
  - {name: one, as: {groups: [A], scopes: [s]}, allow: [GET /a/1], deny: [POST /b]}
  - {name: two, as: {auth: iam}, allow: [POST /b]}
  - {name: three, deny: [GET /a/1]}
`

// edits are what each field of a manifest is set to, by the field's path. A
// field that is in neither edits nor waived makes the test fail, so that a new
// one cannot be forgotten.
var edits = map[string][]any{
	"Groups":                     {(*manifest.Vocabulary)(nil)},
	"Groups.Names":               {appended, shortened},
	"Groups.Names[].Value":       {"Z"},
	"Groups.Names[].Meaning":     {"", "other"},
	"Scopes":                     {(*manifest.Vocabulary)(nil)},
	"Scopes.Names":               {appended, shortened},
	"Scopes.Names[].Value":       {"z"},
	"Scopes.Names[].Meaning":     {"", "other"},
	"Routes":                     {appended, shortened},
	"Routes[].Path.Value":        {"/z", "/z/{id}", "/a/{key}", "/a/{id+}", "/d/{all+}", "/a/b", "/c/d"},
	"Routes[].Method.Value":      {"HEAD", "PUT", "ANY"},
	"Routes[].Handler.Value":     {"z"},
	"Routes[].Name.Value":        {"", "z"},
	"Routes[].Summary.Value":     {"", "z"},
	"Routes[].Description.Value": {"", "z"},
	"Routes[].Tags":              {appended, shortened},
	"Routes[].Tags[].Value":      {"z"},
	"Routes[].Deprecated.Value":  {true, false},
	"Routes[].Public.Value":      {true, false},
	"Routes[].Auth.Value":        {"", "jwt", "iam"},
	"Routes[].Groups":            {appended, shortened},
	"Routes[].Groups[].Value":    {"C"},
	"Routes[].Scopes":            {appended, shortened},
	"Routes[].Scopes[].Value":    {"u"},
	"Tests":                      {appended, shortened},
	"Tests[].Name.Value":         {"other"},
	"Tests[].As":                 {(*manifest.Caller)(nil), &manifest.Caller{}},
	"Tests[].As.Auth.Value":      {"", "iam"},
	"Tests[].As.Groups":          {appended, shortened},
	"Tests[].As.Groups[].Value":  {"B"},
	"Tests[].As.Scopes":          {appended, shortened},
	"Tests[].As.Scopes[].Value":  {"t"},
	"Tests[].Allow":              {appended, shortened},
	"Tests[].Allow[].Value":      {"GET /c"},
	"Tests[].Deny":               {appended, shortened},
	"Tests[].Deny[].Value":       {"GET /a/2"},
}

// The edits of a list.
const (
	appended  = "one more"
	shortened = "one less"
)

// waived are the fields whose edits mean nothing, by the end of their path.
var waived = map[string]string{
	"Span": "a place is no meaning",
	"Has":  "the places of the keys",
}

// A field is one that can be set, somewhere in a manifest.
type field struct {
	path  string
	value reflect.Value
}

// fieldsOf returns every field of a manifest that is not waived, lists and
// pointers included.
func fieldsOf(v reflect.Value, path string, found []field) []field {
	switch v.Kind() {
	case reflect.Pointer:
		if path != "" {
			found = append(found, field{path, v})
		}
		if !v.IsNil() {
			found = fieldsOf(v.Elem(), path, found)
		}
	case reflect.Slice:
		found = append(found, field{path, v})
		for i := range v.Len() {
			found = fieldsOf(v.Index(i), path+"[]", found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if waived[f.Name] != "" {
				continue
			}
			sub := path
			if !f.Anonymous { // String in Name
				sub = strings.TrimPrefix(path+"."+f.Name, ".")
			}
			found = fieldsOf(v.Field(i), sub, found)
		}
	default:
		found = append(found, field{path, v})
	}
	return found
}

// set makes an edit. It returns false when there is nothing to edit.
func (f field) set(to any) bool {
	switch to {
	case shortened:
		if f.value.Len() == 0 {
			return false
		}
		f.value.Set(f.value.Slice(1, f.value.Len()))
		return true
	case appended:
		switch list := f.value.Addr().Interface().(type) {
		case *[]manifest.String:
			value := map[string]string{"Allow": "GET /c", "Deny": "GET /nowhere", "Groups": "A", "Scopes": "s", "Tags": "z"}
			*list = append(*list, manifest.String{Value: value[f.path[strings.LastIndex(f.path, ".")+1:]]})
		case *[]manifest.Route:
			*list = append(*list, manifest.Route{Path: manifest.String{Value: "/zz"}, Method: manifest.String{Value: "GET"}, Handler: manifest.String{Value: "zz"}})
		case *[]manifest.Test:
			*list = append(*list, manifest.Test{Name: manifest.String{Value: "more"}, Deny: []manifest.String{{Value: "POST /b"}}})
		case *[]manifest.Name:
			*list = append(*list, manifest.Name{String: manifest.String{Value: "Z"}})
		default:
			panic("a list that this test does not know: " + f.path)
		}
		return true
	}
	if reflect.DeepEqual(f.value.Interface(), to) {
		return false
	}
	f.value.Set(reflect.ValueOf(to))
	return true
}

// Every possible edit of a manifest's fields that changes what it means is
// claimed by a rule.
func TestEveryEditIsClaimed(t *testing.T) {
	t.Parallel()
	parse := func() *manifest.Manifest {
		m, report := manifest.Parse("routes.yaml", []byte(auditManifest))
		if m == nil {
			t.Fatal(report.Err())
		}
		return m
	}
	before := load(t, auditManifest)
	if text := printed(parse()); len(Compare(before, load(t, text)).Changes) > 0 {
		t.Fatalf("the manifest is not printed as it is:\n%s", text)
	}

	n := len(fieldsOf(reflect.ValueOf(parse()), "", nil))
	claims, valid := make(map[string]map[string]bool), make(map[string]int)
	for i := range n {
		path := fieldsOf(reflect.ValueOf(parse()), "", nil)[i].path
		if claims[path] == nil {
			claims[path] = make(map[string]bool)
		}
		if edits[path] == nil {
			t.Errorf("field %s is neither edited nor waived", path)
		}
		for _, to := range edits[path] {
			m := parse()
			if !fieldsOf(reflect.ValueOf(m), "", nil)[i].set(to) {
				continue
			}
			text := printed(m)
			after, _ := route.Load("routes.yaml", []byte(text), nil)
			if after == nil {
				continue // such as a public route with groups
			}
			valid[path]++
			changes := Compare(before, after).Changes
			if len(changes) == 0 && !(path == "Routes[].Auth.Value" && to == "jwt") { // it is the default
				t.Errorf("%s = %v is claimed by no rule:\n%s", path, to, text)
			}
			for _, c := range changes {
				claims[path][c.Rule] = true
			}
			if back := Compare(after, before).Changes; len(changes) > 0 && len(back) == 0 {
				t.Errorf("%s = %v, taken back, is claimed by no rule", path, to)
			}
		}
	}
	ruled := make(map[string]bool)
	for path := range edits {
		maps.Copy(ruled, claims[path])
		if valid[path] == 0 {
			t.Errorf("no edit of %s makes a valid manifest: is there such a field?", path)
		}
		t.Logf("%-28s %3d edits, claimed by %v", path, valid[path], slices.Sorted(maps.Keys(claims[path])))
	}
	for _, r := range Rules {
		if !ruled[r.ID] {
			t.Errorf("rule %s claims no edit", r.ID)
		}
	}
}

// printed is the manifest as YAML.
func printed(m *manifest.Manifest) string {
	b := &strings.Builder{}
	b.WriteString("version: 1\n")
	for name, v := range map[string]*manifest.Vocabulary{"groups": m.Groups, "scopes": m.Scopes} {
		if v != nil {
			fmt.Fprintf(b, "%s:\n", name)
			for _, n := range v.Names {
				fmt.Fprintf(b, "  %q: %q\n", n.Value, n.Meaning)
			}
			if len(v.Names) == 0 {
				b.WriteString("  {}\n")
			}
		}
	}
	text := func(key string, s manifest.String) {
		if s.Value != "" {
			fmt.Fprintf(b, "%s: %q, ", key, s.Value)
		}
	}
	list := func(key string, l []manifest.String) {
		if len(l) > 0 {
			var quoted []string
			for _, s := range l {
				quoted = append(quoted, strconv.Quote(s.Value))
			}
			fmt.Fprintf(b, "%s: [%s], ", key, strings.Join(quoted, ", "))
		}
	}
	flag := func(key string, v manifest.Bool) {
		if v.Value {
			fmt.Fprintf(b, "%s: true, ", key)
		}
	}
	b.WriteString("routes:\n")
	for _, r := range m.Routes {
		b.WriteString("  - {")
		text("path", r.Path)
		text("method", r.Method)
		text("handler", r.Handler)
		text("name", r.Name)
		text("summary", r.Summary)
		text("description", r.Description)
		text("auth", r.Auth)
		list("tags", r.Tags)
		list("groups", r.Groups)
		list("scopes", r.Scopes)
		flag("deprecated", r.Deprecated)
		flag("public", r.Public)
		b.WriteString("}\n")
	}
	if len(m.Tests) > 0 {
		b.WriteString("tests:\n")
	}
	for _, test := range m.Tests {
		b.WriteString("  - {")
		text("name", test.Name)
		if test.As != nil {
			b.WriteString("as: {")
			text("auth", test.As.Auth)
			list("groups", test.As.Groups)
			list("scopes", test.As.Scopes)
			b.WriteString("}, ")
		}
		list("allow", test.Allow)
		list("deny", test.Deny)
		b.WriteString("}\n")
	}
	return b.String()
}
