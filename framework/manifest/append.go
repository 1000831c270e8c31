//go:build !routegate.packaged

package manifest

import (
	"bytes"
	"errors"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// A NewRoute is a route to add to a manifest. What is empty is left out.
type NewRoute struct {
	Path, Method, Handler string
	Name, Summary         string
	Tags                  []string
	Public                bool
	Auth                  string
	Groups, Scopes        []string
}

// An AppendError says why a route could not be added by Append.
type AppendError struct {
	Span          // of the routes as they are
	Reason string // what is in the way
	Text   string // the route as YAML, for the author to put there
}

func (e *AppendError) Error() string { return e.Reason }

// An Appended is a manifest with a new route in it.
type Appended struct {
	Source []byte

	first, end int // the new lines of Source; end is the line after them
}

// OldLine returns the line of the old text that became line n of Source. ok is false
// if n is a new line.
func (a *Appended) OldLine(n int) (line int, ok bool) {
	switch {
	case n < a.first:
		return n, true
	case n < a.end:
		return 0, false
	}
	return n - (a.end - a.first), true
}

// Append adds a route behind the last route of the manifest src, in block style,
// indented and set apart as that one is. Every byte of src stays: the new ones
// stand between two of them. Comments below the last route that are indented like
// its keys belong to it. All other comments, and empty lines, come behind the new
// route.
//
// The manifest in src must have the right form. Append does not check what the new
// route means. The error is an *AppendError if the routes are written in a way that
// no text can be added to safely, such as in brackets.
func Append(src []byte, add NewRoute) (*Appended, error) {
	r := &Report{Source: src}
	root := parseTree(r)
	if root == nil || r.HasErrors() || root.kind != mapping {
		return nil, errors.New("the manifest does not have the right form")
	}
	e := &editor{src: r.Source, lines: splitLines(r.Source), add: add}
	doc, err := decodeYAML(yaml.NewDecoder(bytes.NewReader(e.src)))
	if err != nil {
		return nil, err
	}
	end := e.find(doc.Content[0])
	if e.routes == nil || e.routes.Kind != yaml.SequenceNode || len(e.routes.Content) == 0 {
		return nil, errors.New("the manifest has no routes")
	}
	refuse := func(reason, text string) (*Appended, error) {
		return nil, &AppendError{Span{Pos{e.routes.Line, e.routes.Column}, 1}, reason, text}
	}
	if (doc.Content[0].Style|e.routes.Style)&yaml.FlowStyle != 0 {
		return refuse("the routes are written in brackets, where nothing is added safely", e.flow())
	}
	want, _ := root.data().(map[string]any)
	routes, _ := want["routes"].([]any)
	want["routes"] = append(routes, e.data())
	for _, behind := range e.candidates(end) {
		out := e.insert(behind)
		after := &Report{Source: out.Source}
		if tree := parseTree(after); tree != nil && !after.HasErrors() && reflect.DeepEqual(tree.data(), any(want)) {
			mark := src[:len(src)-len(e.src)] // a byte order mark
			out.Source = append(bytes.Clone(mark), out.Source...)
			return out, nil
		}
	}
	return refuse("where the routes end cannot be told", strings.Join(e.block("  ", 2), "\n")+"\n")
}

// An editor adds a route to the text of a manifest.
type editor struct {
	src    []byte
	lines  [][]byte
	add    NewRoute
	routes *yaml.Node
}

// find finds the routes, and the line on which something else follows them.
func (e *editor) find(root *yaml.Node) (end int) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch {
		case root.Content[i].Value == "routes":
			e.routes = root.Content[i+1]
		case e.routes != nil:
			return root.Content[i].Line
		}
	}
	return len(e.lines) + 1
}

// candidates returns the lines, counted from 1, behind which the new route may
// go. Where a text in the last route goes on cannot be told from its place:
// what looks like a comment or an empty line may be a part of it. So there are
// two, and which of them is right shows when the result is read.
func (e *editor) candidates(end int) []int {
	low := lastLine(e.routes)
	for n := low + 1; n < end; n++ {
		if line := e.lines[n-1]; bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("...")) {
			end = n // of the document
		}
	}
	last := end - 1
	for last > low && (isEmpty(e.lines[last-1]) || isComment(e.lines[last-1])) {
		last--
	}
	deeper := func(n int) bool { return indent(e.lines[n-1]) >= e.routes.Column }
	rest := last
	for rest+1 < end && (isEmpty(e.lines[rest]) || deeper(rest+1)) {
		rest++
		if !isEmpty(e.lines[rest-1]) {
			last = rest
		}
	}
	return []int{last, rest}
}

// lastLine is the last line on which a part of n starts.
func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = max(line, lastLine(c))
	}
	return line
}

func indent(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

func isEmpty(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

func isComment(line []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) }

// insert adds the route behind a line.
func (e *editor) insert(behind int) *Appended {
	at, br := 0, "\n"
	for n := range behind {
		at += len(e.lines[n])
		if size := breakAt(e.src[at:]); size > 0 {
			br = string(e.src[at : at+size])
			at += size
		} else {
			at = len(e.src)
		}
	}
	out := &Appended{first: behind + 1, end: behind + 1}
	var b strings.Builder
	if behind == len(e.lines) && len(e.lines[behind-1]) > 0 {
		b.WriteString(br) // the file does not end in one
	}
	if e.spaced() && !isEmpty(e.lines[behind-1]) {
		b.WriteString(br)
		out.end++
	}
	block := e.block(strings.Repeat(" ", e.routes.Column-1), e.keyOffset())
	for _, line := range block {
		b.WriteString(line + br)
	}
	out.end += len(block)
	out.Source = append(append(bytes.Clone(e.src[:at]), b.String()...), e.src[at:]...)
	return out
}

// dash returns the line on which an item starts with its "-".
func (e *editor) dash(item *yaml.Node) int {
	for n := item.Line; n > 1; n-- {
		if line, at := e.lines[n-1], e.routes.Column-1; at < len(line) && line[at] == '-' {
			return n
		}
	}
	return 1
}

// spaced reports whether an empty line stands between the routes: between the
// last two of them.
func (e *editor) spaced() bool {
	items := e.routes.Content
	if len(items) < 2 {
		return true
	}
	n := e.dash(items[len(items)-1]) - 1
	for n > 0 && isComment(e.lines[n-1]) {
		n--
	}
	return n > 0 && isEmpty(e.lines[n-1])
}

// keyOffset is how far behind the "-" the keys of a route stand.
func (e *editor) keyOffset() int {
	last := e.routes.Content[len(e.routes.Content)-1]
	if last.Style&yaml.FlowStyle != 0 || e.dash(last) != last.Line {
		return 2
	}
	return last.Column - e.routes.Column
}

// fields returns the route's keys and values, in the order of the shipped
// manifest.
func (e *editor) fields() []*yaml.Node {
	var fields []*yaml.Node
	field := func(key string, value *yaml.Node) {
		fields = append(fields, textNode(key), value)
	}
	text := func(key, value string) {
		if value != "" {
			field(key, textNode(value))
		}
	}
	list := func(key string, values []string) {
		if len(values) > 0 {
			n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for _, v := range values {
				n.Content = append(n.Content, textNode(v))
			}
			field(key, n)
		}
	}
	text("path", e.add.Path)
	text("method", e.add.Method)
	text("handler", e.add.Handler)
	text("name", e.add.Name)
	text("summary", e.add.Summary)
	list("tags", e.add.Tags)
	if e.add.Public {
		field("public", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	text("auth", e.add.Auth)
	list("groups", e.add.Groups)
	list("scopes", e.add.Scopes)
	return fields
}

func textNode(value string) *yaml.Node {
	quoted := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value}
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x85 || c == 0x2028 || c == 0x2029 }) {
		return quoted // in one line, whatever is in it
	}
	n := new(yaml.Node) // which quotes what YAML 1.1 takes for a boolean
	if err := n.Encode(value); err != nil || n.Kind != yaml.ScalarNode || n.Value != value {
		return quoted
	}
	return n
}

// block returns the lines of the route.
func (e *editor) block(indent string, keyOffset int) []string {
	var lines []string
	fields := e.fields()
	start := indent + "-" + strings.Repeat(" ", keyOffset-1)
	for i := 0; i < len(fields); i += 2 {
		lines = append(lines, start+marshal(&yaml.Node{Kind: yaml.MappingNode, Content: fields[i : i+2]}))
		start = indent + strings.Repeat(" ", keyOffset)
	}
	return lines
}

// flow returns the route as an item of a list in brackets.
func (e *editor) flow() string {
	return marshal(&yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: e.fields()}) + "\n"
}

func marshal(n *yaml.Node) string {
	text, err := yaml.Marshal(n)
	if err != nil {
		return "" // which then is not read as the route
	}
	return strings.TrimSuffix(string(text), "\n")
}

// data returns the route as node.data would.
func (e *editor) data() map[string]any {
	m := make(map[string]any)
	fields := e.fields()
	for i := 0; i < len(fields); i += 2 {
		switch v := fields[i+1]; {
		case v.Kind == yaml.SequenceNode:
			list := make([]any, len(v.Content))
			for j, item := range v.Content {
				list[j] = item.Value
			}
			m[fields[i].Value] = list
		case v.Tag == "!!bool":
			m[fields[i].Value] = true
		default:
			m[fields[i].Value] = v.Value
		}
	}
	return m
}
