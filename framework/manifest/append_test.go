package manifest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// order is the route that the tests add.
var order = NewRoute{
	Path: "/v1/orders/{id}", Method: "GET", Handler: "get_order", Summary: "Get an order: one",
	Tags: []string{"orders", "a, b"}, Groups: []string{"STAFF"}, Scopes: []string{"orders/read", "{x}"},
}

// block is what it looks like where items are indented by two.
const block = `  - path: /v1/orders/{id}
    method: GET
    handler: get_order
    summary: 'Get an order: one'
    tags: [orders, 'a, b']
    groups: [STAFF]
    scopes: [orders/read, '{x}']
`

// In each source the new route goes where "§" is.
func TestAppend(t *testing.T) {
	t.Parallel()
	unindented := strings.ReplaceAll(strings.ReplaceAll(block, "\n  ", "\n"), "  - path", "- path")
	deep := strings.ReplaceAll(strings.ReplaceAll(block, "\n    ", "\n           "), "  - path", "       -   path")
	tests := []struct{ name, src, want string }{
		{"at the end", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n§", "\n" + block},
		{"no line break at the end", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a§", "\n\n" + block},
		{"in front of the tests", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n§\ntests: []\n", "\n" + block},
		{"in front of the tests, no space", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n§tests: []\n", "\n" + block},
		{"routes first", "routes:\n  - path: /a\n    method: GET\n    handler: a\n§\n# version\nversion: 1\n", "\n" + block},
		{"spaced", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n\n  # b\n  - path: /b\n    method: GET\n    handler: b\n§\n\n\n", "\n" + block},
		{"not spaced", "version: 1\nroutes:\n\n  - path: /a\n    method: GET\n    handler: a\n  - path: /b\n    method: GET\n    handler: b\n§\n", block},
		{"in one line each", "version: 1\nroutes:\n  - {path: /a, method: GET, handler: a}\n  - { path: /b, method: GET,\n      handler: b\n    } # b\n§", block},
		{"not indented", "version: 1\nroutes:\n- path: /a\n  method: GET\n  handler: a\n- path: /b\n  method: GET\n  handler: b\n§tests: []\n", unindented},
		{"indented a lot", "version: 1\nroutes:\n       -   path: /a\n           method: GET\n           handler: a\n       -   path: /b\n           method: GET\n           handler: b\n§", deep},
		{"the dash alone", "version: 1\nroutes:\n  -\n    path: /a\n    method: GET\n    handler: a\n  -\n    # b\n    path: /b\n    method: GET\n    handler: b\n§", block},
		{"comments stay", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    # public: true\n\n    # groups: [A]\n§  # what else there may be\n\n# the tests\ntests: []\n", "\n" + block},
		{"a comment behind an empty line", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n§\n# the tests\ntests: []\n", "\n" + block},
		{"a block of text", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    description: |\n      # Title\n\n      # no comment\n§\n# the tests\ntests: []\n", "\n" + block},
		{"a block of text that keeps its end", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    description: |+\n      text\n\n\n§tests: []\n", block},
		{"a block of text that keeps its end, last", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    description: |+\n      text\n\n      # text\n§      \n", "\n" + block},
		{"a text in quotes", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    description: \"one\n# two\n\n  three\"\n§\n", "\n" + block},
		{"a text that goes on", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    description: one\n      two\n\n      three # four\n§\n", "\n" + block},
		{"lists that go on", "version: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n    groups:\n      - A\n      - B\n    scopes: [a,\n# c\n ]\n§tests: []\n", "\n" + block},
		{"CR LF", "version: 1\r\nroutes:\r\n  - path: /a\r\n    method: GET\r\n    handler: a\r\n§\r\ntests: []\n", strings.ReplaceAll("\n"+block, "\n", "\r\n")},
		{"CR", "version: 1\rroutes:\r  - path: /a\r    method: GET\r    handler: a§", strings.ReplaceAll("\n\n"+block, "\n", "\r")},
		{"byte order mark", "\ufeffversion: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: é\n§", "\n" + block},
		{"document marks", "--- # one\nversion: 1\nroutes:\n  - path: /a\n    method: GET\n    handler: a\n§...\n# end\n", "\n" + block},
		{"keys in quotes", "'version': 1\n\"routes\" :  # all\n  - 'path': /a\n    method: GET\n    handler: a\n§", "\n" + block},
		{"an explicit key", "version: 1\n? routes\n: - path: /a\n    method: GET\n    handler: a\n§", "\n" + block},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Append([]byte(strings.Replace(test.src, "§", "", 1)), order)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Replace(test.src, "§", test.want, 1), string(got.Source)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkOldLines(t, []byte(strings.Replace(test.src, "§", "", 1)), got)
		})
	}

	// Only what is given is written, and whatever it is, it is read as a text.
	src := []byte("version: 1\nroutes:\n  - {path: /a, method: GET, handler: a}\n")
	for _, test := range []struct {
		add  NewRoute
		want string
	}{
		{NewRoute{Path: "/b", Method: "ANY", Handler: "b", Public: true}, "  - path: /b\n    method: ANY\n    handler: b\n    public: true\n"},
		{NewRoute{Path: "/b", Method: "GET", Handler: "b", Name: "c", Auth: "iam"}, "  - path: /b\n    method: GET\n    handler: b\n    name: c\n    auth: iam\n"},
		{NewRoute{Path: "b: c", Method: "no", Handler: "1e3", Name: "# x", Summary: "a\nb\u2028\x01", Groups: []string{"", "null", "é, ]"}}, "  - path: 'b: c'\n    method: \"no\"\n    handler: \"1e3\"\n    name: '# x'\n    summary: \"a\\nb\\L\\x01\"\n    groups: [\"\", \"null\", 'é, ]']\n"},
		{NewRoute{Path: strings.Repeat("a b ", 100) + "c"}, "  - path: " + strings.Repeat("a b ", 100) + "c\n"},
	} {
		got, err := Append(src, test.add)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(src)+"\n"+test.want, string(got.Source)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.add, diff)
		}
	}
}

// checkOldLines checks that OldLine says of every line where it came from.
func checkOldLines(t *testing.T, src []byte, got *Appended) {
	t.Helper()
	old, now := splitLines(src), splitLines(got.Source)
	next := 1
	for n := range now {
		line, ok := got.OldLine(n + 1)
		if !ok {
			continue
		}
		if end := line == len(old)+1 && len(now[n]) == 0; !end && (line != next || string(old[line-1]) != string(now[n])) {
			t.Fatalf("line %d, %q, is said to be line %d, want %d", n+1, now[n], line, next)
		}
		next++
	}
	if added := len(now) - (next - 1); added < 1 || next <= len(old) {
		t.Errorf("%d lines are new, and %d of %d old ones are there:\n%s", added, next-1, len(old), got.Source)
	}
}

// Where no text can be added safely, nothing is.
func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	const flow = "{path: '/v1/orders/{id}', method: GET, handler: get_order, summary: 'Get an order: one', tags: [orders, 'a, b'], groups: [STAFF], scopes: [orders/read, '{x}']}\n"
	tests := []struct{ name, src, reason, text string }{
		{"a list in brackets", "version: 1\nroutes: [{path: /a, method: GET, handler: a}]\n", "2:9: the routes are written in brackets, where nothing is added safely", flow},
		{"all in brackets", "{version: 1, routes: [{path: /a, method: GET, handler: a}]}\n", "1:22: the routes are written in brackets, where nothing is added safely", flow},
		{"an explicit key that goes on", "? routes\n: - path: /a\n    method: GET\n    handler: a\n? version\n: 1\n", "", ""},
	}
	for _, test := range tests {
		out, err := Append([]byte(test.src), order)
		refused := (*AppendError)(nil)
		if test.reason == "" && err == nil {
			continue // found a place after all
		}
		if !errors.As(err, &refused) || out != nil {
			t.Errorf("%s: %+v, %v", test.name, out, err)
			continue
		}
		if got := itoa(refused.Line) + ":" + itoa(refused.Column) + ": " + refused.Error(); got != test.reason {
			t.Errorf("%s: got %q, want %q", test.name, got, test.reason)
		}
		if diff := cmp.Diff(test.text, refused.Text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	for _, src := range []string{"", "version: 1\n", "routes: {}\n", "routes: []\n", "routes\n", "- routes\n", "a: b: c\n", "routes:\n", "\xff", "a: *b\nroutes:\n  - a\n"} {
		if out, err := Append([]byte(src), order); err == nil || out != nil {
			t.Errorf("%q: %+v, %v", src, out, err)
		}
	}
}

// FuzzAppend checks that whatever is added to whatever manifest, the old bytes
// stay as they are, and what is read is the old manifest with the new route.
func FuzzAppend(f *testing.F) {
	for _, src := range seeds(f) {
		f.Add(src, "/v1/orders/{id}", "Get an order", "STAFF")
		f.Add(bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")), "", "yes: #", "[a, b]")
		f.Add(bytes.TrimRight(src, "\n"), "a\tb", "'\"", "{")
	}
	f.Fuzz(func(t *testing.T, src []byte, path, summary, group string) {
		if _, r := Parse("", src); r.HasErrors() {
			_, _ = Append(src, order) // which must not panic
			return
		}
		add := NewRoute{Path: path, Method: "GET", Handler: "h", Summary: summary, Tags: []string{group, "x"}, Groups: []string{group}}
		appended, err := Append(src, add)
		if refused := (*AppendError)(nil); errors.As(err, &refused) {
			if refused.Line < 1 || refused.Text == "" {
				t.Errorf("incomplete: %+v", refused)
			}
			return
		}
		if err != nil {
			t.Fatalf("a manifest of the right form: %v", err)
		}
		checkOldLines(t, src, appended)
		out := appended.Source
		same := 0
		for same < len(src) && src[same] == out[same] {
			same++
		}
		// The place may lie further in front, when the new text starts like the
		// old that it pushes back.
		if n := len(out) - len(src); n <= 0 || !bytes.HasSuffix(out[n:], src[same:]) {
			t.Fatalf("the old bytes are not there any more:\n%q\n%q", src, out)
		}
		before, after := tree(t, src), tree(t, out)
		routes := after["routes"].([]any)
		added := routes[len(routes)-1].(map[string]any)
		after["routes"] = routes[:len(routes)-1]
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("the old manifest (-want +got):\n%s", diff)
		}
		want := map[string]any{"method": "GET", "handler": "h", "tags": []any{group, "x"}, "groups": []any{group}}
		if path != "" {
			want["path"] = path
		}
		if summary != "" {
			want["summary"] = summary
		}
		if diff := cmp.Diff(want, added); diff != "" {
			t.Errorf("the new route (-want +got):\n%s", diff)
		}
	})
}

func tree(t *testing.T, src []byte) map[string]any {
	t.Helper()
	r := &Report{Source: src}
	root := parseTree(r)
	if root == nil || r.HasErrors() {
		t.Fatalf("cannot be read any more: %v\n%s", r.Err(), src)
	}
	return root.data().(map[string]any)
}
