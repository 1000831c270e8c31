//go:build !routegate.packaged

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
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

	slipsOf *node           // the mapping that slips is about
	slips   map[string]bool // the keys that its unknown keys seem to mean
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
		if !p.node.partial && !s.misspelt(p, "allow") && !s.misspelt(p, "deny") {
			s.report.Errorf(p.node.Span, "missing-key", `the test has neither "allow" nor "deny"`)
		}
	case "type":
		s.report.Errorf(p.node.Span, "wrong-type", "%s must be %s, got %s%s", p.what(), expected(p.schema), got(p.node), mend(p.schema, p.node))
	case "const":
		want := fmt.Sprint(p.schema.Constant[0])
		hint := ""
		if p.node.value == want {
			hint = ": write it without quotes"
		}
		s.report.Errorf(p.node.Span, "bad-value", "%s must be %s, got %s%s", p.what(), want, got(p.node), hint)
	case "enum":
		s.badChoice(p)
	case "minLength":
		p.node.refused = true
		s.report.Errorf(p.node.Span, "bad-value", "%s must not be empty", p.what())
	case "maxLength":
		p.node.refused = true
		s.report.Errorf(p.node.Span, "too-long", "%s has %d characters, at most %d are allowed",
			Quote(p.node.text), utf8.RuneCountInString(p.node.text), p.schema.MaxLength)
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
	return Quote(p.name)
}

func itemWord(list string) string {
	switch list {
	case "allow", "deny":
		return "a request of " + Quote(list)
	}
	return "an entry of " + Quote(list)
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
	return Quote(p.name)
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
	known := propertyNames(p.schema)
	for _, f := range p.node.fields {
		if slices.Contains(known, f.key.Value) {
			continue
		}
		hint := Suggest(f.key.Value, known)
		if hint == "" {
			hint = ", expected one of " + strings.Join(known, ", ")
		}
		s.report.Errorf(f.key.Span, "unknown-key", "unknown key %s%s", Quote(f.key.Value), hint)
	}
}

func (s *structure) missingKeys(p position) {
	for _, name := range p.schema.Required {
		if _, ok := p.node.field(name); !ok && !p.node.partial && !s.misspelt(p, name) {
			s.report.Errorf(p.node.Span, "missing-key", "%s has no %s", p.noun(), Quote(name))
		}
	}
}

// misspelt reports whether a key was reported as a slip of name, so that name
// is not missing on top of it.
func (s *structure) misspelt(p position, name string) bool {
	if s.slipsOf != p.node {
		s.slipsOf, s.slips = p.node, make(map[string]bool)
		known := propertyNames(p.schema)
		for _, f := range p.node.fields {
			if p.schema.Properties[f.key.Value] == nil {
				s.slips[nearest(f.key.Value, known)] = true
			}
		}
	}
	return s.slips[name]
}

func propertyNames(s *jsonschema.Schema) []string {
	return slices.Sorted(maps.Keys(s.Properties))
}

func (s *structure) badChoice(p position) {
	p.node.refused = true
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
		s.report.Errorf(p.node.Span, "bad-value", "unknown %s %s%s", p.name, Quote(text), hint)
	}
}

// badText says what the pattern means.
func (s *structure) badText(p position, e *jsonschema.ValidationError) {
	at, text := p.node.Span, p.node.text
	p.node.refused = true
	def := strings.TrimSuffix(e.AbsoluteKeywordLocation, "/pattern")
	switch def = def[strings.LastIndexByte(def, '/')+1:]; def {
	case "path":
		// Package route reads paths, and says which character is wrong.
		p.node.refused = false
	case "group":
		s.report.Errorf(at, "bad-name", "group %s must hold no space, comma, bracket or control character", Quote(text))
	case "scope":
		s.report.Errorf(at, "bad-name", "scope %s must be printable ASCII without space, comma, bracket, double quote and backslash", Quote(text))
	case "name":
		s.report.Errorf(at, "bad-name", "%s %s must start with a letter or _ and hold letters, digits, _ and - only", p.name, Quote(text))
	case "summary":
		s.report.Errorf(at, "bad-value", "%s must be one line without tabs and control characters: the rest belongs in %s", Quote(p.name), Quote("description"))
	case "request":
		s.report.Errorf(at, "bad-request", `%s must be a method and a path, such as "GET /v1/users/42", got %s`, p.what(), Quote(text))
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

// mend says how to mend the usual slips of the type that s wants, or nothing.
func mend(s *jsonschema.Schema, n *node) string {
	if n.kind != scalar || len(s.Types) == 0 {
		return ""
	}
	text, isText := n.value.(string)
	switch {
	case s.Types[0] == "string" && n.value != nil:
		return ": put it in quotes if text is meant"
	case s.Types[0] == "boolean" && isText:
		switch strings.ToLower(text) {
		case "true", "false":
			return ": write " + strings.ToLower(text) + " without quotes"
		case "yes", "on", "y":
			return ": write true"
		case "no", "off", "n":
			return ": write false"
		}
	case s.Types[0] == "array" && isText:
		return `: put it in "[" and "]"`
	}
	return ""
}

// got says in words what a value is.
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
		return strconv.FormatBool(v)
	case string:
		return Quote(v)
	}
	return "the number " + strings.TrimSuffix(n.text, ".") // so that no sentence seems to end there
}
