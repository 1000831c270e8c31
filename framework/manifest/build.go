//go:build !routegate.packaged

package manifest

// A builder makes a Manifest of the tree. Values of the wrong form were
// reported before; it leaves them out.
type builder struct {
	report *Report
}

func (b *builder) manifest(root *node) *Manifest {
	m := &Manifest{}
	for _, f := range root.fields {
		if f.value == nil {
			continue
		}
		switch f.key.Value {
		case "groups":
			m.Groups = b.vocabulary(f.value)
		case "scopes":
			m.Scopes = b.vocabulary(f.value)
		case "routes":
			for _, item := range f.value.items {
				if item.kind == mapping {
					m.Routes = append(m.Routes, b.route(item))
				}
			}
		case "tests":
			for _, item := range f.value.items {
				if item.kind == mapping {
					m.Tests = append(m.Tests, b.test(item))
				}
			}
		}
	}
	return m
}

func (b *builder) vocabulary(n *node) *Vocabulary {
	if n.kind != mapping || n.partial {
		return nil // which names there are was not to be read
	}
	v := &Vocabulary{}
	for _, f := range n.fields {
		name := Name{String: f.key}
		if f.value != nil {
			name.Meaning = text(f.value).Value
		}
		v.Names = append(v.Names, name)
	}
	return v
}

func (b *builder) route(n *node) Route {
	r := Route{Span: n.Span, Has: make(map[string]Span, len(n.fields))}
	for _, f := range n.fields {
		r.Has[f.key.Value] = f.key.Span
		if f.value == nil {
			continue
		}
		switch f.key.Value {
		case "path":
			r.Path = text(f.value)
		case "method":
			r.Method = text(f.value)
		case "handler":
			r.Handler = text(f.value)
		case "name":
			r.Name = text(f.value)
		case "summary":
			r.Summary = text(f.value)
		case "description":
			r.Description = text(f.value)
		case "tags":
			r.Tags = b.list(f.value)
		case "deprecated":
			r.Deprecated = truth(f.value)
		case "public":
			r.Public = truth(f.value)
		case "auth":
			r.Auth = text(f.value)
		case "groups":
			r.Groups = b.list(f.value)
		case "scopes":
			r.Scopes = b.list(f.value)
		}
	}
	return r
}

func (b *builder) test(n *node) Test {
	t := Test{Span: n.Span}
	for _, f := range n.fields {
		if f.value == nil {
			continue
		}
		switch f.key.Value {
		case "name":
			t.Name = text(f.value)
		case "as":
			if f.value.kind == mapping {
				t.As = b.caller(f)
			}
		case "allow":
			t.Allow = b.list(f.value)
		case "deny":
			t.Deny = b.list(f.value)
		}
	}
	return t
}

func (b *builder) caller(as field) *Caller {
	c := &Caller{Span: as.key.Span}
	for _, f := range as.value.fields {
		if f.value == nil {
			continue
		}
		switch f.key.Value {
		case "auth":
			c.Auth = text(f.value)
		case "groups":
			c.Groups = b.list(f.value)
		case "scopes":
			c.Scopes = b.list(f.value)
		}
	}
	return c
}

// list returns the texts of a list, and reports the ones that stand in it twice.
func (b *builder) list(n *node) []String {
	var list []String
	seen := make(map[string]Span, len(n.items))
	for _, item := range n.items {
		s := text(item)
		if s.Line == 0 {
			continue
		}
		if first, ok := seen[s.Value]; ok {
			b.report.Add(Diagnostic{
				Span: s.Span, Rule: "duplicate-value",
				Message: "duplicate " + Quote(s.Value) + ", first on line " + itoa(first.Line),
				Related: []Related{{first, "the first one"}},
			})
			continue
		}
		seen[s.Value] = s.Span
		list = append(list, s)
	}
	return list
}

func text(n *node) String {
	if v, ok := n.value.(string); ok && n.kind == scalar && !n.refused {
		return String{Value: v, Span: n.Span}
	}
	return String{}
}

func truth(n *node) Bool {
	if v, ok := n.value.(bool); ok && n.kind == scalar {
		return Bool{Value: v, Span: n.Span}
	}
	return Bool{}
}
