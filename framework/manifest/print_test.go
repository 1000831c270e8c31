package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gopkg.in/yaml.v3"
)

// FuzzPrint prints what was read of a valid manifest, in two forms, and reads it
// back: nothing is lost, added or changed, in whatever form it was written.
func FuzzPrint(f *testing.F) {
	for _, src := range seeds(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, report := Parse("routes.yaml", src)
		if report.HasErrors() {
			return
		}
		values := cmp.Options{cmpopts.IgnoreTypes(Span{}, Pos{}), cmpopts.EquateEmpty()}
		for form, printed := range map[string]string{"flow": printFlow(m), "block": printBlock(t, m)} {
			if len(printed) > MaxSize {
				return // every escape makes it longer
			}
			again, report := Parse("routes.yaml", []byte(printed))
			if report.HasErrors() {
				t.Fatalf("%s: %v\n%s", form, report.Err(), printed)
			}
			if diff := cmp.Diff(m, again, values); diff != "" {
				t.Errorf("%s (-written +read back):\n%s\n%s", form, diff, printed)
			}
		}
	})
}

// printFlow writes a manifest on one line, every text in double quotes.
func printFlow(m *Manifest) string {
	quoted := func(s string) string {
		var b strings.Builder
		b.WriteByte('"')
		for _, r := range s {
			fmt.Fprintf(&b, `\U%08X`, r)
		}
		return b.String() + `"`
	}
	var parts []string
	list := func(key string, items []string) string {
		if items == nil {
			return ""
		}
		return fmt.Sprintf("%s: [%s]", key, strings.Join(items, ", "))
	}
	object := func(members ...string) string {
		var all []string
		for _, member := range members {
			if member != "" {
				all = append(all, member)
			}
		}
		return "{" + strings.Join(all, ", ") + "}"
	}
	text := func(key string, s String) string {
		if s.Line == 0 {
			return ""
		}
		return key + ": " + quoted(s.Value)
	}
	texts := func(key string, values []String, written bool) string {
		if !written && values == nil {
			return ""
		}
		items := []string{}
		for _, v := range values {
			items = append(items, quoted(v.Value))
		}
		return list(key, items)
	}
	truth := func(key string, b Bool) string {
		if b.Line == 0 {
			return ""
		}
		return fmt.Sprintf("%s: %v", key, b.Value)
	}
	vocabulary := func(key string, v *Vocabulary) {
		if v == nil {
			return
		}
		var names []string
		for _, n := range v.Names {
			names = append(names, "? "+quoted(n.Value)+" : "+quoted(n.Meaning))
		}
		parts = append(parts, key+": "+object(names...))
	}

	parts = append(parts, "version: 1")
	vocabulary("groups", m.Groups)
	vocabulary("scopes", m.Scopes)
	var routes, tests []string
	for _, r := range m.Routes {
		has := func(key string) bool { _, ok := r.Has[key]; return ok }
		routes = append(routes, object(
			text("path", r.Path), text("method", r.Method), text("handler", r.Handler), text("name", r.Name),
			text("summary", r.Summary), text("description", r.Description), texts("tags", r.Tags, has("tags")),
			truth("deprecated", r.Deprecated), truth("public", r.Public), text("auth", r.Auth),
			texts("groups", r.Groups, has("groups")), texts("scopes", r.Scopes, has("scopes")),
		))
	}
	parts = append(parts, "routes: ["+strings.Join(routes, ", ")+"]")
	for _, test := range m.Tests {
		as := ""
		if test.As != nil {
			as = "as: " + object(text("auth", test.As.Auth), texts("groups", test.As.Groups, false), texts("scopes", test.As.Scopes, false))
		}
		tests = append(tests, object(text("name", test.Name), as, texts("allow", test.Allow, false), texts("deny", test.Deny, false)))
	}
	if tests != nil {
		parts = append(parts, "tests: ["+strings.Join(tests, ", ")+"]")
	}
	return object(parts...)
}

// printBlock writes a manifest as the YAML package does.
func printBlock(t *testing.T, m *Manifest) string {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(printFlow(m)), &doc); err != nil {
		t.Fatalf("%v\n%s", err, printFlow(m))
	}
	var plain func(n *yaml.Node)
	plain = func(n *yaml.Node) {
		n.Style &^= yaml.FlowStyle
		for _, c := range n.Content {
			plain(c)
		}
	}
	plain(&doc)
	out, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
