package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/routegate/routegate/framework/route"
	"github.com/routegate/routegate/schema"
)

// compile compiles the schema, which checks it against its metaschema.
func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("routes.schema.json", bytes.NewReader(schema.Routes)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("routes.schema.json")
	if err != nil {
		t.Fatalf("not valid: %#v", err)
	}
	return s
}

func decode(t *testing.T, src []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMetaschema(t *testing.T) {
	t.Parallel()
	const draft = "https://json-schema.org/draft/2020-12/schema"
	if got := decode(t, schema.Routes)["$schema"]; got != draft {
		t.Errorf("$schema is %q, want %q", got, draft)
	}
	if compile(t).Draft != jsonschema.Draft2020 {
		t.Error("not compiled as draft 2020-12")
	}
	if err := jsonschema.MustCompile(draft).Validate(any(decode(t, schema.Routes))); err != nil {
		t.Errorf("not valid against its metaschema: %#v", err)
	}
}

// TestDescriptions walks the schema as a value: an editor shows the description
// of whatever the pointer is on, and completes only what is listed.
func TestDescriptions(t *testing.T) {
	t.Parallel()
	root := decode(t, schema.Routes)
	defs := root["$defs"].(map[string]any)
	seen := make(map[string]bool)
	properties := 0
	var walk func(at string, s map[string]any)
	walk = func(at string, s map[string]any) {
		described := s
		if ref, ok := s["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/$defs/")
			def, ok := defs[name].(map[string]any)
			if !ok {
				t.Errorf("%s: no %s", at, ref)
				return
			}
			seen[name] = true
			if described["description"] == nil {
				described = def
			}
		}
		text, _ := described["description"].(string)
		if len(text) < 10 || !strings.HasSuffix(text, ".") {
			t.Errorf("%s has no description that is a sentence: %q", at, text)
		}
		if p, ok := s["properties"].(map[string]any); ok {
			if s["additionalProperties"] != false {
				t.Errorf("%s takes keys that it does not list", at)
			}
			for _, name := range required(s) {
				if p[name] == nil {
					t.Errorf("%s requires %q, which it does not list", at, name)
				}
			}
			for name, v := range p {
				properties++
				walk(at+"/"+name, v.(map[string]any))
			}
		} else if s["type"] == "object" && s["additionalProperties"] == nil {
			t.Errorf("%s takes any key", at)
		}
		for _, keyword := range []string{"items", "propertyNames", "additionalProperties"} {
			if v, ok := s[keyword].(map[string]any); ok {
				walk(at+"/"+keyword, v)
			}
		}
	}
	walk("", root)
	for name, def := range defs {
		walk("#"+name, def.(map[string]any))
	}
	for name := range defs {
		if !seen[name] {
			t.Errorf("nothing refers to #/$defs/%s", name)
		}
	}
	if properties < 20 {
		t.Errorf("found only %d properties", properties)
	}
}

func required(s map[string]any) []string {
	var names []string
	list, _ := s["required"].([]any)
	for _, name := range list {
		names = append(names, name.(string))
	}
	return names
}

func TestExamples(t *testing.T) {
	t.Parallel()
	s := compile(t)
	const valid = `{
		"version": 1,
		"groups": {"ADMINS": "Operates the site", "USERS": null},
		"scopes": {"users/read": "Reads users"},
		"routes": [
			{"path": "/v1/manage/hc", "method": "GET", "handler": "health_check", "summary": "Service Health Check", "public": true},
			{"path": "/v1/users/{id}", "method": "ANY", "handler": "get_user", "name": "user", "description": "One\nuser", "tags": ["users"],
				"deprecated": false, "auth": "jwt", "groups": ["USERS"], "scopes": ["users/read"]}
		],
		"tests": [{"name": "a", "as": {"auth": "jwt", "groups": ["USERS"], "scopes": []}, "allow": ["GET /v1/users/42"], "deny": ["HEAD /"]}]
	}`
	if err := s.Validate(any(decode(t, []byte(valid)))); err != nil {
		t.Errorf("%#v", err)
	}
	path := decode(t, schema.Routes)["$defs"].(map[string]any)["route"].(map[string]any)["properties"].(map[string]any)["path"].(map[string]any)
	for _, example := range path["examples"].([]any) {
		manifest := strings.Replace(valid, "/v1/users/{id}", example.(string), 1)
		if err := s.Validate(any(decode(t, []byte(manifest)))); err != nil {
			t.Errorf("%s: %#v", example, err)
		}
	}

	// One constraint a row. old is replaced by new in the valid manifest.
	for _, test := range []struct{ keyword, old, new string }{
		{"const", `"version": 1`, `"version": 2`},
		{"required", `"version": 1,`, ``},
		{"additionalProperties", `"version": 1,`, `"version": 1, "x": 1,`},
		{"type", `"Operates the site"`, `1`},
		{"pattern", `"ADMINS"`, `"AD MINS"`},
		{"minLength", `"ADMINS"`, `""`},
		{"maxLength", `"ADMINS"`, `"` + strings.Repeat("é", 257) + `"`},
		{"pattern", `"scopes": {"users/read"`, `"scopes": {"users read"`},
		{"pattern", `"scopes": {"users/read"`, `"scopes": {"users\"read"`},
		{"pattern", `"scopes": {"users/read"`, `"scopes": {"users\\read"`},
		{"pattern", `"scopes": {"users/read"`, `"scopes": {"users[read"`},
		{"maxLength", `"scopes": {"users/read"`, `"scopes": {"` + strings.Repeat("x", 65) + `"`},
		{"enum", `"ANY"`, `"$default"`},
		{"enum", `"ANY"`, `"TRACE"`},
		{"enum", `"auth": "jwt", "groups": ["USERS"], "scopes": ["`, `"auth": "none", "groups": ["USERS"], "scopes": ["`},
		{"pattern", `"name": "user"`, `"name": "1"`},
		{"maxLength", `"name": "user"`, `"name": "` + strings.Repeat("x", 65) + `"`},
		{"required", `"handler": "get_user",`, ``},
		{"minLength", `"Service Health Check"`, `""`},
		{"maxLength", `"Service Health Check"`, `"` + strings.Repeat("é", 65) + `"`},
		{"pattern", `"Service Health Check"`, `"a\nb"`},
		{"type", `"public": true`, `"public": "yes"`},
		{"minLength", `"tags": ["users"]`, `"tags": [""]`},
		{"minItems", `"groups": ["USERS"], "scopes": ["users/read"]}`, `"groups": []}`},
		{"maxItems", `"scopes": ["users/read"]}`, `"scopes": ["1","2","3","4","5","6","7","8","9","10","11"]}`},
		{"anyOf", `, "allow": ["GET /v1/users/42"], "deny": ["HEAD /"]`, ``},
		{"minItems", `["GET /v1/users/42"]`, `[]`},
		{"pattern", `GET /v1/users/42`, `ANY /v1/users/42`},
		{"pattern", `GET /v1/users/42`, `GET /v1/users?x`},
		{"pattern", `GET /v1/users/42`, `/v1/users`},
		{"additionalProperties", `"as": {`, `"as": {"x": 1, `},
		{"minLength", `"tests": [{"name": "a"`, `"tests": [{"name": ""`},
	} {
		src := strings.Replace(valid, test.old, test.new, 1)
		if src == valid {
			t.Fatalf("%q is not in the manifest", test.old)
		}
		err := s.Validate(any(decode(t, []byte(src))))
		if got := fmt.Sprintf("%#v", err); err == nil || !strings.Contains(got, "/"+test.keyword+"]") {
			t.Errorf("%s instead of %s: want an error of %q, got %s", test.new, test.old, test.keyword, got)
		}
	}
}

// TestPathPattern compares the schema's pattern for paths with ParsePattern for
// every text over a few characters. The schema may be looser, but only where
// its grammar cannot say it: a variable's name twice, and the segments "."
// and "..".
func TestPathPattern(t *testing.T) {
	t.Parallel()
	path := decode(t, schema.Routes)["$defs"].(map[string]any)["route"].(map[string]any)["properties"].(map[string]any)["path"].(map[string]any)
	pattern := regexp.MustCompile(path["pattern"].(string))
	check := func(text string) {
		_, err := route.ParsePattern(text)
		matched := pattern.MatchString(text)
		switch {
		case err == nil && !matched:
			t.Errorf("%q: the schema refuses what ParsePattern takes", text)
		case err != nil && matched:
			segments := strings.Split(text, "/")
			dots := slices.Contains(segments, ".") || slices.Contains(segments, "..")
			if !dots && !strings.HasSuffix(err.Error(), "twice") {
				t.Errorf("%q: the schema takes what ParsePattern refuses: it %v", text, err)
			}
		}
	}
	const alphabet = "/a{}+.~ "
	var all func(text string)
	all = func(text string) {
		check(text)
		if len(text) < 6 {
			for _, c := range alphabet {
				all(text + string(c))
			}
		}
	}
	all("")
	for _, text := range []string{
		"/v1/users/{id}", "/v1/files/{path+}", "/{a}/{b}/{c+}", "/{a}/{a}", "/{a}/{a+}", "/{a+}/{b+}", "/é", "/a:b_c-d.e", "/{a:b_c-d.e+}",
		"/a%20b", "/a?b", "/a#b", "/a\n", "/a\n/b", "\n/a", "/a/", "//", "$default", "/{a}b", "/a{b}", "/{{a}}", "/{a", "/a}", "/{a++}", "/A/Z/0/9",
	} {
		check(text)
	}
}

// The methods of the schema are the router's.
func TestMethods(t *testing.T) {
	t.Parallel()
	root := decode(t, schema.Routes)["$defs"].(map[string]any)
	var got []string
	for _, m := range root["route"].(map[string]any)["properties"].(map[string]any)["method"].(map[string]any)["enum"].([]any) {
		got = append(got, m.(string))
	}
	if d := cmp.Diff(append(slices.Clone(route.Methods), route.AnyMethod), got); d != "" {
		t.Errorf("methods (-router +schema):\n%s", d)
	}
	request := root["request"].(map[string]any)["pattern"].(string)
	if want := "^(" + strings.Join(route.Methods, "|") + ") /"; !strings.HasPrefix(request, want) {
		t.Errorf("requests have the pattern %s, want %s...", request, want)
	}
}
