package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/routegate/routegate/schema"
)

// compiled is the schema of package schema. It is a part of the program, so
// that failing to compile it is a programming error.
var compiled = sync.OnceValue(func() *jsonschema.Schema {
	const url = "routes.schema.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(url, bytes.NewReader(schema.Routes)); err != nil {
		panic(err)
	}
	return c.MustCompile(url)
})

// checkStructure applies the schema and reports every place where the document
// does not have its form.
func checkStructure(r *Report, root *node) {
	err := compiled().Validate(root.data())
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		(&structure{report: r, root: root}).add(invalid)
	default:
		r.Errorf(Span{}, "schema", "the file could not be checked: %v", err)
	}
}

type structure struct {
	report *Report
	root   *node
}

// add reports the leaves of the tree of errors: what is above them only says
// where they are. An anyOf is a leaf: its branches say what would have done,
// which explainAnyOf puts in one sentence.
func (s *structure) add(e *jsonschema.ValidationError) {
	keyword := e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:]
	if len(e.Causes) > 0 && keyword != "anyOf" {
		for _, cause := range e.Causes {
			s.add(cause)
		}
		return
	}
	p := s.find(e.InstanceLocation)
	if strings.Contains(e.KeywordLocation, "/propertyNames/") {
		// The error is about the key itself, so read the key as the value.
		p.node = &node{Span: p.key, value: p.name, text: p.name}
		p.schema = p.parent.PropertyNames
		for p.schema.Ref != nil {
			p.schema = p.schema.Ref
		}
	}
	switch keyword {
	case "additionalProperties":
		s.unknownKeys(p)
	case "required":
		s.missingKeys(p)
	case "anyOf":
		s.report.Errorf(p.node.Span, "missing-key", `the test has neither "allow" nor "deny"`)
	case "type":
		s.report.Errorf(p.node.Span, "wrong-type", "%s must be %s, got %s", p.what(), expected(p.schema), got(p.node))
	case "const":
		s.report.Errorf(p.node.Span, "bad-value", "%s must be %v, got %s", p.what(), p.schema.Constant[0], got(p.node))
	case "enum":
		s.badChoice(p)
	case "minLength":
		s.report.Errorf(p.node.Span, "bad-value", "%s must not be empty", p.what())
	case "maxLength":
		s.report.Errorf(p.node.Span, "too-long", "%s has %d characters, at most %d are allowed",
			quote(p.node.text), utf8.RuneCountInString(p.node.text), p.schema.MaxLength)
	case "minItems":
		s.report.Errorf(p.node.Span, "bad-value", "%s is empty: %s", p.what(), whenEmpty[p.name])
	case "maxItems":
		s.report.Errorf(p.node.Span, "too-many", "%s has %d entries, API Gateway takes at most %d", p.what(), len(p.node.items), p.schema.MaxItems)
	case "pattern":
		s.badText(p, e)
	default:
		// A keyword that the schema does not use today. Better said in the
		// library's words than not at all.
		s.report.Errorf(p.node.Span, keyword, "%s %s", p.what(), e.Message)
	}
}

var whenEmpty = map[string]string{
	"routes": "a manifest has at least one route",
	"groups": "name a group, or leave the key out where any valid token will do",
	"scopes": "name a scope, or leave the key out where any valid token will do",
	"allow":  "name a request, or leave the key out",
	"deny":   "name a request, or leave the key out",
}

// A position is where an error stands, in the document and in the schema.
type position struct {
	node   *node
	key    Span   // of the key that the node stands under
	name   string // that key; of a list's item, the list's
	item   bool   // whether the node is an item of the list called name
	schema *jsonschema.Schema
	parent *jsonschema.Schema
}

// what names the value for a message.
func (p position) what() string {
	switch {
	case p.name == "":
		return "the manifest"
	case p.item:
		return itemWord(p.name)
	}
	return quote(p.name)
}

func itemWord(list string) string {
	switch list {
	case "allow", "deny":
		return "a request of " + quote(list)
	}
	return "an entry of " + quote(list)
}

// noun names the mapping for messages about its keys.
func (p position) noun() string {
	switch {
	case p.item && p.name == "routes":
		return "the route"
	case p.item && p.name == "tests":
		return "the test"
	case p.name == "":
		return "the manifest"
	}
	return quote(p.name)
}

// find follows a JSON pointer (RFC 6901), in the percent-encoded form that
// jsonschema uses, through document and schema at once.
func (s *structure) find(pointer string) position {
	p := position{node: s.root, key: s.root.Span, schema: compiled()}
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		if t, err := url.PathUnescape(token); err == nil {
			token = t
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch p.node.kind {
		case sequence:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(p.node.items) {
				return p
			}
			p.node, p.item, p.parent = p.node.items[i], true, p.schema
			if items := p.schema.Items2020; items != nil {
				p.schema = items
			}
		case mapping:
			f, ok := p.node.field(token)
			if !ok || f.value == nil {
				return p
			}
			p.node, p.key, p.name, p.item, p.parent = f.value, f.key.Span, token, false, p.schema
			if property := p.schema.Properties[token]; property != nil {
				p.schema = property
			} else if rest, ok := p.schema.AdditionalProperties.(*jsonschema.Schema); ok {
				p.schema = rest
			}
		default:
			return p
		}
		for p.schema.Ref != nil {
			p.schema = p.schema.Ref
		}
	}
	return p
}

func (s *structure) unknownKeys(p position) {
	known := make([]string, 0, len(p.schema.Properties))
	for name := range p.schema.Properties {
		known = append(known, name)
	}
	slices.Sort(known)
	for _, f := range p.node.fields {
		if slices.Contains(known, f.key.Value) {
			continue
		}
		hint := Suggest(f.key.Value, known)
		if hint == "" {
			hint = ", expected one of " + strings.Join(known, ", ")
		}
		s.report.Errorf(f.key.Span, "unknown-key", "unknown key %s%s", quote(f.key.Value), hint)
	}
}

func (s *structure) missingKeys(p position) {
	for _, name := range p.schema.Required {
		if _, ok := p.node.field(name); !ok {
			s.report.Errorf(p.node.Span, "missing-key", "%s has no %s", p.noun(), quote(name))
		}
	}
}

func (s *structure) badChoice(p position) {
	var choices []string
	for _, v := range p.schema.Enum {
		choices = append(choices, fmt.Sprint(v))
	}
	text, ok := p.node.value.(string)
	switch {
	case !ok || p.node.kind != scalar:
		s.report.Errorf(p.node.Span, "wrong-type", "%s must be one of %s, got %s", p.what(), strings.Join(choices, ", "), got(p.node))
	case p.name == "method" && text == "$default":
		s.report.Errorf(p.node.Span, "bad-value", `method "$default" is refused, since it hides who may do what: use ANY with the path /{proxy+}`)
	default:
		hint := Suggest(text, choices)
		if hint == "" {
			hint = ", expected one of " + strings.Join(choices, ", ")
		}
		s.report.Errorf(p.node.Span, "bad-value", "unknown %s %s%s", p.name, quote(text), hint)
	}
}

// badText says what the pattern means.
func (s *structure) badText(p position, e *jsonschema.ValidationError) {
	at, text := p.node.Span, p.node.text
	def := strings.TrimSuffix(e.AbsoluteKeywordLocation, "/pattern")
	switch def = def[strings.LastIndexByte(def, '/')+1:]; def {
	case "path":
		// Package route reads paths, and says which character is wrong.
	case "group":
		s.report.Errorf(at, "bad-name", "group %s must hold no space, comma, bracket or control character", quote(text))
	case "scope":
		s.report.Errorf(at, "bad-name", "scope %s must be printable ASCII without space, comma, bracket, double quote and backslash", quote(text))
	case "name":
		s.report.Errorf(at, "bad-name", "%s %s must start with a letter or _ and hold letters, digits, _ and - only", p.name, quote(text))
	case "summary":
		s.report.Errorf(at, "bad-value", "%s must be one line: the rest belongs in %s", quote(p.name), quote("description"))
	case "request":
		s.report.Errorf(at, "bad-request", `%s must be a method and a path, such as "GET /v1/users/42", got %s`, p.what(), quote(text))
	default:
		s.report.Errorf(at, "bad-value", "%s %s", p.what(), e.Message)
	}
}

// expected says in words what a schema's type is.
func expected(s *jsonschema.Schema) string {
	if len(s.Types) == 0 {
		return "something else"
	}
	switch s.Types[0] {
	case "string":
		return "text"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	}
	return s.Types[0]
}

// got says in words what a value is, and how to mend the usual slips.
func got(n *node) string {
	switch n.kind {
	case mapping:
		return "a mapping"
	case sequence:
		return "a list"
	}
	switch v := n.value.(type) {
	case nil:
		return "nothing"
	case bool:
		return fmt.Sprintf("%v: put it in quotes if text is meant", v)
	case string:
		switch strings.ToLower(v) {
		case "yes", "on", "y":
			return quote(v) + ": write true"
		case "no", "off", "n":
			return quote(v) + ": write false"
		}
		return quote(v)
	}
	return "the number " + n.text
}
